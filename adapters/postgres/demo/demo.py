"""`menshen demo`: a company's database, a gateway before it, and lines to paste, on one machine in a minute.

The steps, each safe to repeat: look at the machine, start the embedded PostgreSQL, fill it where it is empty, write the
demo's bundle and configuration, run the gateway here until Ctrl-C, stop the database. The gateway itself comes as a
callable, since an adapter does not know the program that composes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import shutil
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

import asyncpg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from adapters.postgres.demo import lines, load
from adapters.postgres.demo.embedded import EmbeddedError, EmbeddedPostgres, port_or_free, program
from adapters.postgres.demo.pager import Pager
from adapters.postgres.demo.people import Company
from adapters.postgres.demo.state import Ports, State, private_text

Serve: TypeAlias = Callable[[Path], int]
"""Runs the gateway with the configuration at the path until a signal ends it, in this thread; gives the exit code."""

SEED: Final = 20_250_101
CUSTOMERS: Final = 50_000
MIN_FREE_BYTES: Final = 500_000_000


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    folder: Path = Path("var/demo")
    customers: int = CUSTOMERS
    seed: int = SEED
    port: int = 6432
    """The gateway's; another one is taken where it is in use. The same for `http_port`."""
    http_port: int = 8080
    fresh: bool = False
    """Forget the data of earlier runs."""
    as_json: bool = False


class DemoError(Exception):
    """The demo cannot run here; the message says what to do."""


def run(options: Options, serve: Serve, console: Console | None = None) -> int:
    """The whole demo; returns when it was stopped. Exit codes: 0 stopped, 2 could not start."""
    console = console or Console(stderr=options.as_json, highlight=False)
    # A polite end from outside is the same as Ctrl-C, which a shell turns off for what it starts in the background. The
    # gateway takes both over while it runs.
    for order in (signal.SIGINT, signal.SIGTERM):
        signal.signal(order, signal.default_int_handler)
    try:
        state = State(options.folder)
        with _alone(state):
            return _run(options, state, serve, console)
    except (DemoError, EmbeddedError, OSError) as error:
        console.print(f"menshen demo: {error}", markup=False, style="red")
        return 2
    except KeyboardInterrupt:
        console.print("stopped")
        return 0


def _run(options: Options, state: State, serve: Serve, console: Console) -> int:
    console.print("[bold]门神 Menshen[/] · demo · Ctrl-C stops all of it")
    check_machine(state.folder)
    server = EmbeddedPostgres(state.data, password=state.secrets.superuser)
    state.save()
    if options.fresh:
        server.erase()
    company = Company(options.seed, options.customers, datetime.now(UTC).date())
    try:
        _start_database(server, state, company, console)
        ports = Ports(server.port, port_or_free(options.port), port_or_free(options.http_port))
        if not state.write_bundle():
            console.print(f"bundle: {state.policies} was edited and is kept as it is", markup=False)
        phone, expired = asyncio.run(_ask(server.dsn("crm")))
        facts = _facts(state, ports, phone, expired)
        private_text(state.folder / "lines.sh", lines.plain(facts))
        with Pager(lambda title: _page(title, console)) as pager:
            state.write_config(ports, pager.url)
            _announce_when_ready(facts, state, options, console)
            code = serve(state.config)
    finally:
        server.stop()
    console.print("stopped: the gateway and the database; start again with the same command")
    return code


def check_machine(folder: Path) -> None:
    """Raise DemoError where the demo cannot work, with the remedy."""
    if sys.platform == "win32":
        raise DemoError("Windows is not supported: run it in WSL or in a container")
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        raise DemoError(f"{folder} has {free // 1_000_000} MB free and the demo needs {MIN_FREE_BYTES // 1_000_000} MB")


