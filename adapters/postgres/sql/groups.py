"""Query levels that aggregate, for classes whose aggregates need a number of subjects (`aggregate: {min_group: k}`).

A level is guarded by a condition in its HAVING: groups of fewer subjects fall away, with all that is computed from
them. That holds only where every aggregate is over the whole group, so what looks at a part of it (FILTER, a CASE in
the argument, GROUPING SETS, a window over rows) cannot be guarded. Which columns are bound, the persona decides.
"""

from __future__ import annotations

from typing import Final

from adapters.postgres.sql import allow
from adapters.postgres.sql.analysis import Analysis
from adapters.postgres.sql.facts import Group
from adapters.postgres.sql.outputs import definite
from adapters.postgres.sql.parse import Node, strings
from adapters.postgres.sql.scope import Level
from adapters.postgres.sql.words import words

GUARDED: Final = words("""
    avg count max min stddev stddev_pop stddev_samp sum var_pop var_samp variance
""")
"""Aggregates that give one value for all rows of a group. Those that list values, or a quantile, are not here."""

_CONSTRUCTORS: Final = ("JsonObjectAgg", "JsonArrayAgg")


def note_group(a: Analysis, body: Node, level: Level) -> None:
    """Note the level of a SELECT if it aggregates. Called when all of it was walked."""
    calls = _Calls(a, level)
    for key in ("targetList", "havingClause", "sortClause", "distinctClause", "windowClause"):
        calls.look(body.get(key))
    grouped = "groupClause" in body or "havingClause" in body or calls.aggregates
    if not grouped and not calls.windows:
        return
    unsafe = calls.unsafe
    if not grouped:
        unsafe = unsafe or "a window over single rows"
    elif any("GroupingSet" in one for one in body.get("groupClause", ())) or body.get("groupByAll"):
        unsafe = "GROUPING SETS, ROLLUP, CUBE or GROUP BY ALL"
    targets = body.get("targetList", ())
    location = targets[0]["ResTarget"].get("location", -1) if targets else -1
    if location < 0:
        unsafe = unsafe or "an empty select list"
    a.facts.groups.append(Group(level.sources, a.text.at(max(location, 0)), unsafe, calls.elsewhere))
    level.sources.grouped = grouped


class _Calls:
    """The aggregates of one level, subqueries left out: an aggregate there is another level's, or is refused there."""

    def __init__(self, a: Analysis, level: Level) -> None:
        self._a = a
        self._level = level
        self.aggregates = False
        self.windows = False
        self.unsafe = ""
        self.elsewhere = False

    def look(self, node: object) -> None:
        if isinstance(node, list):
            for one in node:
                self.look(one)
        elif isinstance(node, dict):
            for kind, body in node.items():
                if kind == "SubLink":
                    self.look(body.get("testexpr"))
                    continue
                if kind == "FuncCall":
                    self._call(body)
                elif kind in _CONSTRUCTORS:
                    self.aggregates = True
                    self.unsafe = self.unsafe or "a list of values"
                self.look(body)

    def _call(self, body: Node) -> None:
        name = strings(body["funcname"])[-1]
        if name not in allow.AGGREGATES and not body.get("agg_within_group"):
            self._other(name)
            return
        if "over" in body:
            self.windows = True
            return
        self.aggregates = True
        if name not in GUARDED:
            self.unsafe = self.unsafe or f"{name}, which is not one value for the whole group"
            self.elsewhere = True
        elif "agg_filter" in body:
            self.unsafe = self.unsafe or "FILTER"
        elif not all(self._whole(one) for one in body.get("args", ())):
            self.unsafe = self.unsafe or f"{name} over something else than a column of this query"
            self.elsewhere = True

    def _other(self, name: str) -> None:
        """A function that is not built in may be an aggregate."""
        snapshot = self._a.world.snapshot
        if name in allow.FUNCTIONS:
            return
        if any(one.name == name and one.kind == "a" for one in snapshot.functions):
            self.aggregates = self.elsewhere = True
            self.unsafe = self.unsafe or f"{name}, an aggregate of a user"
        elif name in snapshot.extension_functions:
            self.windows = self.elsewhere = True
            self.unsafe = self.unsafe or f"{name}, which may be an aggregate of an extension"

    def _whole(self, argument: Node) -> bool:
        return "A_Const" in argument or definite(argument, self._level) is not None
