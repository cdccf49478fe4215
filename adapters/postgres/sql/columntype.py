"""The type of a column as the masks need it: how to write it, what it is made of, and how much fits in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

TEXT: Final = frozenset({"text", "varchar", "bpchar", "citext", "name"})
INTEGER: Final = frozenset({"int2", "int4", "int8"})
NUMBER: Final = frozenset({"numeric", "float4", "float8"})
TIMESTAMP: Final = frozenset({"timestamp", "timestamptz"})
NETWORK: Final = frozenset({"inet", "cidr"})
_NO_EQUALITY: Final = ("json", "jsonpath", "xml", "point", "box", "polygon", "path", "lseg", "line", "refcursor")
UNEQUAL: Final = frozenset({*_NO_EQUALITY, *(f"_{base}" for base in _NO_EQUALITY)})
"""Types that no GROUP BY, DISTINCT or UNION takes: `pg_opclass` has no default class for them, nor for their arrays."""

_FAMILIES: Final = (
    ("text", TEXT),
    ("integer", INTEGER),
    ("number", NUMBER),
    ("timestamp", TIMESTAMP),
    ("network", NETWORK),
)

# Types that format_type() spells with words of the grammar: these always mean pg_catalog's type.
_GRAMMAR: Final = re.compile(
    r"(?:bigint|bit|boolean|character|dec|decimal|double precision|integer|interval|national|nchar|numeric|real"
    r"|smallint|time|timestamp|varchar)\b"
)
_PLAIN: Final = re.compile(r'(?:[a-z_][a-z0-9_]*|"char")(?:\[\])*')


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column's type. Source: `pg_attribute`, `pg_type` and `format_type()` read with `search_path = pg_catalog`.

    `sql`: format_type text with typmod, such as `character varying(20)`; qualified where it is not of pg_catalog.
    `base`: name of the base type at the end of the chain of domains: `varchar`, `bpchar`, `int4`, `_text`, …
    `length`: characters that fit into varchar(n) and char(n); else None.
    `collation`: quoted and qualified where the column's differs from `pg_catalog."default"` (for `name`: from "C").
    `domain`: the column's own type is a domain; then `base_sql` is the base type with its typmod, as `sql` spells it.
    """

    sql: str
    base: str
    length: int | None = None
    collation: str | None = None
    domain: bool = False
    base_sql: str = ""

    @property
    def family(self) -> str:
        """One of `text`, `integer`, `number`, `date`, `timestamp`, `network`, `uuid`, `other`."""
        if self.base in ("date", "uuid"):
            return self.base
        return next((name for name, members in _FAMILIES if self.base in members), "other")

    @property
    def written(self) -> str:
        """The type to cast a mask to, spelled so that search_path does not matter.

        For a domain it is the base type. A cast to the domain may raise where a mask breaks its CHECK (and NULL its
        NOT NULL), and the message would quote the value; a client sees no difference, since PostgreSQL describes a
        column of a domain by its base type (`SendRowDescriptionMessage` calls `getBaseTypeAndTypmod`).
        """
        spelled = (self.base_sql or self.base) if self.domain else self.sql
        if _PLAIN.fullmatch(spelled) and not _GRAMMAR.match(spelled):
            return f"pg_catalog.{spelled}"
        return spelled

    @property
    def precision(self) -> tuple[int, int] | None:
        """Precision and scale of `numeric(p,s)`; None where there is no limit or it is no numeric."""
        found = re.search(r"numeric\((\d+),(-?\d+)\)", self.base_sql or self.sql)
        return (int(found[1]), int(found[2])) if found and self.base == "numeric" else None
