"""A veil whose work the database does: statements are spliced with the persona's view in the relation's place.

The judge sees the same veil as in inline mode and refuses the same; masks and row predicates are the view's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from adapters.postgres.managed.contents import insertion, lookup_type
from adapters.postgres.managed.names import lookup_function, persona_schema
from adapters.postgres.sql.parse import NotUnderstood
from adapters.postgres.sql.quote import quote_ident, quote_table
from adapters.postgres.sql.veil import Comparison, RenderedColumn, RenderedVeil
from gateway.model import Persona, TableName

_UNSUPPORTED: Final = "0A000"


@dataclass(frozen=True)
class ManagedColumn(RenderedColumn):
    """A column of a view: what it shows is what may be seen."""

    @property
    def secret(self) -> bool:
        """Keys stand in a table that only the views' owner reads."""
        return False

    def expression(self, prefix: str = "") -> str:
        return self.raw(prefix)

    @cached_property
    def item(self) -> str:
        return quote_ident(self.name)

    @cached_property
    def unseen(self) -> str:
        return self.item


@dataclass(frozen=True)
class ManagedVeil(RenderedVeil):
    """A veil over a persona's view."""

    view: TableName
    writable: bool = True
    """Nothing of the table's sees raw rows of a write: no rule, no trigger."""

    @property
    def place(self) -> TableName:
        return self.view

    def written(self, act: str) -> TableName:
        if not self.writable:
            raise NotUnderstood(
                f"writes to {self.table} are not supported in managed mode: it has triggers or rules, or is no table",
                hint="They would see raw values. Drop them, or write as an unrestricted persona.",
                sqlstate=_UNSUPPORTED,
            )
        return insertion(self, self.view) if act == "insert" else self.view

    @property
    def joins(self) -> bool:
        """A barrier view is not pulled up: only conditions can come before its own."""
        return False

    def predicate(self, prefix: str = "") -> str | None:
        return None

    def derived(
        self,
        *,
        only: bool = False,
        tablesample: str = "",
        system_columns: tuple[str, ...] = (),
        where: tuple[str, ...] = (),
        lookups: tuple[Comparison, ...] = (),
        fence: bool = False,
        extra: tuple[str, ...] = (),
        only_columns: frozenset[str] | None = None,
        hide_statistics: bool = False,
    ) -> str:
        """As `RenderedVeil.derived`; nothing shows the statistics below a barrier view, but conditions that read no
        column get into it. Raises NotUnderstood for what a view does not have."""
        for asked, what in (
            (only, "ONLY"),
            (tablesample, "TABLESAMPLE"),
            (system_columns, f"the system column {', '.join(system_columns)}"),
        ):
            if asked:
                raise NotUnderstood(f"{what} of {self.table} is not supported in managed mode", sqlstate=_UNSUPPORTED)
        items = [c.item for c in self.columns if only_columns is None or c.name in only_columns]
        conditions = [f"({c.sql})" for c in lookups if c.column.clear] + [f"({w})" for w in where]
        told = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return (
            f"(SELECT {', '.join((*items, *extra))} FROM {self._source(lookups)}{told}{' OFFSET 0' if fence else ''})"
        )

    def _source(self, lookups: tuple[Comparison, ...]) -> str:
        raw = [c for c in lookups if not c.column.clear]
        if not raw:
            return quote_table(self.view)
        if len(raw) > 1:
            raise NotUnderstood(
                f"two lookups in {self.table} at once are not supported in managed mode",
                hint="Look one value up, and compare the other one in the application.",
                sqlstate=_UNSUPPORTED,
            )
        column, type = raw[0].column, lookup_type(raw[0].column)
        if type is None:
            raise NotUnderstood(
                f"lookups of {self.table}.{column.name} are not supported in managed mode: its type is not built in",
                sqlstate=_UNSUPPORTED,
            )
        function = TableName(self.view.schema, lookup_function(self.view.name, column.name))
        return f"{quote_table(function)}(({raw[0].values})::{type}[])"


def over_view(veil: RenderedVeil, persona: Persona, *, writable: bool) -> ManagedVeil:
    """The veil of a relation, over the view that the persona has of it."""
    columns = tuple(ManagedColumn(c.name, c.veil, c.type, c.keys) for c in veil.columns)
    view = TableName(persona_schema(persona, veil.table.schema), veil.table.name)
    return ManagedVeil(veil.veil, columns, veil.types, view, writable)
