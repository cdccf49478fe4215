"""Harmless breaches: what a thief would do, marked as a drill, every row thrown away."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import asyncpg

from adapters.postgres.source import reason_of
from adapters.postgres.sql.quote import quote_ident
from gateway.errors import MenshenError

SCRAPED: Final = 60
"""Customers that a scrape reads, more than the detector's default needs."""
ADDRESSES: Final = 12
"""Addresses that a stolen credential is used from."""
_FAILURES: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError)


_CUT_OFF: Final = (
    asyncpg.AdminShutdownError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InvalidAuthorizationSpecificationError,
)


class DrillFailed(MenshenError):
    """The breach could not be made, so nothing was measured."""

    sqlstate = "08006"


def account_of(dsn: str) -> str:
    """The user that a connection string names."""
    return unquote(urlsplit(dsn).username or "")


class Breach:
    """One drill's connections. `run`, then `ended` and `is_refused` after containment; `close` always."""

    def __init__(self, dsn: str, drill: str, purpose: str = "") -> None:
        """`dsn`: an account at the gateway."""
        self._dsn, self._mark = dsn, f"drill:{drill}"
        self._settings = {"menshen.actor": self._mark, "application_name": self._mark}
        if purpose:
            self._settings["menshen.purpose"] = purpose
        self._connections: list[Any] = []
        self._gone: list[asyncio.Event] = []
        self._last_end = 0.0
        self._doors: list[asyncio.Server] = []

    async def run(self, kind: str, *, table: str, key: str, planted: str, direct: str, hold: float) -> int:
        """Do it; gives the rows that were read. Raises DrillFailed. `direct`: the database's own address (bypass)."""
        try:
            match kind:
                case "bulk-export":
                    return await self._export(table)
                case "scrape":
                    return await self._scrape(table, key)
                case "honey":
                    return await self._read(table, key, planted)
                case "stolen-credential":
                    return await self._many_addresses()
                case _:
                    self._connections.append(
                        await asyncpg.connect(direct, server_settings={"application_name": self._mark}, timeout=10)
                    )
                    return 0
        except _CUT_OFF:
            if not self._gone:
                raise DrillFailed("the account is suspended") from None
            return 0  # a detector that contains was faster
        except _FAILURES as error:
            # The text is the gateway's own, or the database's for the drill's account; a server's SQLSTATE tells most.
            text = str(error) if isinstance(error, asyncpg.PostgresError) else reason_of(error)
            raise DrillFailed(f"the breach could not be made: {text}") from None

    async def _export(self, table: str) -> int:
        connection = await self._connect()
        rows = 0
        async with connection.transaction():
            async for _ in connection.cursor(f"SELECT * FROM {_quoted(table)}", prefetch=100_000):
                rows += 1
        return rows

    async def _scrape(self, table: str, key: str) -> int:
        connection = await self._connect()
        place, name = _quoted(table), quote_ident(key)
        keys = await connection.fetch(f"SELECT {name} FROM {place} ORDER BY {name} LIMIT $1::int", SCRAPED)
        rows = 0
        for (one,) in keys:
            rows += len(await connection.fetch(f"SELECT * FROM {place} WHERE {name} = $1", one))
        return rows

    async def _read(self, table: str, key: str, planted: str) -> int:
        connection = await self._connect()
        # The cast is on the parameter's side, so that the gateway sees which customer is read.
        value: Any = int(planted) if planted.lstrip("-").isdigit() else planted
        return len(await connection.fetch(f"SELECT * FROM {_quoted(table)} WHERE {quote_ident(key)} = $1", value))

    async def _many_addresses(self) -> int:
        parts = urlsplit(self._dsn)
        for number in range(2, 2 + ADDRESSES):
            port = await self._door(parts.hostname or "127.0.0.1", parts.port or 5432, f"127.0.0.{number}")
            account = parts.netloc.rpartition("@")[0]
            through = parts._replace(netloc=f"{account}@127.0.0.1:{port}").geturl()
            connection = await self._connect(through)
            await connection.fetchval("SELECT 1")
        return 0

    async def _door(self, host: str, port: int, source: str) -> int:
        """A local port that leads to the gateway, from another address of this machine."""

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                inward, outward = await asyncio.open_connection(host, port, local_addr=(source, 0))
                await asyncio.gather(_pump(reader, outward), _pump(inward, writer))

        door = await asyncio.start_server(carry, "127.0.0.1", 0)
        self._doors.append(door)
        return int(door.sockets[0].getsockname()[1])

    async def _connect(self, dsn: str = "") -> Any:
        connection = await asyncpg.connect(
            dsn or self._dsn, server_settings=self._settings, timeout=15, statement_cache_size=0
        )
        self._connections.append(connection)
        gone = asyncio.Event()

        def over(_: Any) -> None:
            self._last_end = time.time()
            gone.set()

        connection.add_termination_listener(over)
        self._gone.append(gone)
        return connection

    async def ended(self, seconds: float) -> float:
        """Wait until the gateway has ended all sessions; gives when, as Unix time. Raises DrillFailed."""
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(gone.wait() for gone in self._gone))
        except TimeoutError:
            raise DrillFailed("the sessions of the drill were not ended") from None
        return self._last_end

    async def is_refused(self) -> bool:
        """Whether a new login with the drill's mark gets 28000."""
        try:
            await self._connect()
        except asyncpg.InvalidAuthorizationSpecificationError:
            return True
        except _FAILURES:
            return False
        return False

    async def close(self) -> None:
        for connection in self._connections:
            with contextlib.suppress(*_FAILURES):
                await connection.close(timeout=2)
        for door in self._doors:
            door.close()


def _quoted(table: str) -> str:
    return ".".join(quote_ident(part) for part in table.split(".", 1))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
