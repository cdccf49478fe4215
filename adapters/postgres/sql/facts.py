"""What a statement does, as facts: relations, columns, functions, writes, and where each stands in the text.

Facts do not depend on a persona. They depend on the catalogue (`World`), so they are kept as long as that is. All
positions are 0-based character offsets in the client's text; ends are exclusive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.postgres.catalog import Relation
from adapters.postgres.plan import Effect
from adapters.postgres.sql.parse import Node
from gateway.model import TableName

if TYPE_CHECKING:
    from adapters.postgres.sql.taint import Taint

SYSTEM_COLUMNS = frozenset({"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that only an unrestricted persona may do, or that the gateway does not understand."""

    reason: str
    """A short word: `function`, `statement`, `unknown_relation`, `setting`, …"""
    message: str
    hint: str = ""
    position: int = -1
    sqlstate: str = "42501"


@dataclass(eq=False, slots=True)
class Sources:
    """The relations that a derived table is made of."""

    uses: list[RelationUse] = field(default_factory=list)
    inner: list[Sources] = field(default_factory=list)
    grouped: bool = False
    """Each of its rows stands for a group."""

    def below(self) -> list[RelationUse]:
        """The relations under derived tables that hold rows of theirs, not groups."""
        seen: set[int] = {id(self)}
        todo = list(self.inner)
        found: list[RelationUse] = []
        while todo:
            one = todo.pop()
            if id(one) not in seen and not one.grouped:
                found += one.uses
                todo.extend(one.inner)
            seen.add(id(one))
        return found

    def propagate(self) -> None:
        """An expression that may raise looks at it: mark every relation below. A recursive CTE may reach itself."""
        seen: set[int] = set()
        todo = [self]
        while todo:
            one = todo.pop()
            if id(one) in seen:
                continue
            seen.add(id(one))
            for use in one.uses:
                use.leaky = True
            todo.extend(one.inner)


@dataclass(frozen=True, slots=True)
class Conjunct:
    """A top-level `column = value` of a WHERE: a lookup where the rules allow one, and an index condition."""

    column: str
    node: Node
    """The A_Expr."""
    reversed: bool = False
    """The value stands on the left."""
    location: int = -1
    """Where the column's name begins."""


@dataclass(eq=False, slots=True)
class RelationUse:
    """One reference to a relation in a FROM clause."""

    relation: Relation
    visible: tuple[str, ...]
    """The columns that exist for the gateway, in order: in the database and in the data map."""
    alias: str
    explicit_alias: bool
    location: int
    """Where the name begins."""
    only: bool = False
    sample: Node | None = None
    nullable: bool = False
    """On the nullable side of an outer join."""
    columns: set[str] = field(default_factory=set)
    everything: bool = False
    """A star or the whole row: every visible column."""
    whole_row: bool = False
    shaped: bool = False
    """Its columns are counted or compared as a whole (column alias list, NATURAL JOIN): all of them must be there."""
    system: set[str] = field(default_factory=set)
    leaky: bool = False
    """An expression that may raise could be evaluated before the row predicate."""
    beside: bool = False
    """Something in the statement may raise: matters where the row predicate becomes a join, which may run last."""
    conjuncts: list[Conjunct] = field(default_factory=list)
    qualified: list[int] = field(default_factory=list)
    """Where `schema.table.column` references to it begin."""

    def clashes(self) -> None:
        """Another table of the same name stands beside it: only the schema tells them apart."""
        self.alias = f"{self.relation.name}"


@dataclass(frozen=True, slots=True)
class TargetReference:
    """A reference to a column of the target of a write, in WHERE, SET, RETURNING or ON CONFLICT."""

    location: int
    column: str
    label: bool
    """It is a whole RETURNING item: its label must survive."""
    leaky: bool
    qual: bool = False
    """It stands where it can be evaluated before the row predicate."""


@dataclass(frozen=True, slots=True)
class TargetStar:
    """A star in RETURNING. `others`: the aliases of the other FROM items that a bare star also spreads."""

    location: int
    bare: bool
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A column that gets a value: a constant, a parameter, or something else (both empty)."""

    column: str
    constant: str | None = None
    parameter: int = 0
    computed: bool = False
    """Made from columns: a mask among them would be written as if it were data."""
    made_of: Taint | None = None
    """The columns that the value is computed from."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A column, or a value made of columns, where it decides something: a condition, an order, a comparison."""

    made_of: Taint
    location: int
    """Where the reference stands; negative where there is none, as in USING."""


