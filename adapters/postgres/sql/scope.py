"""Name resolution as PostgreSQL does it: query levels, range items, common table expressions.

Follows PostgreSQL's parse_relation.c (`colNameToVar`, `refnameNamespaceItem`): a column name is looked for in the
innermost level first; a qualified name by the alias; a bare name that is no column may be a whole row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from adapters.postgres.sql.facts import PartlyShown, RelationUse, Sources, TargetUse
from adapters.postgres.sql.taint import Taint, of_use
from gateway.model import TableName


@dataclass(eq=False, slots=True)
class Item:
    """One entry of a FROM clause, or the target of a write."""

    alias: str
    columns: tuple[str, ...] | None
    """The column names as this query sees them; None: not known."""
    use: RelationUse | TargetUse | None = None
    real: dict[str, str] = field(default_factory=dict)
    """Column alias list: name here → name in the relation, where they differ."""
    sources: Sources | None = None
    partial: PartlyShown | None = None
    origins: dict[str, tuple[TableName, str]] = field(default_factory=dict)
    """Of a derived table: its column → the table and column that it is, unchanged."""
    schema: str = ""
    """For `schema.table.column`: the relation's schema, where no alias hides it."""
    qualified_only: bool = False
    """`excluded`, `old` and `new`: reached by their qualifier only."""
    grouped: set[str] = field(default_factory=set)
    """Columns that the level refers to after grouping."""
    taints: dict[str, Taint] = field(default_factory=dict)
    """Of a derived table: what each of its columns is made of, where that can be told."""
    whole: Taint = field(default_factory=Taint)
    """Of a derived table: what all of it is made of."""

    def has(self, column: str) -> bool:
        return self.columns is not None and column in self.columns

    def origin(self, column: str) -> tuple[TableName, str] | None:
        """The table and column that a column of this item is."""
        if self.use is not None:
            return self.use.relation.name, self.named(column)
        return self.origins.get(column)

    def made_of(self, column: str) -> Taint:
        """What a column of this item is made of."""
        if self.use is not None:
            return Taint({(self.use, self.named(column))})
        return self.taints.get(column, self.whole)

    def made_of_all(self) -> Taint:
        return self.whole if self.use is None else of_use(self.use)

    def named(self, column: str) -> str:
        """The relation's own name of a column."""
        return self.real.get(column, column)


@dataclass(eq=False, slots=True)
class Level:
    """One query level."""

    parent: Level | None
    depth: int
    items: list[Item] = field(default_factory=list)
    ctes: dict[str, Item] = field(default_factory=dict)
    sources: Sources = field(default_factory=Sources)
    qual: bool = False
    """What is being walked now can be evaluated before a row predicate of this level's relations."""
    merged: bool = False
    """A join with USING or NATURAL: a star does not simply list the columns of each item."""
    grouping: bool = False
    """What is being walked now is evaluated after grouping: columns are noted for a primary-key GROUP BY."""

    @classmethod
    def below(cls, parent: Level | None) -> Level:
        return cls(parent, parent.depth + 1 if parent else 0)

    def cte(self, name: str) -> Item | None:
        """The common table expression of that name in sight."""
        level: Level | None = self
        while level is not None:
            if name in level.ctes:
                return level.ctes[name]
            level = level.parent
        return None

    def find(self, alias: str, schema: str = "") -> tuple[Level, Item] | None:
        """The range item that a qualifier names."""
        level: Level | None = self
        while level is not None:
            for item in level.items:
                if item.alias == alias and (not schema or item.schema == schema):
                    return level, item
            level = level.parent
        return None

    def add(self, item: Item) -> None:
        """Put an item into the level. Two tables of one name in two schemas are legal without aliases."""
        for other in self.items:
            if other.alias == item.alias and other.schema and item.schema:
                for use in (item.use, other.use):
                    if isinstance(use, RelationUse):
                        use.clashes()
        self.items.append(item)
        if isinstance(item.use, RelationUse):
            self.sources.uses.append(item.use)
        if item.sources is not None:
            self.sources.inner.append(item.sources)


Origins: TypeAlias = tuple[tuple[TableName, str] | None, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """What a query gives to the one around it."""

    columns: tuple[str, ...] | None
    sources: Sources
    origins: Origins = ()
    """For each of `columns`, the table and column that it is, unchanged; empty where that is not known."""
    taints: tuple[Taint, ...] = ()
    """What each of `columns` is made of; empty where that is not known."""
    whole: Taint = field(default_factory=Taint)
    """What all of them are made of."""
    chosen: Taint = field(default_factory=Taint)
    """What the conditions that choose its rows look at: an EXISTS tells no more than that."""

    def taint(self, position: int) -> Taint:
        """What the column at a 0-based position is made of."""
        return self.taints[position] if position < len(self.taints) else self.whole


def by_name(columns: tuple[str, ...] | None, origins: Origins) -> dict[str, tuple[TableName, str]]:
    """The origins of a derived table's columns by their names."""
    pairs = zip(columns or (), origins, strict=False)
    return {column: origin for column, origin in pairs if origin is not None}


def renamed(columns: tuple[str, ...] | None, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """The columns under a column alias list, which may be shorter."""
    if columns is None:
        return None
    return names + columns[len(names) :]


def taints_by_name(columns: tuple[str, ...] | None, taints: tuple[Taint, ...]) -> dict[str, Taint]:
    """What the columns of a derived table are made of, by their names."""
    return dict(zip(columns or (), taints, strict=False))
