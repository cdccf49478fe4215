"""Texts of SQL, from reading to splicing: as bytes that are mutated, and as SELECTs that bytes choose from the grammar.

What must hold: the planner answers, never by a mistake of ours; what it forwards can be read, has as many statements, and
its positions are those of the text; and however the text was written, the governed table stands in what is forwarded only
inside its veil, which a row predicate of this persona is part of.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from adapters.postgres.session import refuse
from adapters.postgres.sql.parse import Text
from tests.fuzz.test_planner import sound
from tests.support.randomfrom import Schema
from tests.support.randomsql import columns, statement
from tests.support.smallplanner import plan, planner

PLANNER: Final = planner()
SCHEMA: Final = Schema(
    {
        "crm.customers": columns("id:n! full_name:t phone:t 城市:t"),
        "crm.notes": columns("id:n body:t"),
        "ref.lands": columns("code:t"),
    },
    path=("crm",),
    often=("crm.customers",),
)
VEILED: Final = ("crm", "customers")
UNREACHABLE: Final = ("crm", "unknown")

logging.getLogger("adapters").setLevel(logging.CRITICAL)


def text(data: bytes) -> None:
    """Any text: a client may send it."""
    judged(data.decode("utf-8", "ignore").replace("\0", ""))


def select(data: bytes) -> None:
    """A SELECT that the grammar makes of the bytes."""
    judged(statement(_Bytes(data), SCHEMA).sql, valid=True)


def judged(sql: str, *, valid: bool = False) -> None:
    """`valid`: PostgreSQL's grammar reads it."""
    made = plan(sql, one=PLANNER)
    assert made.denial is not refuse.INTERNAL, sql
    if len(sql) < 500:  # it looks at each position
        sound(sql, made)
    if made.denial is not None:
        assert not valid or made.denial.sqlstate != "42601", (sql, made.denial)
        return
    for one in Text(made.text.decode()).statements:
        for name, query in relations({one.kind: one.node}, None):
            assert name != UNREACHABLE, sql
            assert name != VEILED or _is_veil(query), (sql, made.text.decode())


def relations(node: Any, query: Any) -> Iterator[tuple[tuple[str, str], Any]]:
    """All relations that a tree names with a schema, and the SELECT that each stands in."""
    if isinstance(node, list):
        for one in node:
            yield from relations(one, query)
    elif isinstance(node, dict):
        if "relname" in node:
            yield (node.get("schemaname", ""), node["relname"]), query
        for key, value in node.items():
            yield from relations(value, value if key == "SelectStmt" else query)


def _is_veil(query: Any) -> bool:
    """SELECT … FROM the table alone, under a condition on the column that the row predicate is about."""
    return query is not None and len(query["fromClause"]) == 1 and "'城市'" in str(query.get("whereClause"))


class _Bytes(Random):
    """Chance that is given as bytes, and has no more surprises when they end."""

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self._data = data
        self._at = 0

    def random(self) -> float:
        self._at += 1
        return self._data[self._at - 1] / 256 if self._at <= len(self._data) else 0.5

    def choice(self, seq: Any) -> Any:
        return seq[int(self.random() * len(seq))]


TARGETS: Final = {"text": text, "select": select}
