"""A gateway as its users run it: `menshen serve` as a process of its own, on free ports, over a bundle in a folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from adapters.postgres.demo.embedded import free_port
from adapters.postgres.demo.state import shipped_policies, write_bundle

ROOT = Path(__file__).resolve().parents[2]


class Gateway:
    """One gateway. `start` and `stop` may be called again; a context manager does both.

    `folder`: an empty folder for its files. `databases`: name → connection string of the database.
    `policies`: the bundle to copy; the repository's own by default. Every principal in it gets the password that
    `passwords` names, or a new one; `verifiers=False` copies the bundle as it is.
    `settings`: `{"trail": {"durability": "fsync"}}`, merged over what follows from the rest.
    `environment`: variables of the process beside ours. `program`: another module that serves.
    """

    def __init__(
        self,
        folder: Path,
        databases: Mapping[str, str],
        *,
        policies: Path | None = None,
        passwords: Mapping[str, str] | None = None,
        verifiers: bool = True,
        settings: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        program: str = "gateway.cli",
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self._program = program
        self.http_port = free_port()
        self.passwords = dict(passwords or {})
        self.policies = folder / "policies"
        self.trail = folder / "trail"
        self.config = folder / "menshen.toml"
        self.log_file = folder / "gateway.log"
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        source = policies or shipped_policies()
        if verifiers:
            write_bundle(source, self.policies, self.passwords)
        else:
            self.policies.mkdir(parents=True, exist_ok=True)
            for file in source.iterdir():
                if file.is_file():
                    (self.policies / file.name).write_bytes(file.read_bytes())
        tree: dict[str, Any] = {
            "gateway": {"workers": 1, "state_dir": str(folder / "state")},
            "policy": {"path": str(self.policies)},
            "trail": {"path": str(self.trail), "durability": "write"},
            "http": {"host": "127.0.0.1", "port": self.http_port},
            "listen": [{"protocol": "postgres", "host": "127.0.0.1", "port": self.port}],
            "databases": {name: {"dsn": dsn, "mode": "inline"} for name, dsn in databases.items()},
        }
        _merge(tree, settings or {})
        self.config.write_text(_toml(tree), encoding="utf-8")
        self.database = next(iter(databases), "")

    def __enter__(self) -> Gateway:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """All that the process wrote so far, standard output and standard error."""
        return self.log_file.read_text(encoding="utf-8", errors="replace") if self.log_file.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *, timeout: float = 45.0) -> None:
        """Start it and wait for /readyz; an early end or a timeout fails with its log."""
        with open(self.log_file, "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._program, "serve", "-c", str(self.config)],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self.running:
                raise AssertionError(f"the gateway ended with {self._process.returncode}:\n{self.log}")
            if self.ready():
                return
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"the gateway was not ready after {timeout} s:\n{self.log}")

    def stop(self, *, timeout: float = 30.0) -> int | None:
        """Drain with SIGTERM; gives the exit code, None where it did not run."""
        if self._process is None:
            return None
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the gateway did not stop in {timeout} s:\n{self.log}") from None

    def kill(self) -> None:
        """`kill -9` of the gateway and its workers."""
        if self._process is not None and self.running:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)

    def reload(self) -> None:
        """SIGHUP: load the bundle and the catalogues again."""
        os.kill(self.pid, signal.SIGHUP)

    def ready(self) -> bool:
        return self.http("/readyz")[0] == 200

    def http(self, path: str, *, timeout: float = 2.0) -> tuple[int, str]:
        """GET from the HTTP side: status and text; status 0 where nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def dsn(self, principal: str, *, database: str = "", purpose: str | None = None, **options: str) -> str:
        """A connection string for `principal`; `purpose` goes into the startup options, `options` into the query."""
        if purpose is not None:
            options["options"] = f"-c menshen.purpose={purpose}"
        user, secret = quote(principal, safe=""), quote(self.passwords.get(principal, ""), safe="")
        query = f"?{urlencode(options, quote_via=quote)}" if options else ""
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{quote(database or self.database, safe='')}{query}"

    def records(self) -> list[dict[str, Any]]:
        """Every record of the trail, in the order of files and lines; a torn last line is left out."""
        found: list[dict[str, Any]] = []
        for file in sorted(self.trail.rglob("*.jsonl")):
            for line in file.read_bytes().split(b"\n"):
                if line.endswith(b"}"):
                    found.append(json.loads(line))
        return found

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another `menshen` command with this gateway's configuration, e.g. `run("trail", "verify")`."""
        return subprocess.run(
            [sys.executable, "-m", "gateway.cli", *arguments, "-c", str(self.config)],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


def _merge(tree: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        else:
            tree[key] = value


def _toml(tree: Mapping[str, Any], path: str = "") -> str:
    """As much of TOML as settings need."""
    plain = {k: v for k, v in tree.items() if not isinstance(v, Mapping) and not _tables(v)}
    lines = [f"{_key(k)} = {json.dumps(v, ensure_ascii=False)}" for k, v in plain.items()]
    for key, value in tree.items():
        here = f"{path}.{_key(key)}" if path else _key(key)
        if isinstance(value, Mapping):
            lines += ["", f"[{here}]", _toml(value, here)]
        elif _tables(value):
            for one in value:
                lines += ["", f"[[{here}]]", _toml(one, here)]
    return "\n".join(lines) + "\n"


def _tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _key(key: str) -> str:
    return (
        key if key.replace("_", "").replace("-", "").isascii() and key.replace("_", "").isalnum() else json.dumps(key)
    )