@dataclass(eq=False, slots=True)
class TargetUse:
    """The target of an INSERT, UPDATE, DELETE or COPY FROM."""

    relation: Relation
    visible: tuple[str, ...]
    alias: str
    location: int
    act: str
    """`insert`, `update` or `delete`."""
    inserted: list[Written] = field(default_factory=list)
    updated: list[Written] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)
    """Columns that are read."""
    everything: bool = False
    whole_row: bool = False
    system: set[str] = field(default_factory=set)
    references: list[TargetReference] = field(default_factory=list)
    stars: list[TargetStar] = field(default_factory=list)
    lookups: list[Conjunct] = field(default_factory=list)
    leaky: bool = False
    """Something that may raise stands in its conditions: each of them looks at rows in sight only."""
    beside: bool = False
    system_qual: bool = False
    """A system column stands in a condition."""
    has_where: bool = False
    conflict_update: bool = False
    conflict_where: bool = False


@dataclass(frozen=True, slots=True)
class GroupMend:
    """Columns that a GROUP BY on a primary key covers in a table, and that must be named for a derived table."""

    use: RelationUse
    location: int
    """A place inside the first grouping item."""
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A query that aggregates."""

    sources: Sources
    select_list: int
    """Where its select list begins."""
    unsafe: str
    """What in it cannot be guarded by a condition on its groups; empty: all can."""
    elsewhere: bool
    """An aggregate may be that of a query around this one."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function that the policy lists; allowed where the persona holds `call` on its class."""

    function: str
    """`schema.name`"""
    location: int
    qualified: bool


@dataclass(frozen=True, slots=True)
class Draw:
    """A value that is taken from a sequence by its name, as an INSERT into one of its tables would take it."""

    sequence: str
    """`schema.name`"""
    relations: tuple[Relation, ...]
    location: int


@dataclass(eq=False, slots=True)
class PartlyShown:
    """A reference to a catalogue relation of which only some rows, or not all columns, are shown."""

    location: int
    relation: str
    """`schema.name`"""
    columns: tuple[tuple[str, str], ...]
    """Name and type of each."""
    alias: str
    explicit_alias: bool
    system: set[str] = field(default_factory=set)
    qualified: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CopyOut:
    """`COPY t [(columns)] TO STDOUT`: the name and its list become a query."""

    use: RelationUse
    columns: tuple[str, ...]


@dataclass(slots=True)
class Facts:
    """One statement."""

    kind: str
    start: int
    end: int
    uses: list[RelationUse] = field(default_factory=list)
    targets: list[TargetUse] = field(default_factory=list)
    catalogue: list[str] = field(default_factory=list)
    """Relations of the system catalogue that are read."""
    refusals: list[Refusal] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)
    qualify: list[int] = field(default_factory=list)
    """Where names begin that `pg_catalog.` is put before: catalogue relations without a schema, and built-in functions
    that a function of a user shares its name with."""
    partial: list[PartlyShown] = field(default_factory=list)
    mends: list[GroupMend] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    patterns: bool = False
    """A LIKE whose pattern may end in an escape: PostgreSQL's planner tries it on statistics, and may raise there."""
    copy_out: CopyOut | None = None
    effects: list[Effect] = field(default_factory=list)
    ddl: tuple[str, ...] = ()
    """The schemas that DDL touches; the act `ddl` on each is needed."""
    needs_clear: str = ""
    """EXPLAIN and the like show more than the result: every relation must be clear and whole."""
    executes: str = ""
    """The SQL-level prepared statement that EXECUTE runs."""
    arguments: tuple[str | None, ...] = ()
    """Its arguments; None where one is not a constant."""
    fetches: str = ""
    """The cursor that FETCH reads."""
    shows: str = ""
    """The gateway's own setting that SHOW asks for."""
    outputs: tuple[tuple[TableName, str] | None, ...] = ()
    """For each column of the result, the table and column that it is, unchanged; empty where that is not known."""
    combined: bool = False
    """A UNION or the like: one column of the result is that of several tables, or of one table several times."""
    unresolved: list[str] = field(default_factory=list)
    """Names of relations that the catalogue does not know, for the record."""

    def everything_used(self) -> tuple[RelationUse | TargetUse, ...]:
        """The relations that are read, then those that are written."""
        return (*self.uses, *self.targets)
