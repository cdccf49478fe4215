"""Fill a database with the demo company: schema, rows by COPY, indexes, statistics, in one transaction.

A database that was filled for the same seed and size carries a mark and is left as it is; one that was filled for
another, or half, is made anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from importlib import resources
from itertools import islice
from typing import Final, TypeAlias
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from adapters.postgres.demo.people import Company, Row

Progress: TypeAlias = Callable[[str, int], None]
"""Called with the name of a table and the number of its rows that are in so far."""

OWNER: Final = "menshen"
"""The role that owns the demo's database, and that the gateway logs in with: no superuser."""

_BATCH: Final = 2000
_FORMAT: Final = 1
"""Raised when the schema or the generator changes, so that an older demo database is made anew."""


async def ensure(dsn: str, database: str, owner_password: str, company: Company, progress: Progress) -> bool:
    """Make `database` on the server of `dsn` (a superuser's) and fill it; False: it was there already.

    The owner's password is set in any case, so that the caller need not remember whether it changed.
    """
    mark = f"menshen demo {_FORMAT}: {company.size} customers, seed {company.seed}"
    admin = await asyncpg.connect(dsn)
    try:
        await _ensure_owner(admin, owner_password)
        found = await admin.fetchval(
            "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = $1", database
        )
        if found == mark:
            return False
        name = _quoted(database)
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        await fill(at(dsn, database, OWNER, owner_password), company, progress)
        await admin.execute(f"COMMENT ON DATABASE {name} IS {_literal(mark)}")
        return True
    finally:
        await admin.close()


async def fill(dsn: str, company: Company, progress: Progress = lambda _table, _rows: None) -> None:
    """Schema, rows, indexes and statistics into the empty database of `dsn`."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute(_text("schema.sql"))
            for table, rows in company.tables.items():
                await _copy(connection, table, rows(), progress)
            await connection.execute(_text("indexes.sql"))
            await _advance_identities(connection)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


def at(dsn: str, database: str, user: str, password: str) -> str:
    """`dsn` with another database and another user."""
    parts = urlsplit(dsn)
    place = f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.hostname}:{parts.port}"
    return urlunsplit((parts.scheme, place, "/" + quote(database, safe=""), parts.query, ""))


async def _ensure_owner(admin: asyncpg.Connection, password: str) -> None:
    known = await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", OWNER)
    verb = "ALTER" if known else "CREATE"
    await admin.execute(f"{verb} ROLE {OWNER} LOGIN PASSWORD {_literal(password)}")


async def _copy(connection: asyncpg.Connection, table: str, rows: Iterator[Row], progress: Progress) -> None:
    # asyncpg quotes names itself and takes the schema apart; the statement is short enough to write it out.
    schema, _, name = table.partition(".")
    await connection.copy_to_table(
        name.strip('"'), schema_name=schema, source=_chunks(table, rows, progress), format="text"
    )


async def _chunks(table: str, rows: Iterator[Row], progress: Progress) -> AsyncIterator[bytes]:
    done = 0
    while batch := list(islice(rows, _BATCH)):
        done += len(batch)
        yield ("\n".join(map("\t".join, batch)) + "\n").encode()
        progress(table, done)


async def _advance_identities(connection: asyncpg.Connection) -> None:
    """Rows came with their numbers: let the next INSERT go on behind them."""
    for table in ("crm.customers", "crm.contacts", "crm.consents", "sales.orders", "sales.payments", "service.tickets"):
        await connection.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
        )


def _text(name: str) -> str:
    return resources.files("adapters.postgres.demo").joinpath(name).read_text(encoding="utf-8")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
