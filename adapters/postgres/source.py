"""The gateway's own connection to a database, for its catalogue and for asking whether it is there.

It connects when it is used and connects again when it was lost. Whatever goes wrong becomes `UpstreamUnavailable` with
a reason that holds no address, no name and no password, since `/readyz` shows it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

import asyncpg

from adapters.postgres.catalog import Snapshot
from adapters.postgres.check import check
from adapters.postgres.dsn import for_asyncpg
from adapters.postgres.introspect import introspect
from adapters.postgres.managed.check import check as check_managed
from adapters.postgres.managed.state import find
from gateway.config import Secret
from gateway.errors import Problem, UpstreamUnavailable
from gateway.policy.policy import Policy
from gateway.watch.detectors.bypass import Backend

_READ_SECONDS = 60.0
_PING_SECONDS = 5.0
_APPLICATION = "menshen catalogue"
# PostgreSQL documentation, "pg_stat_activity"; what this user may not see is NULL there.
_BACKENDS = """
SELECT pid, coalesce(to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ''),
       coalesce(usename, '')::text, datname::text, coalesce(host(client_addr), ''), coalesce(application_name, '')
FROM pg_catalog.pg_stat_activity
WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()
  AND coalesce(backend_type, 'client backend') = 'client backend'
"""


class PostgresSource:
    """Satisfies `gateway.upkeep.catalogue.Source`. Not for several tasks at once."""

    def __init__(self, dsn: Secret, connect_timeout: float) -> None:
        self._dsn = dsn
        self._connect_timeout = connect_timeout
        self._connection: Any = None

    async def read(self) -> Snapshot:
        """The catalogue of the database."""
        try:
            connection = await self._connected()
            async with asyncio.timeout(_READ_SECONDS):
                return await introspect(connection)
        except _FAILURES as error:
            raise await self._lost(error) from None

    async def check(self, policy: Policy, *, managed: bool = False) -> tuple[Problem, ...]:
        """Whether the database and the bundle fit each other: every finding of `adapters.postgres.check`, and whether
        what `menshen install` put there is as it should be (`managed`: it must be there)."""
        try:
            connection = await self._connected()
            snapshot = await introspect(connection)
            found = await check(policy, snapshot, connection)
            installed = check_managed(policy, snapshot, await find(connection), managed=managed)
            return tuple(sorted((*found, *installed)))
        except _FAILURES as error:
            raise await self._lost(error) from None

    async def ping(self) -> None:
        """Ask for nothing, to know that there is an answer."""
        try:
            connection = await self._connected()
            await connection.fetchval("SELECT 1", timeout=_PING_SECONDS)
        except _FAILURES as error:
            raise await self._lost(error) from None

    async def backends(self) -> list[Backend]:
        """Client connections of this database but this one. Raises UpstreamUnavailable.

        Without `pg_read_all_stats` the database hides where connections of other users come from."""
        try:
            connection = await self._connected()
            return [Backend(*row) for row in await connection.fetch(_BACKENDS, timeout=_PING_SECONDS)]
        except _FAILURES as error:
            raise await self._lost(error) from None

    @property
    def backend_pid(self) -> int | None:
        """The database's process id of the connection, where there is one."""
        connection = self._connection
        return None if connection is None or connection.is_closed() else int(connection.get_server_pid())

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*_FAILURES):
                await connection.close(timeout=2.0)

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                for_asyncpg(self._dsn.reveal()),
                timeout=self._connect_timeout,
                server_settings={"application_name": _APPLICATION},
                statement_cache_size=0,  # a pooler between us and the database may not keep statements
            )
        return self._connection

    async def _lost(self, error: BaseException) -> UpstreamUnavailable:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
        return UpstreamUnavailable(reason_of(error))


# ValueError: asyncpg's ClientConfigurationError, and addresses that are none.
_FAILURES = (OSError, TimeoutError, ssl.SSLError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError)

# SQLSTATE → what it means for the operator (PostgreSQL documentation, appendix A).
_STATES = {
    "28P01": "the database refuses the gateway's password: check the dsn",
    "28000": "the database refuses the gateway's login: check the dsn and pg_hba.conf",
    "3D000": "the database of the dsn does not exist",
    "53300": "the database has no connection left for the gateway",
    "57P03": "the database is starting, stopping or recovering",
    "57P01": "the database ended the gateway's connection: it is stopping or restarting",
    "42501": "the gateway's login may not read the catalogue",
}


def reason_of(error: BaseException) -> str:
    """What is wrong with the database, for the log and `/readyz`."""
    if isinstance(error, asyncpg.PostgresError):
        state = str(getattr(error, "sqlstate", "") or "unknown")
        return _STATES.get(state, f"the database answers with an error (SQLSTATE {state})")
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens at the address of the database"
    if isinstance(error, TimeoutError):
        return "the database does not answer in time"
    if isinstance(error, ssl.SSLError):
        return "no TLS connection to the database: check its certificate and sslmode in the dsn"
    if isinstance(error, ValueError | asyncpg.InterfaceError):
        return f"the connection to the database failed: check the dsn ({type(error).__name__})"
    return f"no connection to the database ({type(error).__name__})"
