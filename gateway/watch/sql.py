"""Two databases behind one face: SQLite (embedded, in a thread) and PostgreSQL (asyncpg). The SQL is the same.

Statements use `$1` placeholders and types that both know. A `transaction` is the only writer at its time, in every
process: `BEGIN IMMEDIATE` in SQLite, an advisory lock in PostgreSQL.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import asyncpg

from gateway.errors import MenshenError

Row: TypeAlias = tuple[Any, ...]

_LOCK = 0x6D656E7368656E  # "menshen"
_BUSY_SECONDS = 10.0
_PLACE = re.compile(r"\$(\d+)")


class StoreUnavailable(MenshenError):
    """The store of incidents cannot be read or written."""

    sqlstate = "58030"
    http_status = 503


class Connection(Protocol):
    """Inside a transaction."""

    async def rows(self, sql: str, *values: Any) -> list[Row]: ...
    async def run(self, sql: str, *values: Any) -> None: ...
    async def run_many(self, sql: str, values: Sequence[Row]) -> None: ...


class Sql(Protocol):
    """A database with its schema made. All methods raise StoreUnavailable."""

    def transaction(self) -> contextlib.AbstractAsyncContextManager[Connection]: ...
    async def close(self) -> None: ...


class Sqlite:
    """A file. One connection in one thread: the loop never waits for the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="incidents")
        self._lock = asyncio.Lock()
        self._connection: sqlite3.Connection | None = None

    async def open(self, schema: Sequence[str]) -> None:
        await self._call(self._open, schema)

    def _open(self, schema: Sequence[str]) -> None:
        self._path.touch(mode=0o600, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        # NORMAL in WAL mode survives the death of the process; FULL survives that of the machine as well.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in schema:
            connection.execute(statement)
        connection.execute("COMMIT")
        self._connection = connection

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self._lock:
            # Cancelled or not, what was handed to the thread is done there in this order, before anything later.
            try:
                await self._call(self._execute, "BEGIN IMMEDIATE", ())
                yield self
                await asyncio.shield(self._call(self._execute, "COMMIT", ()))
            except BaseException:
                await asyncio.shield(self._call(self._rollback))
                raise

    def _rollback(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    async def rows(self, sql: str, *values: Any) -> list[Row]:
        found: list[Row] = await self._call(self._execute, sql, values)
        return found

    async def run(self, sql: str, *values: Any) -> None:
        await self._call(self._execute, sql, values)

    async def run_many(self, sql: str, values: Sequence[Row]) -> None:
        def many() -> None:
            assert self._connection is not None
            self._connection.executemany(_PLACE.sub(r"?\1", sql), values)

        await self._call(many)

    def _execute(self, sql: str, values: Sequence[Any]) -> list[Row]:
        assert self._connection is not None
        return self._connection.execute(_PLACE.sub(r"?\1", sql), values).fetchall()

    async def _call(self, function: Any, *arguments: Any) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(
                f"the store of incidents cannot be used: {error}",
                hint=f"Check the folder and free space of {self._path}.",
            ) from error

    async def close(self) -> None:
        if self._connection is not None:
            await self._call(self._connection.close)
            self._connection = None
        self._thread.shutdown(wait=False)


class Postgres:
    """A PostgreSQL database that several gateways may share."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: Any = None

    async def open(self, schema: Sequence[str]) -> None:
        with _translated():
            self._pool = await asyncpg.create_pool(self._dsn, min_size=1, max_size=4, timeout=10, command_timeout=30)
        async with self.transaction() as connection:
            for statement in schema:
                await connection.run(statement)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        with _translated():
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                yield _PostgresConnection(connection)

    async def close(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(pool.close(), 3)


class _PostgresConnection:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def rows(self, sql: str, *values: Any) -> list[Row]:
        return [tuple(row) for row in await self._connection.fetch(sql, *values)]

    async def run(self, sql: str, *values: Any) -> None:
        await self._connection.execute(sql, *values)

    async def run_many(self, sql: str, values: Sequence[Row]) -> None:
        await self._connection.executemany(sql, values)


@contextlib.contextmanager
def _translated() -> Any:
    try:
        yield
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        state = getattr(error, "sqlstate", None) or type(error).__name__
        raise StoreUnavailable(
            f"the store of incidents cannot be used ({state})", hint="Check watch.store_dsn and that database."
        ) from error
