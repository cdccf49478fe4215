"""What a database holds, as an immutable snapshot: pure data, and the resolution of names as PostgreSQL does it.

`introspect.py` makes one. Names are spelled as the catalogue of the database spells them. Only objects of users are
here: nothing of pg_catalog, information_schema, pg_toast and temporary schemas, but for what begins with `system_`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import TypeVar

from adapters.postgres.sql.columntype import ColumnType
from gateway.model import TableName

K = TypeVar("K")
V = TypeVar("V")

KINDS: Mapping[str, str] = MappingProxyType({
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
})  # fmt: skip
"""`pg_class.relkind` of what a FROM clause can name and this module knows, in words."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column that is not dropped."""

    name: str
    number: int
    """`attnum`: with the relation's oid it is what RowDescription tells of a column's origin."""
    type: ColumnType
    type_oid: int
    not_null: bool
    generated: bool = False
    identity: bool = False
    has_default: bool = False
    sequence: TableName | None = None
    """The sequence that its default or identity draws from."""
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, partitioned table, view, materialized view or foreign table."""

    name: TableName
    oid: int
    kind: str
    """`pg_class.relkind`, see `KINDS`."""
    columns: tuple[Column, ...]
    """In the order of `attnum`."""
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    """Columns of each unique index over plain columns without a condition, the primary key among them."""
    parents: tuple[TableName, ...] = ()
    """What it inherits from or is a partition of."""
    partition: bool = False
    comment: str | None = None
    triggers: tuple[str, ...] = ()
    """Names of the users' triggers; those of foreign keys are not here."""
    rules: tuple[str, ...] = ()
    """Names of rules but the one that makes a view."""
    reads: tuple[tuple[TableName, str], ...] = ()
    """For a view: the relations and columns that its text names."""
    security_invoker: bool = False
    """For a view: it runs with the rights of whoever reads it."""
    row_security: bool = False
    owner: str = ""
    estimated_rows: int = 0
    """The planner's estimate; 0 where there is none. Not part of the digest."""

    @property
    def has_triggers(self) -> bool:
        return bool(self.triggers)

    @property
    def has_rules(self) -> bool:
        return bool(self.rules)

    @property
    def is_view(self) -> bool:
        return self.kind in "vm"

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)


@dataclass(frozen=True, slots=True)
class Function:
    """A function, aggregate or procedure of a user. `identity` is `schema.name(argument types)`."""

    schema: str
    name: str
    identity: str
    kind: str
    """`pg_proc.prokind`: f, a, w, p."""
    security_definer: bool
    callable: bool
    """The gateway's login may EXECUTE it."""
    returns: str
    trigger: bool = False
    shadows: bool = False
    """pg_catalog has a function of this name, which a call without a schema may now miss."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A cast of a user, or between types of which one is a user's. `context`: explicit, assignment or implicit."""

    source: str
    target: str
    function: str
    context: str
    called: str = ""
    """The function as `schema.name`."""
    carriers: tuple[str, ...] = ()
    """The type without which it cannot happen, and those that values of it come in (arrays, domains, rows, ranges), as
    `schema.name`. It is the one of a user among the two types; empty where both are built in."""
    carrier_oids: tuple[int, ...] = ()

    @property
    def of_users_type(self) -> bool:
        """Whether it is the source that is a user's type; those of pg_catalog are spelled without a schema."""
        return "." in self.source


@dataclass(frozen=True, slots=True)
class Login:
    """The role that the gateway logs in with, and how."""

    name: str
    superuser: bool = False
    bypass_row_security: bool = False
    replication: bool = False
    create_role: bool = False
    create_database: bool = False
    encrypted: bool = False
    """The connection uses TLS."""
    local: bool = False
    """The connection uses a Unix socket or stays on this machine."""
    member_of: tuple[str, ...] = ()
    """Predefined roles that open files, programs or all data (`pg_read_server_files`, …)."""


def _frozen(mapping: Mapping[K, V]) -> Mapping[K, V]:
    return MappingProxyType(dict(mapping))


