"""Policy × catalogue → what each persona gets in the database: its views, its lookup functions, its rights. Pure.

The masks and row predicates are those of the inline veil (`adapters.postgres.sql.veil`), with one difference: everybody
may read the text of a view, so the keys of pseudonyms stand in a table of Menshen's own, which the views read with the
rights of their owner.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from adapters.postgres.catalog import Relation, Snapshot
from adapters.postgres.managed.names import HOME, insert_view, lookup_function, persona_role, persona_schema
from adapters.postgres.sql.pseudonym import PseudonymKeys
from adapters.postgres.sql.quote import quote_ident, quote_literal, quote_table
from adapters.postgres.sql.veil import Comparison, RenderedColumn, RenderedVeil, render
from adapters.postgres.world import PolicyWorld
from gateway.errors import Denied
from gateway.model import Consent, Persona, TableName
from gateway.policy.policy import Policy

WRITABLE_KINDS = frozenset("rpf")
"""`pg_class.relkind` of what a view can be written through to."""
_BUILT_IN = frozenset({
    "text", "varchar", "bpchar", "int2", "int4", "int8", "numeric", "date", "timestamp", "timestamptz", "uuid",
    "inet", "cidr", "bool",
})  # fmt: skip


class ViewVeil(RenderedVeil):
    """A veil as the text of a view.

    PostgreSQL runs a condition that reads no column before the view's own if it costs less, and by its error tells that
    a hidden row got that far: so the view's own conditions cost as little as a condition can, and stand first.
    """

    limits_once = True


@dataclass(frozen=True)
class ViewOf:
    """One table as one persona sees it."""

    relation: Relation
    veil: RenderedVeil
    name: TableName
    """Of the view."""

    @cached_property
    def readable(self) -> bool:
        """Whether anything of it may be read: how many rows there are is something already."""
        return not self.veil.veil.governed or any(c.veil.disclosure or c.veil.lookup for c in self.veil.columns)

    @cached_property
    def lookups(self) -> tuple[RenderedColumn, ...]:
        """Masked columns whose raw value may be asked for."""
        return tuple(c for c in self.veil.columns if c.veil.lookup and not c.clear and lookup_type(c) is not None)

    @cached_property
    def inserted(self) -> tuple[str, ...]:
        """Columns that may be written by INSERT: those that are not shown as they are cannot pass through a view."""
        return tuple(c.name for c in self.veil.columns if c.veil.insert and c.clear) if self._written else ()

    @cached_property
    def updated(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.veil.columns if c.veil.update and c.clear) if self._written else ()

    @property
    def deleted(self) -> bool:
        return self._written and self.veil.veil.delete

    @property
    def _written(self) -> bool:
        return is_writable(self.relation) and any(c.clear for c in self.veil.columns)

    @property
    def writable(self) -> bool:
        return bool(self.inserted or self.updated or self.deleted)

    @property
    def insertion(self) -> TableName:
        """The view that rows are inserted through."""
        return insertion(self.veil, self.name)

    @property
    def sequences(self) -> tuple[TableName, ...]:
        """What the defaults of an INSERT draw from; they do so with the rights of whoever inserts."""
        if not self.inserted:
            return ()
        return tuple(sorted({c.sequence for c in self.relation.columns if c.sequence and not c.identity}))


def is_writable(relation: Relation) -> bool:
    """A rule runs with the rights of the table's owner, and a trigger sees the raw row and may tell it."""
    return relation.kind in WRITABLE_KINDS and not relation.has_rules and not relation.has_triggers


def insertion(veil: RenderedVeil, view: TableName) -> TableName:
    """The view that rows are inserted through, which may be another than the one for all else."""
    inserts = any(c.veil.insert and c.clear for c in veil.columns)
    updates = any(c.veil.update and c.clear for c in veil.columns)
    return TableName(view.schema, insert_view(view.name)) if inserts and updates and veil.veil.rows else view


def lookup_type(column: RenderedColumn) -> str | None:
    """The type by which a column is looked up, without a length (which would cut values); None: not supported."""
    base = column.type.base
    return f"pg_catalog.{base}" if base in _BUILT_IN and not column.type.domain else None