@contextlib.contextmanager
def _alone(state: State) -> Iterator[None]:
    """Hold the state folder: a second demo in it would stop the first one's database."""
    with open(state.folder / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(
                f"another demo runs in {state.folder}: stop it, or give this one another folder with --state-dir"
            ) from None
        yield


def _start_database(server: EmbeddedPostgres, state: State, company: Company, console: Console) -> None:
    """Start and fill; data of an earlier run that cannot be used is made anew, once."""
    for attempt in (1, 2):
        try:
            began = time.monotonic()
            with console.status("starting PostgreSQL 18"):
                server.start()
            console.print(f"PostgreSQL 18 on 127.0.0.1:{server.port} in {time.monotonic() - began:.1f} s")
            _fill(server, state, company, console)
            return
        except (EmbeddedError, asyncpg.PostgresError, ConnectionError) as error:
            if attempt == 2:
                raise DemoError(f"the database could not be made in {server.data}: {error}") from error
            console.print("the data of an earlier run cannot be used; making it anew")
            server.stop()
            server.erase()


def _fill(server: EmbeddedPostgres, state: State, company: Company, console: Console) -> None:
    began = time.monotonic()
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("customers", total=None, start=True)

        def show(table: str, rows: int) -> None:
            expected = company.size if table == "crm.customers" else None
            progress.update(task, description=table, completed=rows, total=expected)

        made = asyncio.run(load.ensure(server.dsn(), "crm", state.secrets.owner, company, show))
    what = f"{company.size:,} generated customers"
    console.print(f"{what} in {time.monotonic() - began:.1f} s" if made else f"{what} are there from an earlier run")


async def _ask(dsn: str) -> tuple[str, int]:
    """The phone number of the first customer, and how many customers are expired."""
    connection = await asyncpg.connect(dsn)
    try:
        phone = await connection.fetchval("SELECT phone FROM crm.customers WHERE id = 1")
        expired = await connection.fetchval(
            "SELECT count(*) FROM crm.customers WHERE last_active_at < now() - interval '3 years'"
        )
        return str(phone), int(expired)
    finally:
        await connection.close()


def _facts(state: State, ports: Ports, phone: str, expired: int) -> lines.Facts:
    # Started by its path, as `make demo` does, it is not on the PATH of the terminal that the lines are pasted into.
    own = Path(sys.argv[0]).absolute()
    on_path = shutil.which("menshen")
    menshen = str(own) if own.name == "menshen" and str(own) != on_path else "menshen"
    return lines.Facts(
        psql="psql" if shutil.which("psql") else program("psql"),
        port=ports.gateway,
        http_port=ports.http,
        passwords=state.secrets.principals,
        menshen=menshen,
        config=str(state.config),
        phone=phone,
        expired=expired,
    )


def _page(title: str, console: Console) -> None:
    console.print(f"paged: {title}", style="bold red", markup=False, soft_wrap=True)


def _announce_when_ready(facts: lines.Facts, state: State, options: Options, console: Console) -> None:
    """Print the lines once the gateway answers; it runs in this thread, so that another one has to watch."""

    def watch() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if _ready(facts.http_port):
                _print(facts, state, options, console)
                return
            time.sleep(0.05)

    threading.Thread(target=watch, name="demo-ready", daemon=True).start()


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _print(facts: lines.Facts, state: State, options: Options, console: Console) -> None:
    if options.as_json:
        document = {
            "gateway": {"host": "127.0.0.1", "port": facts.port, "database": "crm"},
            "http": f"http://127.0.0.1:{facts.http_port}",
            "config": facts.config,
            "lines": [asdict(line) for line in lines.lines(facts)],
            "tools": [{"title": title, "command": command} for title, command in lines.tools(facts)],
        }
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        return
    console.print(f"\nThe gateway listens on 127.0.0.1:{facts.port}. Paste into another terminal:\n", style="green")
    for line in lines.lines(facts):
        console.print(line.who, style="bold cyan", markup=False)
        console.print(f"  look for: {line.look}", style="dim", markup=False)
        # Never wrapped by us: a line break in the middle would break the command.
        console.print(line.command, markup=False, soft_wrap=True)
        console.print()
    for title, command in lines.tools(facts):
        console.print(title, style="bold cyan", markup=False)
        console.print(command, markup=False, soft_wrap=True)
    console.print(
        f"\nAll lines are in {state.folder / 'lines.sh'}. Ctrl-C stops the demo.", style="green", markup=False
    )
