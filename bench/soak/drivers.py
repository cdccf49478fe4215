"""One face for four drivers: statements with `$1`, rows as tuples, and two ways to leave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import pg8000.dbapi
import psycopg

NODE_MODULES = Path(__file__).parents[2] / "var/node/node_modules"
_SECONDS = 60.0
"""An answer that takes longer is none."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to connect."""

    port: int
    user: str
    password: str
    database: str


class SoakError(Exception):
    """What the server said, or that the connection is gone."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


class Session(Protocol):
    """One connection. Every call may raise an error of its driver."""

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]: ...
    def close(self) -> None: ...
    def vanish(self) -> None:
        """Be gone without a word, as a machine is that lost its power or a process that was killed."""
        ...


class Psycopg:
    def __init__(self, place: Place) -> None:
        self._connection = psycopg.connect(
            host="127.0.0.1", port=place.port, user=place.user, password=place.password, dbname=place.database,
            autocommit=True, cursor_factory=psycopg.RawCursor, prepare_threshold=3, connect_timeout=30,
        )  # fmt: skip

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(sql, values)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        self._connection.close()

    def vanish(self) -> None:
        _break(self._connection.fileno())
        self._connection.close()


class Pg8000:
    def __init__(self, place: Place) -> None:
        self._connection = pg8000.dbapi.connect(
            place.user, "127.0.0.1", place.database, place.port, place.password, timeout=_SECONDS
        )
        self._connection.autocommit = True

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        cursor = self._connection.cursor()
        cursor.execute(re.sub(r"\$\d+", "%s", sql), values)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def close(self) -> None:
        self._connection.close()

    def vanish(self) -> None:
        _break(self._connection._usock.fileno())
        self._connection._usock.close()


class Asyncpg:
    def __init__(self, place: Place) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection = self._loop.run_until_complete(
            asyncpg.connect(
                host="127.0.0.1", port=place.port, user=place.user, password=place.password, database=place.database,
                ssl=False, timeout=30, command_timeout=_SECONDS,
            )
        )  # fmt: skip

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if not values:
            self._loop.run_until_complete(self._connection.execute(sql))
            return []
        return [tuple(row) for row in self._loop.run_until_complete(self._connection.fetch(sql, *values))]

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._loop.run_until_complete(self._connection.close(timeout=10))
        self._loop.close()

    def vanish(self) -> None:
        self._connection._transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


class Node:
    """A process of its own, which is told what to do line by line."""

    def __init__(self, place: Place) -> None:
        self._process = subprocess.Popen(
            ["node", str(Path(__file__).with_name("session.js"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
        )  # fmt: skip
        self._ask(host="127.0.0.1", port=place.port, user=place.user, password=place.password, database=place.database)

    def _ask(self, **what: Any) -> list[list[Any]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "ended"}
        if "error" in answer:
            raise SoakError(str(answer["error"]))
        rows: list[list[Any]] = answer["rows"]
        return rows

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._ask(sql=sql, values=values)]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.vanish()

    def vanish(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def drivers() -> dict[str, type[Psycopg] | type[Pg8000] | type[Asyncpg] | type[Node]]:
    """Those that are here."""
    found: dict[str, Any] = {"psycopg": Psycopg, "asyncpg": Asyncpg, "pg8000": Pg8000}
    if shutil.which("node") and (NODE_MODULES / "pg").exists():
        found["node"] = Node
    return found


def _break(descriptor: int) -> None:
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as sock:
        sock.shutdown(socket.SHUT_RDWR)


def sqlstate(error: BaseException) -> str:
    """Of an error of any of the drivers; the name of its class where it has none."""
    state = getattr(error, "sqlstate", None)
    if not state and error.args and isinstance(error.args[0], dict):
        state = error.args[0].get("C")
    return str(state) if state else type(error).__name__