@dataclass(frozen=True)
class PersonaContents:
    """All that one persona gets."""

    persona: Persona
    role: str
    views: tuple[ViewOf, ...]
    keys: PseudonymKeys

    @cached_property
    def schemas(self) -> tuple[str, ...]:
        """The persona's schemas; its search_path."""
        return tuple(dict.fromkeys(view.name.schema for view in self.views))

    @cached_property
    def statements(self) -> tuple[str, ...]:
        """The SQL that makes views, functions and rights, run as the owner role."""
        out = [f"CREATE SCHEMA {quote_ident(s)}" for s in self.schemas]
        out += [f"GRANT USAGE ON SCHEMA {quote_ident(s)} TO {quote_ident(self.role)}" for s in self.schemas]
        for view in self.views:
            out += view_statements(view, self.role, self.keys)
        return tuple(out)

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex over everything that the persona gets."""
        parts = (self.role, *self.statements, *(str(s) for view in self.views for s in view.sequences))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def personas(policy: Policy) -> Iterator[Persona]:
    """Every persona that a session can have, but the unrestricted ones, which log in as the gateway itself."""
    for principal in policy.principals.values():
        for purpose in (None, *policy.purposes):
            try:
                persona = policy.persona(principal, purpose)
            except Denied:
                continue
            if not persona.unrestricted:
                yield persona


def contents(policy: Policy, snapshot: Snapshot, keys: PseudonymKeys, persona: Persona) -> PersonaContents:
    """What the persona gets of the tables that the database has now."""
    world = PolicyWorld(policy, snapshot)
    views = []
    for relation in sorted(snapshot.relations.values(), key=lambda r: r.name):
        if world.visible(relation) is None:
            continue
        veil = policy.veil(persona, relation.name, relation.column_names)
        if veil is None:
            continue
        made = render(veil, {c.name: c.type for c in relation.columns}, keys)
        rendered = ViewVeil(made.veil, made.columns, made.types)
        schema = persona_schema(persona, relation.name.schema)
        view = ViewOf(relation, rendered, TableName(schema, relation.name.name))
        if rendered.columns and (view.readable or view.writable):
            views.append(view)
    return PersonaContents(persona, persona_role(snapshot.database, persona), tuple(views), keys)


# -- SQL --------------------------------------------------------------------------------------------------------------
def view_statements(view: ViewOf, role: str, keys: PseudonymKeys) -> Iterator[str]:
    """One view, its lookup functions, and what the role may do with them."""
    name, to = quote_table(view.name), quote_ident(role)
    # Rows may not be written out of sight; only a view that PostgreSQL can write through may say so.
    checked = ", check_option = cascaded" if view.writable and view.veil.veil.rows else ""
    body = without_keys(view.veil.derived()[1:-1], view, keys)
    yield f"CREATE VIEW {name} WITH (security_barrier = true{checked}) AS {body}"
    if view.readable:
        yield f"GRANT SELECT ON {name} TO {to}"
    if view.inserted and view.insertion != view.name:
        yield f"CREATE VIEW {quote_table(view.insertion)} WITH (security_barrier = true{checked}) AS {body}"
        if view.readable:
            yield f"GRANT SELECT ON {quote_table(view.insertion)} TO {to}"
    for act, columns, place in (("INSERT", view.inserted, view.insertion), ("UPDATE", view.updated, view.name)):
        if columns:
            yield f"GRANT {act} ({', '.join(map(quote_ident, columns))}) ON {quote_table(place)} TO {to}"
    if view.deleted:
        yield f"GRANT DELETE ON {name} TO {to}"
    for column in view.lookups:
        yield from _lookup(view, column, to, keys)


def _lookup(view: ViewOf, column: RenderedColumn, to: str, keys: PseudonymKeys) -> Iterator[str]:
    function = quote_table(TableName(view.name.schema, lookup_function(view.name.name, column.name)))
    wanted = Comparison(column, "", " OPERATOR(pg_catalog.=) ANY ($1)", "$1")
    body = without_keys(view.veil.derived(lookups=(wanted,))[1:-1], view, keys)
    signature = f"{function}({lookup_type(column)}[])"
    yield (
        f"CREATE FUNCTION {signature} RETURNS SETOF {quote_table(view.name)} LANGUAGE sql STABLE SECURITY DEFINER "
        f"ROWS 1 SET search_path = pg_catalog, pg_temp AS {quote_literal(body)}"
    )
    yield f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC"
    yield f"GRANT EXECUTE ON FUNCTION {signature} TO {to}"


def without_keys(sql: str, view: ViewOf, keys: PseudonymKeys) -> str:
    """The SQL with each key of a pseudonym replaced by a look into the table of keys."""
    for data_class in sorted({c.veil.data_class for c in view.veil.columns if c.secret}):
        key = keys.key(data_class)
        for part, half in (("outer_key", key[:32]), ("inner_key", key[32:])):
            look = (
                f"(SELECT k.{part} FROM {quote_ident(HOME)}.keys AS k "
                f"WHERE k.data_class OPERATOR(pg_catalog.=) {quote_literal(data_class)})"
            )
            sql = sql.replace(f"'\\x{half.hex()}'::pg_catalog.bytea", look)
    return sql


def secret_classes(all_contents: tuple[PersonaContents, ...]) -> tuple[str, ...]:
    """Classes whose keys the views read."""
    views = (view for one in all_contents for view in one.views)
    return tuple(sorted({c.veil.data_class for view in views for c in view.veil.columns if c.secret}))


def tables_read(all_contents: tuple[PersonaContents, ...]) -> tuple[TableName, ...]:
    """The tables that the owner of the views reads, those of consents among them."""
    found = set()
    for one in all_contents:
        for view in one.views:
            found.add(view.relation.name)
            found.update(rule.table for rule in view.veil.veil.rows if isinstance(rule, Consent))
    return tuple(sorted(found))
