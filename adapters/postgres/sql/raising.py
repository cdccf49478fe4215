"""What may raise for some value, and what a raise could tell about rows that the row predicate hides.

An expression that raises on a hidden row, or only when a guess about a hidden row holds, is an oracle. It need not
read the column: `CASE WHEN phone = '…' THEN 1/(random()*0)::int END` and `phone = '…' AND random()::int/0 = 1` raise
only for the row that fits. So conditions are looked at in units that PostgreSQL orders among themselves (the conjuncts
of WHERE, ON and HAVING, and the items of a select list that may be merged into the query around it): in a unit that
holds anything that may raise, every relation read by it is leaky, and where it reads none, every relation of the
statement is. What is not known never to raise counts as raising.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.postgres.sql.facts import RelationUse, Sources, TargetUse
from adapters.postgres.sql.parse import Node, strings
from adapters.postgres.sql.scope import Level
from adapters.postgres.sql.words import words

CONDITIONAL: Final = frozenset({"CaseExpr", "CoalesceExpr", "MinMaxExpr"})
"""Their branches are cast implicitly to each other's type and to what they are compared with, when they are taken."""

LIKE_FUNCTIONS: Final = frozenset({"like", "notlike"})
LIKE_OPERATORS: Final = frozenset({"~~", "~~*", "!~~", "!~~*"})

_NAMES: Final = frozenset(
    {"current_database", "current_schema", "current_user", "session_user", "user", "getdatabaseencoding"}
)
_UNITS: Final = words("microseconds milliseconds second minute hour day week month quarter year")
_INTERVAL: Final = re.compile(
    r"(?:-?\d{1,3} ?(?:sec|second|min|minute|hour|day|week|mon|month|year)s? ?)+|\d{1,2}:\d\d(?::\d\d)?", re.IGNORECASE
)
_CLOCKS: Final = frozenset({"now", "transaction_timestamp", "statement_timestamp", "clock_timestamp"})
_CLOCK_VALUES: Final = ("SVFOP_CURRENT_DATE", "SVFOP_CURRENT_TIMESTAMP", "SVFOP_LOCALTIMESTAMP")
_TIMES: Final = frozenset({"date", "timestamp", "timestamptz"})
_FOLDED: Final = frozenset({"date", "int2", "int4", "int8", "numeric", "text", "varchar", "interval", "bool", "float8"})
"""Types whose input functions are immutable: a constant of them is made once, when the statement is read or planned."""


@dataclass(eq=False, slots=True)
class Unit:
    """One condition or select item while it is walked."""

    level: Level
    local: bool = True
    """False for the arguments of a function in FROM: where they read nothing, they run apart from every relation."""
    raised: bool = False
    aggregated: bool = False
    """It holds an aggregate of its own level, so it cannot run before the rows are chosen."""
    touched: list[RelationUse | TargetUse | Sources] = field(default_factory=list)


@dataclass(slots=True)
class Raising:
    """The units that are open now, and what was found for the statement."""

    units: list[Unit] = field(default_factory=list)
    quiet: int = 0
    """Inside an expression that is known never to raise."""
    beside: bool = False
    """Something raises somewhere in the statement: matters to predicates that become joins, which may run last."""
    everywhere: bool = False
    """Something raises that reads no relation, so that it may run beside any condition."""
    collations: bool = False
    names: bool = False

    def raises(self) -> None:
        if not self.quiet:
            for unit in self.units:
                unit.raised = True

    def touch(self, level: Level, source: RelationUse | TargetUse | Sources | None) -> None:
        if source is not None and level.qual:
            for unit in self.units:
                unit.touched.append(source)

    def aggregate(self, level: Level) -> None:
        for unit in self.units:
            if unit.level is level:
                unit.aggregated = True

    def close(self) -> None:
        unit = self.units.pop()
        if not unit.raised or unit.aggregated:
            return
        self.beside = True
        self.everywhere = self.everywhere or (unit.local and not unit.touched)
        for source in unit.touched:
            if isinstance(source, Sources):
                source.propagate()
            else:
                source.leaky = True

    def finish(self, uses: list[RelationUse], targets: list[TargetUse], catalogue: bool) -> None:
        """At the end of the statement: what was found for all of it."""
        read = [c for use in uses for c in use.relation.columns if c.name in use.columns or use.everything]
        own = {c.type.collation for c in read if c.type.collation is not None}
        mixed = self.collations or len(own) > 1 or bool(own and (catalogue or self.names))
        everything: list[RelationUse | TargetUse] = [*uses, *targets]
        for one in everything:
            one.leaky = one.leaky or self.everywhere or mixed
            one.beside = one.beside or self.beside


