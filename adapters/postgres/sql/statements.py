"""A query where SQL allows one: SELECT, or a write inside WITH."""

from __future__ import annotations

from adapters.postgres.sql.analysis import Analysis
from adapters.postgres.sql.expressions import NONE
from adapters.postgres.sql.facts import Sources
from adapters.postgres.sql.parse import Node
from adapters.postgres.sql.queries import select
from adapters.postgres.sql.scope import Level, Output
from adapters.postgres.sql.writes import WRITERS


def statement(a: Analysis, node: Node, outer: Level | None, raising: int = NONE, *, pulled_up: bool) -> Output:
    """Walk a statement inside another; see `Analysis.statement`, by which the walkers call it."""
    ((kind, body),) = node.items()
    if kind == "SelectStmt":
        return select(a, body, outer, raising, pulled_up=pulled_up)
    if kind in WRITERS:
        return WRITERS[kind](a, body, outer)
    a.refuse("statement", f"{kind} is not supported inside a statement")
    return Output(None, Sources())
