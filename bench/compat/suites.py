"""How each driver's suite is started and told where to connect, and how its outcomes are read."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from bench.compat.places import Place
from bench.compat.results import FAILED, PASSED, Outcome, read_junit

_FILE_SECONDS = 120
"""One file of a Node suite."""
_SUITE_SECONDS = 3600


@dataclass(frozen=True)
class Order:
    """One run: what to run, where, with what."""

    checkout: Path
    place: Place
    folder: Path
    """For the report and the log."""
    python: str
    """Interpreter that has the driver and what its tests need."""
    arguments: Sequence[str]
    """The user's own, appended to the suite's command."""


Suite: TypeAlias = Callable[[Order], dict[str, Outcome]]


def _environment(place: Place, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Without the caller's own PG* variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {
        **kept,
        "PGHOST": place.host,
        "PGPORT": str(place.port),
        "PGUSER": place.user,
        "PGPASSWORD": place.password,
        **(more or {}),
    }


def _pytest(order: Order, environment: dict[str, str], arguments: Sequence[str]) -> dict[str, Outcome]:
    report = (order.folder / f"{order.place.name}.xml").absolute()
    command = [order.python, "-m", "pytest", "-q", f"--junitxml={report}"]
    with open(order.folder / f"{order.place.name}.log", "wb") as log:
        done = subprocess.run(
            [*command, *arguments, *order.arguments],
            cwd=order.checkout,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=_SUITE_SECONDS,
        )
    # 1: tests failed, which is what is looked for.
    if done.returncode not in (0, 1) or not report.exists():
        raise RuntimeError(f"the suite did not run (pytest ended with {done.returncode}); see {log.name}")
    return read_junit(report)


def psycopg(order: Order) -> dict[str, Outcome]:
    """psycopg 3. Left out: what measures time, checks types with mypy, or needs another server."""
    environment = _environment(order.place, {"PSYCOPG_IMPL": "binary"})
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD"):
        del environment[name]
    place = order.place
    dsn = f"host={place.host} port={place.port} user={place.user} password={place.password} dbname={place.database}"
    marks = "not slow and not flakey and not mypy and not timing and not crdb and not dns and not gevent"
    return _pytest(order, environment, ["tests", "-m", marks, "--test-dsn", dsn])


def asyncpg(order: Order) -> dict[str, Outcome]:
    """asyncpg, on a running cluster: what starts clusters of its own is skipped by the suite itself."""
    place = order.place
    # The installed, compiled package must win over the checkout's sources beside the tests.
    environment = _environment(place, {"PGDATABASE": place.database, "PYTHONSAFEPATH": "1"})
    return _pytest(order, environment, ["tests", "--import-mode=append"])


def pg8000(order: Order) -> dict[str, Outcome]:
    """pg8000. `auth` folders need a server with an authentication method each."""
    left_out = [f"--ignore=test/{part}/auth" for part in ("dbapi", "legacy", "native")]
    return _pytest(order, _environment(order.place), ["test", "--ignore=test/test_readme.py", *left_out])


def node_postgres(order: Order) -> dict[str, Outcome]:
    """node-postgres: each file under packages/pg/test/integration is a program; each line with a tick is a test."""
    package = order.checkout / "packages" / "pg"
    environment = _environment(order.place, {"PGDATABASE": order.place.database, "PGTESTNOSSL": "1"})
    outcomes: dict[str, Outcome] = {}
    with open(order.folder / f"{order.place.name}.log", "w", encoding="utf-8") as log:
        for file in sorted(package.glob("test/integration/**/*-tests.js")):
            name = str(file.relative_to(package / "test" / "integration"))
            status, text = _node(["node", str(file), *order.arguments], package, environment)
            log.write(f"== {name}\n{text}\n")
            for done in re.findall(r"^\s*(\S.*?) ✔$", text, re.MULTILINE):
                outcomes[f"{name}::{done}"] = Outcome(PASSED)
            words = [line for line in text.splitlines() if "rror" in line]
            outcomes[name] = Outcome(PASSED) if status == 0 else Outcome(FAILED, words[0].strip() if words else "")
    return outcomes


def _node(command: list[str], cwd: Path, environment: dict[str, str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=_FILE_SECONDS,
        )
    except subprocess.TimeoutExpired as exc:
        said = (exc.stdout or b"").decode("utf-8", "replace")
        return -1, f"{said}\nError: no end after {_FILE_SECONDS} s"
    return done.returncode, done.stdout.decode("utf-8", "replace")


SUITES: Mapping[str, Suite] = {
    "psycopg": psycopg,
    "asyncpg": asyncpg,
    "pg8000": pg8000,
    "node-postgres": node_postgres,
}