def is_name(node: str) -> bool:
    """Whether a function gives a `name`, whose collation is another than that of text."""
    return node in _NAMES


def harmless(node: Any) -> bool:
    """An operation without columns and parameters that never raises when it runs: it is folded before, or cannot."""
    return _folded(node) or _safe_time(node)


def constant_list(node: Any) -> bool:
    """`ARRAY[1, 2]::integer[]`, which is made once; for the right side of ANY, where its elements are compared."""
    cast = node.get("TypeCast", {})
    elements = cast.get("arg", {}).get("A_ArrayExpr", {}).get("elements", ())
    names = strings(cast.get("typeName", {}).get("names", ()))
    plain = names[-1:] if len(names) == 1 or names[:1] == ("pg_catalog",) else ()
    return bool(elements) and set(plain) <= _FOLDED and bool(plain) and all("A_Const" in e for e in elements)


def _folded(node: Any) -> bool:
    if "A_Const" in node:
        return True
    if "TypeCast" in node:
        body = node["TypeCast"]
        return "A_Const" in body["arg"] and _type(body) in _FOLDED
    if "A_Expr" in node and node["A_Expr"]["kind"] == "AEXPR_OP":
        body = node["A_Expr"]
        return all(_folded(body[side]) for side in ("lexpr", "rexpr") if side in body)
    return False


def _type(cast: Node) -> str:
    names = strings(cast["typeName"].get("names", ()))
    plain = len(names) == 1 or names[0] == "pg_catalog"
    return names[-1] if plain and not cast["typeName"].get("arrayBounds") else ""


def _safe_time(node: Any) -> bool:
    """The present time, plus or minus a small constant interval, truncated or made a date."""
    ((kind, body),) = node.items()
    if kind == "SQLValueFunction":
        return str(body.get("op", "")).startswith(_CLOCK_VALUES)
    if kind == "TypeCast":
        return _type(body) in _TIMES and _safe_time(body["arg"])
    if kind == "FuncCall":
        name, args = strings(body["funcname"])[-1], body.get("args", ())
        if name in _CLOCKS:
            return not args
        unit = args[0].get("A_Const", {}).get("sval", {}).get("sval", "") if len(args) == 2 else ""
        return name == "date_trunc" and unit.lower() in _UNITS and _safe_time(args[1])
    if kind == "A_Expr" and strings(body["name"])[-1] in "+-" and "lexpr" in body:
        return _safe_time(body["lexpr"]) and _small(body["rexpr"])
    return False


def _small(node: Node) -> bool:
    days = node.get("A_Const", {}).get("ival")
    if days is not None:
        return abs(int(days.get("ival", 0))) < 100_000
    cast = node.get("TypeCast", {})
    text = cast.get("arg", {}).get("A_Const", {}).get("sval", {}).get("sval") if cast else None
    return text is not None and _type(cast) == "interval" and _INTERVAL.fullmatch(text.strip()) is not None


def gives_one_row(select: Node) -> bool:
    """Whether a scalar subquery cannot give more than one row: LIMIT 1, or an aggregate without groups."""
    limit = select.get("limitCount", {}).get("A_Const", {}).get("ival")
    if limit is not None:
        return int(limit.get("ival", 0)) <= 1
    targets = select.get("targetList", ())
    from adapters.postgres.sql import allow

    call = targets[0]["ResTarget"]["val"].get("FuncCall", {}) if len(targets) == 1 else {}
    name = strings(call.get("funcname", ()))
    alone = not any(k in select for k in ("groupClause", "havingClause", "valuesLists")) and "over" not in call
    return alone and select.get("op") == "SETOP_NONE" and bool(name) and name[-1] in allow.AGGREGATES