@dataclass(frozen=True)
class Snapshot:
    """The catalogue of one database at one moment."""

    relations: Mapping[TableName, Relation] = field(default_factory=dict)
    schemas: frozenset[str] = frozenset()
    """Schemas of users; the gateway's login need not have rights on them."""
    functions: tuple[Function, ...] = ()
    user_functions: frozenset[str] = frozenset()
    """Bare names of functions outside pg_catalog and information_schema that no trusted extension vouches for."""
    user_operators: frozenset[str] = frozenset()
    """Symbols, likewise."""
    shadowing_operators: frozenset[str] = frozenset()
    """Those of them that pg_catalog has as well."""
    user_types: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(schema, name) to `pg_type.typtype` (c, d, e, r, m, b), no arrays; `x`: casting to it runs a user's function."""
    parameter_types: frozenset[int] = frozenset()
    """OIDs of those of them, and of their arrays, that a parameter may have."""
    user_casts: tuple[Cast, ...] = ()
    enums: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    extensions: Mapping[str, str] = field(default_factory=dict)
    """Name to schema."""
    extension_functions: frozenset[str] = frozenset()
    """Bare names of functions of trusted extensions that only compute."""
    extension_operators: frozenset[tuple[str, str]] = frozenset()
    """(schema, symbol) of operators of trusted extensions."""
    system_relations: frozenset[str] = frozenset()
    """Names of pg_catalog, which are found before any other unless search_path says otherwise."""
    system_columns: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Relations of the system that are shown in part only, as `schema.name`, to their columns as (name, type)."""
    server_version: int = 0
    """`server_version_num`, such as 180006."""
    database: str = ""
    default_search_path: tuple[str, ...] = ()
    """Of the gateway's login, `$user` expanded, schemas that do not exist left out."""
    login: Login = field(default_factory=lambda: Login(""))
    installed: Mapping[str, str] = field(default_factory=dict)
    """What `menshen install` put there: a persona's role to the digest of what it got."""

    def __post_init__(self) -> None:
        for name in ("relations", "user_types", "enums", "extensions", "system_columns", "installed"):
            object.__setattr__(self, name, _frozen(getattr(self, name)))

    @cached_property
    def cast_unasked(self) -> frozenset[int]:
        """OIDs of types whose values a function of a user may make another of, or make, without being named."""
        casts = (cast for cast in self.user_casts if cast.function and cast.context != "explicit")
        return frozenset(oid for cast in casts for oid in cast.carrier_oids)

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex over everything that a verdict or a rewritten text may depend on."""
        found = sha256()
        for part in self._material():
            found.update(part.encode("utf-8", "surrogatepass"))
            found.update(b"\0")
        return found.hexdigest()

    def _material(self) -> Iterator[str]:
        for relation in sorted(self.relations.values(), key=lambda r: r.name):
            r = relation
            yield repr((r.name, r.oid, r.kind, r.primary_key, r.unique_keys, r.parents, r.triggers, r.rules))
            yield repr((r.reads, r.security_invoker, r.row_security, r.owner))
            for c in r.columns:
                yield repr((c.name, c.number, c.type, c.type_oid, c.not_null))
                yield repr((c.generated, c.identity, c.has_default, c.sequence))
        for whole in (self.schemas, self.user_functions, self.user_operators, self.extension_functions):
            yield repr(sorted(whole))
        yield repr(sorted(self.extension_operators))
        yield repr(sorted(self.user_types.items()))
        yield repr(sorted(self.parameter_types))
        yield repr(sorted(self.enums.items()))
        yield repr(sorted(self.extensions.items()))
        yield repr((self.functions, self.user_casts, self.server_version, self.database))
        yield repr((self.default_search_path, self.login, sorted(self.installed.items())))

    @cached_property
    def children(self) -> Mapping[TableName, tuple[TableName, ...]]:
        """Relation to the relations that inherit from it directly."""
        found: dict[TableName, list[TableName]] = {}
        for relation in self.relations.values():
            for parent in relation.parents:
                found.setdefault(parent, []).append(relation.name)
        return {parent: tuple(sorted(names)) for parent, names in found.items()}

    @cached_property
    def drawn(self) -> Mapping[TableName, tuple[Relation, ...]]:
        """Sequence to the relations whose defaults or identities draw from it."""
        found: dict[TableName, dict[TableName, Relation]] = {}
        for relation in self.relations.values():
            for column in relation.columns:
                if column.sequence is not None:
                    found.setdefault(column.sequence, {})[relation.name] = relation
        return {sequence: tuple(relations.values()) for sequence, relations in found.items()}

    def descendants(self, name: TableName) -> tuple[TableName, ...]:
        """All that inherits from a relation, directly or not, itself left out."""
        found: dict[TableName, None] = {}
        waiting = list(self.children.get(name, ()))
        while waiting:
            one = waiting.pop(0)
            if one not in found:
                found[one] = None
                waiting.extend(self.children.get(one, ()))
        return tuple(found)

    def resolve(self, name: str, search_path: tuple[str, ...]) -> Relation | None:
        """The relation that an unqualified name means. Temporary relations are the caller's to know.

        pg_catalog is searched first unless the path names it ("5.10.5. The System Catalog Schema"): None then, since a
        relation of the system is not in a snapshot. An entry that is no schema is skipped, as PostgreSQL does.
        """
        if name in self.system_relations and "pg_catalog" not in search_path:
            return None
        for schema in search_path:
            if schema == "pg_catalog" and name in self.system_relations:
                return None
            found = self.relations.get(TableName(schema, name))
            if found is not None:
                return found
        return None
