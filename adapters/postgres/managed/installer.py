"""Puts an installation into a database, or takes it out, in one transaction that proves itself before it commits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import asyncpg

from adapters.postgres.dsn import for_asyncpg
from adapters.postgres.introspect import introspect
from adapters.postgres.managed.login import RoleSecrets
from adapters.postgres.managed.names import HOME
from adapters.postgres.managed.script import Installation, Statement, install, installation, proof, remove
from adapters.postgres.managed.state import Found, find
from adapters.postgres.sql.pseudonym import PseudonymKeys
from gateway.errors import MenshenError
from gateway.policy.policy import Policy

_LOCK = 0x6D656E7368656E
"""Number of the advisory lock that two installers would contend for ("menshen")."""
_CONNECT_SECONDS = 10.0


class InstallError(MenshenError):
    """The database does not take the installation; nothing of it was kept."""

    sqlstate = "F0000"


@dataclass(frozen=True)
class Work:
    """What would be done. Empty: everything is as it should be."""

    statements: tuple[Statement, ...]
    wanted: Installation | None
    """None: it is a removal."""
    reached: tuple[tuple[str, str], ...] = ()
    """What personas that are there now reach beside their views."""


class Installer:
    """One connection of somebody who may create roles and grant rights on the tables. An async context manager."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection | None = None

    async def __aenter__(self) -> Installer:
        settings = {"application_name": "menshen install"}
        try:
            self._connection = await asyncpg.connect(
                for_asyncpg(self._dsn), timeout=_CONNECT_SECONDS, server_settings=settings
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise InstallError(
                f"no connection to the database ({type(error).__name__})", hint="check the dsn"
            ) from None
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.close()

    @property
    def _open(self) -> asyncpg.Connection:
        assert self._connection is not None, "used as a context manager"
        return self._connection

    async def to_install(self, policy: Policy, login: str, keys: PseudonymKeys, secrets: RoleSecrets) -> Work:
        """`login`: the gateway's own role. Raises InstallError where a schema of somebody else is in the way."""
        wanted = installation(policy, await introspect(self._open), login, keys, secrets)
        found = await find(self._open)
        if found.foreign_schemas:
            raise InstallError(
                f"schema {found.foreign_schemas[0]!r} belongs to somebody else",
                hint="Menshen's own schemas begin with `menshen`: rename it.",
            )
        if is_current(found, wanted):
            return Work((), wanted, found.reached)
        return Work(tuple(install(wanted, found.roles, found.schemas)), wanted)

    async def to_remove(self) -> Work:
        found = await find(self._open)
        return Work(tuple(remove(found.roles, found.schemas)), None)

    async def run(self, work: Work) -> None:
        """All of it or nothing. Raises InstallError."""
        statement = Statement("", "the transaction")
        try:
            async with self._open.transaction():
                await self._open.execute("SELECT pg_catalog.pg_advisory_xact_lock($1)", _LOCK)
                await self._open.execute("SET LOCAL search_path = pg_catalog")
                for statement in work.statements:
                    await self._open.execute(statement.sql)
                if work.wanted is not None:
                    for statement in proof(work.wanted):
                        await self._open.execute(statement.sql)
                    await self._note(work.wanted)
        except asyncpg.PostgresError as error:
            raise InstallError(
                f"nothing was changed: {error.sqlstate} {error}", hint=f"The database refused: {statement.shown[:400]}"
            ) from None

    async def _note(self, wanted: Installation) -> None:
        """What is there now, for `menshen check` to compare with; and nothing beside the views may be in reach."""
        found = await find(self._open)
        if found.reached:
            raise InstallError(
                f"nothing was changed: {in_reach(found.reached)}",
                hint="Everybody may use it (PUBLIC). REVOKE that, or move it to a schema that PUBLIC may not use.",
            )
        await self._open.executemany(f"INSERT INTO {HOME}.objects VALUES ($1, $2)", sorted(found.state.items()))


def is_current(found: Found, wanted: Installation) -> bool:
    """Whether installing would change nothing."""
    version = found.version
    return (
        version is not None
        and (version.digest, version.bundle, version.secret) == (wanted.digest, wanted.bundle, wanted.secrets.mark)
        and not found.drift
        and not found.reached
    )


def in_reach(reached: Iterable[tuple[str, str]]) -> str:
    """What personas reach beside their views, in words."""
    found = sorted({what for _, what in reached})
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return f"a persona reaches {', '.join(found[:5])}{more} beside its views"
