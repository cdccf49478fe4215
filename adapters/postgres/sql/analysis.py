"""The state of one analysis: what was found so far, and how names are resolved and noted.

The walkers (`expressions`, `queries`, `writes`, `utility`) share one `Analysis`. A node type that no walker knows is a
refusal: default deny at every node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from adapters.postgres.catalog import Relation, Snapshot
from adapters.postgres.sql import allow
from adapters.postgres.sql.facts import (
    SYSTEM_COLUMNS,
    Compared,
    Facts,
    PartlyShown,
    Refusal,
    RelationUse,
    Sources,
    TargetReference,
    TargetStar,
    TargetUse,
)
from adapters.postgres.sql.parse import Node, Text
from adapters.postgres.sql.raising import LIKE_OPERATORS, Raising, Unit
from adapters.postgres.sql.scope import Item, Level, Output
from adapters.postgres.sql.taint import Taint
from gateway.model import TableName


class World(Protocol):
    """What names mean: the catalogue of the database and the data map of the bundle."""

    @property
    def snapshot(self) -> Snapshot: ...

    @property
    def functions(self) -> Mapping[str, str]:
        """Functions of users that the policy lists, `schema.name` → the class whose `call` act is needed."""
        ...

    def visible(self, relation: Relation) -> tuple[str, ...] | None:
        """The columns that exist for the gateway; None: the relation is not in the data map."""
        ...


NOWHERE = -1
Walker = Callable[["Analysis", Any, Level, int], None]


class StatementWalker(Protocol):
    """Walks a statement inside another (`statements.statement`); handed in, so that the walkers stay in one order."""

    def __call__(
        self, a: Analysis, node: Node, outer: Level | None, raising: int = ..., *, pulled_up: bool
    ) -> Output: ...


class Analysis:
    """Facts in the making for one statement."""

    def __init__(
        self, text: Text, facts: Facts, world: World, search_path: tuple[str, ...], inner: StatementWalker
    ) -> None:
        self._inner = inner
        self.text = text
        self.facts = facts
        self.world = world
        self.search_path = search_path
        self.leaky_sources: list[Sources] = []
        self.raising = Raising()
        self.deciding = False
        """What is walked now decides something: a condition, an order, the operand of a comparison."""
        self.shown = False
        """What is walked now is a column that is shown as it is, and goes into no expression."""
        self.computed: list[Taint] = []
        """What goes into expressions, and `named_types` what types are named: see `adapters.postgres.sql.casts`."""
        self.named_types: list[list[str]] = []
        self.extension_called = False
        self._making: list[Taint] = []

    @contextmanager
    def making(self, *, apart: bool = False) -> Iterator[Taint]:
        """Collect what the value that is walked is made of. `apart`: it is no part of the value around it."""
        one = Taint()
        if self._making and not apart:
            self._making[-1].inner.append(one)
        self._making.append(one)
        yield one
        self._making.pop()

    @contextmanager
    def shows(self, now: bool) -> Iterator[None]:
        """Walk what is shown as it is, or not."""
        before, self.shown = self.shown, now
        yield
        self.shown = before

    @contextmanager
    def decides(self, now: bool = True) -> Iterator[None]:
        """Walk what decides something, or with `now=False` a query, which begins anew."""
        before, self.deciding = self.deciding, now
        yield
        self.deciding = before

    def goes_in(self, made_of: Taint, location: int = NOWHERE) -> None:
        """A column or a value made of columns goes into what is walked now."""
        if self._making:
            self._making[-1].inner.append(made_of)
        if not self.shown and self.world.snapshot.user_casts:
            self.computed.append(made_of)
        if self.deciding:
            at = self.text.at(location) if location >= 0 else NOWHERE
            self.facts.compared.append(Compared(made_of, at))

    @contextmanager
    def unit(self, level: Level, *, local: bool = True) -> Iterator[None]:
        """Walk one condition, see `adapters.postgres.sql.raising`."""
        self.raising.units.append(Unit(level, local))
        yield
        self.raising.close()

    def statement(self, node: Node, outer: Level | None, raising: int = NOWHERE, *, pulled_up: bool) -> Output:
        """A query where SQL allows one. `pulled_up`: the planner may merge it into the query around it."""
        return self._inner(self, node, outer, raising, pulled_up=pulled_up)

    # -- refusals
    def refuse(
        self, reason: str, message: str, *, hint: str = "", location: int | None = None, sqlstate: str = "42501"
    ) -> None:
        position = self.text.at(location) if location is not None and location >= 0 else NOWHERE
        self.facts.refusals.append(Refusal(reason, message, hint, position, sqlstate))

    # -- relations
    def relation(self, node: Node) -> Relation | None:
        """The relation that a RangeVar names, or None after noting why it cannot be reached."""
        name, schema = node["relname"], node.get("schemaname", "")
        location = node.get("location", 0)
        if "catalogname" in node:
            self.refuse(
                "unknown_relation",
                "a name with a database in front is not supported",
                hint="Leave the database out.",
                location=location,
            )
            return None
        snapshot = self.world.snapshot
        found = snapshot.relations.get(TableName(schema, name)) if schema else snapshot.resolve(name, self.search_path)
        if found is None:
            shown = f"{schema}.{name}" if schema else name
            self.facts.unresolved.append(shown)
            self.refuse(
                "unknown_relation",
                f'relation "{shown}" does not exist',
                sqlstate="42P01",
                location=location,
                hint="A table created a moment ago is known after the gateway's next look at the catalogue.",
            )
        return found

    def reachable(self, relation: Relation, location: int) -> tuple[str, ...]:
        """The visible columns of a relation; a refusal is noted where it is not in the data map."""
        visible = self.world.visible(relation)
        if visible is None:
            self.refuse(
                "unknown_relation",
                f"{relation.name} is not in the data map, so nobody may reach it through the gateway",
                hint="Ask the security team to add it to catalog.yaml.",
                location=location,
            )
            return tuple(c.name for c in relation.columns)
        return visible

    # -- columns
    def column(
        self, fields: list[str], star: bool, level: Level, raising: int, location: int, label: bool = False
    ) -> None:
        """Note a column reference. `raising`: the deepest level with an expression around it that may raise."""
        if star:
            self._star(fields, level, location, label)
        elif len(fields) == 1:
            self._bare(fields[0], level, raising, location, label)
        elif len(fields) == 2:
            self._qualified(level.find(fields[0]), fields[1], raising, location, label)
        elif len(fields) == 3:
            found = level.find(fields[1], fields[0])
            self._unqualify(found, location)
            self._qualified(found, fields[2], raising, location, label)
        else:
            self.refuse("name", "a name of more than three parts is not supported", location=location)

    def _unqualify(self, found: tuple[Level, Item] | None, location: int) -> None:
        """`schema.table.column`: a derived table has no schema, so the qualifier has to become the alias."""
        if found is not None:
            spliced = found[1].partial or found[1].use
            if isinstance(spliced, RelationUse | PartlyShown):
                spliced.qualified.append(self.text.at(location))

    def _bare(self, name: str, start: Level, raising: int, location: int, label: bool) -> None:
        level: Level | None = start
        while level is not None:
            for item in level.items:
                self._uncatalogued(item, name, location)
            hits = [i for i in level.items if not i.qualified_only and i.has(name)]
            if hits:
                for item in hits:
                    self.touch(level, item, name, raising, location, label)
                return
            if name in SYSTEM_COLUMNS:
                for item in level.items:
                    self._system(level, item, name)
                if level.items:
                    return
            for item in level.items:
                if item.columns is None and item.sources is not None:
                    self.goes_in(item.whole, location)
                    self.raising.touch(level, item.sources)
                    if raising >= level.depth:
                        self.leaky_sources.append(item.sources)
            level = level.parent
        found = start.find(name)
        if found is not None:
            self.whole_row(found[0], found[1], raising, location)

    def _qualified(self, found: tuple[Level, Item] | None, name: str, raising: int, location: int, label: bool) -> None:
        if found is None:
            return  # the database says which FROM-clause entry is missing
        level, item = found
        if item.columns is None or item.has(name):
            if item.columns is None:
                self.attribute(name, location)
            self.touch(level, item, name, raising, location, label)
        elif name in SYSTEM_COLUMNS:
            self._system(level, item, name)
        else:
            self._uncatalogued(item, name, location)
            self.attribute(name, location)

    def _uncatalogued(self, item: Item, name: str, location: int) -> None:
        """The target of a write stands in the text as itself: what the data map does not know must not be named."""
        use = item.use
        if isinstance(use, TargetUse) and not item.has(name) and name in use.relation.column_names:
            self.refuse(
                "unknown_column",
                f'column "{name}" of {use.relation.name} is not in the data map',
                hint="Ask the security team to classify it in catalog.yaml.",
                location=location,
            )

    def attribute(self, name: str, location: int) -> None:
        """`a.name` where no column is known may be a call of a user's function (functional notation)."""
        snapshot = self.world.snapshot
        if name in snapshot.user_functions or name in snapshot.extension_functions:
            self.refuse(
                "function",
                f'"{name}" is not a column here, and functions of users may not be called this way',
                location=location,
            )

    def touch(self, level: Level, item: Item, name: str, raising: int, location: int, label: bool = False) -> None:
        """Note that a column of an item is read."""
        leaky = level.qual and raising >= level.depth
        use = item.use
        self.goes_in(item.made_of(name), location)
        self.raising.touch(level, use)
        self.raising.touch(level, item.sources)
        if use is not None:
            real = item.named(name)
            use.columns.add(real)
            if isinstance(use, RelationUse):
                use.leaky = use.leaky or leaky
                if level.grouping:
                    item.grouped.add(real)
            else:
                use.references.append(TargetReference(self.text.at(location), real, label, leaky, level.qual))
        if item.sources is not None and leaky:
            self.leaky_sources.append(item.sources)

    def _system(self, level: Level, item: Item, name: str) -> None:
        spliced = item.use or item.partial
        self.raising.touch(level, item.use)
        if isinstance(item.use, TargetUse) and level.qual:
            item.use.system_qual = True
        if spliced is not None:
            spliced.system.add(name)

    def _star(self, fields: list[str], level: Level, location: int, label: bool) -> None:
        if fields:
            found = level.find(fields[-1], fields[-2] if len(fields) > 1 else "")
            if found is None:
                return
            if len(fields) > 1:
                self._unqualify(found, location)
            self.everything(found[0], found[1], location)
            self._target_star(found[1], level, location, bare=False)
            return
        for item in level.items:
            if not item.qualified_only:
                self.everything(level, item, location)
                self._target_star(item, level, location, bare=True)

    def _target_star(self, item: Item, level: Level, location: int, bare: bool) -> None:
        if isinstance(item.use, TargetUse):
            shown = (i for i in level.items if bare and not i.qualified_only and not isinstance(i.use, TargetUse))
            others = tuple(i.alias for i in shown)
            item.use.stars.append(TargetStar(self.text.at(location), bare, others))

    def everything(self, level: Level, item: Item, location: int) -> None:
        """Note that all columns of an item are read."""
        self.goes_in(item.made_of_all(), location)
        if item.use is not None:
            item.use.everything = True
            if level.grouping and isinstance(item.use, RelationUse):
                item.grouped.update(item.use.visible)

    def whole_row(self, level: Level, item: Item, raising: int, location: int) -> None:
        """Note that the row itself is used as a value."""
        self.everything(level, item, location)
        self.raising.touch(level, item.use)
        self.raising.touch(level, item.sources)
        if level.qual:
            self.raising.raises()  # rows of unlike columns raise when they are compared
        if item.use is not None:
            item.use.whole_row = True
            if isinstance(item.use, RelationUse) and level.qual and raising >= level.depth:
                item.use.leaky = True
        if item.sources is not None and level.qual and raising >= level.depth:
            self.leaky_sources.append(item.sources)

    # -- functions and operators
    def operator(self, names: list[Node], level: Level, raising: int, location: int) -> int:
        """Judge an operator; the deepest raising level around its operands."""
        parts = [n["String"].get("sval", "") for n in names]
        symbol = parts[-1]
        snapshot = self.world.snapshot
        if symbol not in allow.NEVER_RAISING_OPERATORS or (len(parts) > 1 and parts[0] != "pg_catalog"):
            self.raising.raises()
        self.facts.patterns = self.facts.patterns or symbol in LIKE_OPERATORS
        if len(parts) > 1 and parts[0] != "pg_catalog":
            if (parts[0], symbol) not in snapshot.extension_operators:
                self.refuse("operator", f"operator {'.'.join(parts)} is not built in", location=location)
            return level.depth
        if len(parts) == 1 and symbol in snapshot.user_operators:
            self.refuse(
                "operator",
                f"operator {symbol} is also defined by a user of this database, so its meaning here is not certain",
                hint=f"Write OPERATOR(pg_catalog.{symbol}).",
                location=location,
            )
        return raising if symbol in allow.NEVER_RAISING_OPERATORS else max(raising, level.depth)

    def implied(self, symbols: str, instead: str, location: int = NOWHERE) -> None:
        """Judge operators that SQL looks up though the statement does not write them; `symbols` parted by blanks."""
        for symbol in symbols.split():
            if symbol in self.world.snapshot.user_operators:
                self.refuse(
                    "operator",
                    f"this compares with the operator {symbol}, which is also defined by a user of this database",
                    hint=f"Write {instead}.",
                    location=location,
                )
