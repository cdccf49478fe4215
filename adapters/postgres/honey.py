"""Planted customers: records that look like any other and belong to nobody, so nobody has a reason to read them.

`values` makes them (pure), `plant` writes them into the database itself: the gateway's account needs INSERT on the
table for it, or a person runs what `statement` gives. Numbers and names are of the kinds that `demo.people` describes:
no operator, authority or bank has ever given them to anybody.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import date
from random import Random
from typing import Any, Final

import asyncpg

from adapters.postgres.catalog import Column, Relation
from adapters.postgres.demo import words
from adapters.postgres.demo.people import MOBILE_PREFIXES, card_number, resident_number
from adapters.postgres.source import reason_of
from adapters.postgres.sql.quote import quote_ident, quote_literal, quote_table
from gateway.errors import MenshenError, UpstreamUnavailable
from gateway.policy.terms import DataClass, GovernedTable

# What the database works out itself; no value of a person begins with a NUL.
_NOW: Final = "\0now"
_GAP: Final = "\0gap"
_LIKE_OTHERS: Final = "\0like others"
_PLAIN: Final = {
    "text": "-", "varchar": "-", "bpchar": "-", "bool": "false", "date": _NOW, "timestamp": _NOW, "timestamptz": _NOW,
    "json": "{}", "jsonb": "{}", "inet": "192.0.2.1",
}  # fmt: skip
_NUMBERS: Final = ("int2", "int4", "int8", "numeric", "float4", "float8")


class CannotPlant(MenshenError):
    """No record can be made for this table."""

    sqlstate = "0A000"


def values(
    table: GovernedTable, relation: Relation, classes: Mapping[str, DataClass], random: Random
) -> dict[str, str | None]:
    """Column → text of a value of its type, for one planted customer. Left out: what the database fills in itself.

    Raises CannotPlant for a personal column that must be given and whose kind is unknown here.
    """
    retained = table.retention.column if table.retention is not None else ""
    row: dict[str, str | None] = {}
    for column in relation.columns:
        known = classes.get(table.columns.get(column.name, ""))
        mask = known.mask.name if known is not None and known.mask is not None else ""
        filled = column.generated or column.identity or column.has_default
        if column.name == table.subject:
            if not filled:
                row[column.name] = _key(column, random)
        elif column.generated:
            continue
        elif mask in _MAKERS:
            row[column.name] = _fitting(_MAKERS[mask](random), column)
        elif column.name == retained:
            row[column.name] = _NOW
        elif not filled and (column.not_null or not mask):
            # Sex, region, level: what names nobody is that of some other row, so that it fits constraints and crowd.
            row[column.name] = _LIKE_OTHERS if not mask else _plain(column)
    return row


def _fitting(value: str, column: Column) -> str | None:
    length = column.type.length
    if length is not None and len(value) > length:
        return None if not column.not_null else value[:length]
    return value


def _key(column: Column, random: Random) -> str:
    if column.type.base in ("int4", "int8"):
        # Among the others, not at their end: somebody who walks upwards must step on it. See `free_key`.
        return _GAP
    if column.type.base == "uuid":
        return str(uuid.UUID(int=random.getrandbits(128), version=4))
    return f"{random.getrandbits(40):010x}"[: column.type.length or 10]


def _plain(column: Column) -> str:
    """Something for a column that must hold something. Raises CannotPlant."""
    found = "0" if column.type.base in _NUMBERS else _PLAIN.get(column.type.base)
    if found is None:
        raise CannotPlant(f"no value is known for the type {column.type.sql} of {column.name}", hint="Use --set.")
    return found


def made_up(value: str | None) -> bool:
    """Whether the value is this record's own, and not one that the database works out."""
    return bool(value) and not str(value).startswith("\0")


def _name(random: Random) -> str:
    given = "".join(random.choice(words.GIVEN_FEMALE)[0] for _ in range(2))
    return str(random.choice(words.SURNAMES)[0]) + given


def _email(random: Random) -> str:
    return f"{random.choice(words.SURNAMES)[1].lower()}.{random.getrandbits(24):06x}@example.com"


_MAKERS: Final[Mapping[str, Callable[[Random], str]]] = {
    "name": _name,
    "phone": lambda random: f"{random.choice(MOBILE_PREFIXES)}{random.randrange(10**8):08d}",
    "email": _email,
    "id_number": lambda random: resident_number(
        "1101",
        date(1960 + random.randrange(40), 1 + random.randrange(12), 1 + random.randrange(28)),
        random.randrange(999),
    ),
    "bank_card": lambda random: card_number(random.randrange(10**12)),
    "address": lambda random: f"{random.choice(words.ROADS)}{1 + random.randrange(400)}号",
    "birth": lambda random: (
        f"{1960 + random.randrange(40)}-{1 + random.randrange(12):02d}-{1 + random.randrange(28):02d}"
    ),
    "ip": lambda random: f"192.0.2.{1 + random.randrange(254)}",
}

Row = Mapping[str, str | None]


def statement(table: GovernedTable, relation: Relation, row: Row) -> str:
    """The INSERT for one planted customer, as text for a person to run; it returns the key."""
    types = {column.name: column.type.sql for column in relation.columns}
    names = ", ".join(quote_ident(name) for name in row)
    cells = ", ".join(_cell(table, relation, name, value, types[name]) for name, value in row.items())
    key = quote_ident(table.subject or "")
    return f"INSERT INTO {quote_table(relation.name)} ({names}) VALUES ({cells}) RETURNING {key}::text"


def _cell(table: GovernedTable, relation: Relation, name: str, value: str | None, kind: str) -> str:
    if value is None:
        return "NULL"
    if value == _LIKE_OTHERS:
        place, cell = quote_table(relation.name), quote_ident(name)
        return f"(SELECT {cell} FROM {place} WHERE {cell} IS NOT NULL ORDER BY random() LIMIT 1)"
    if value == _NOW:
        return f"now()::{kind}"
    if value == _GAP and name == table.subject:
        return free_key(table, relation)
    return f"{quote_literal(value)}::{kind}"


def free_key(table: GovernedTable, relation: Relation) -> str:
    """An expression: a key that is free, in the middle of those in use where there is a gap, else behind the last."""
    key, place = quote_ident(table.subject or ""), quote_table(relation.name)
    gap = (
        f"(SELECT k + 1 FROM (SELECT {key} AS k, lead({key}) OVER (ORDER BY {key}) AS n FROM {place}) g "
        "WHERE n > k + 1 ORDER BY random() LIMIT 1)"
    )
    return f"coalesce({gap}, (SELECT max({key}) + 1 FROM {place}), 1)"


async def plant(dsn: str, statements: list[str]) -> list[str]:
    """Run them in one transaction; gives the keys. Raises CannotPlant and UpstreamUnavailable."""
    try:
        connection: Any = await asyncpg.connect(dsn, timeout=10, server_settings={"application_name": "menshen honey"})
    except (OSError, TimeoutError, asyncpg.PostgresError, ValueError) as error:
        raise UpstreamUnavailable(reason_of(error)) from None
    try:
        async with connection.transaction():
            return [str(await connection.fetchval(one)) for one in statements]
    except asyncpg.InsufficientPrivilegeError:
        raise CannotPlant(
            "the gateway's account may not insert into this table",
            hint="Grant INSERT for this once, or give --sql to somebody who may, and --key for what comes back.",
        ) from None
    except asyncpg.PostgresError as error:
        raise CannotPlant(f"the database refuses the record (SQLSTATE {error.sqlstate})", hint="Use --set.") from None
    finally:
        await connection.close()
