"""What a value is made of: the columns that an expression, or a column of a query, was computed from.

Values only: what a WHERE or a join condition chose is no part of it, but what a CASE, an EXISTS or a comparison inside
the expression looked at is. Where a column cannot be followed it counts as made of all that its query reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from adapters.postgres.sql.facts import RelationUse, TargetUse

Column: TypeAlias = tuple[RelationUse | TargetUse, str]


@dataclass(eq=False, slots=True)
class Taint:
    """Columns, and what else went in. A recursive common table expression may reach itself."""

    columns: set[Column] = field(default_factory=set)
    inner: list[Taint] = field(default_factory=list)

    def everything(self) -> list[Column]:
        """All columns that went in, directly or not, in a stable order."""
        seen: set[int] = set()
        todo = [self]
        found: dict[Column, None] = {}
        while todo:
            one = todo.pop()
            if id(one) in seen:
                continue
            seen.add(id(one))
            found.update(dict.fromkeys(one.columns))
            todo.extend(one.inner)
        return sorted(found, key=lambda column: (column[0].location, column[1]))


def of_use(use: RelationUse | TargetUse) -> Taint:
    """A whole row."""
    return Taint({(use, column) for column in use.visible})


def together(taints: list[Taint]) -> Taint:
    return Taint(inner=list(taints))
