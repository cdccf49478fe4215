"""Other ways to the rows of a governed table: views over it, tables that inherit from it. Pure.

A view runs with the rights of its owner, and the veil of the tables under it does not apply to it: the data map has to
say of the view what it says of the tables.
"""

from __future__ import annotations

from collections.abc import Iterator

from adapters.postgres.catalog import KINDS, Relation, Snapshot
from adapters.postgres.check_tables import CATALOG
from gateway.errors import Problem
from gateway.model import TableName
from gateway.policy.policy import Policy
from gateway.policy.terms import PUBLIC, GovernedTable


def check(policy: Policy, snapshot: Snapshot) -> Iterator[Problem]:
    """Findings about views and children that show governed data with less protection than it has."""
    for relation in sorted(snapshot.relations.values(), key=lambda r: r.name):
        if relation.is_view and _reachable(policy, relation.name):
            yield from _view(policy, relation, sources(snapshot, relation))
    for name, table in policy.tables.items():
        for child in snapshot.descendants(name):
            if _reachable(policy, child):
                yield from _child(policy, table, snapshot.relations[child])


def sources(snapshot: Snapshot, view: Relation) -> frozenset[tuple[TableName, str]]:
    """Columns of tables that a view reads, through other views too."""
    found: set[tuple[TableName, str]] = set()
    seen = {view.name}
    waiting = [view]
    while waiting:
        for table, column in waiting.pop().reads:
            under = snapshot.relations[table]
            if not under.is_view:
                found.add((table, column))
            elif table not in seen:
                seen.add(table)
                waiting.append(under)
    return frozenset(found)


def _reachable(policy: Policy, name: TableName) -> bool:
    return name in policy.tables or name.schema in policy.open_schemas


def _view(policy: Policy, view: Relation, reads: frozenset[tuple[TableName, str]]) -> Iterator[Problem]:
    listed = policy.tables.get(view.name)
    line = listed.line if listed else 0
    own = set(listed.columns.values()) if listed else {PUBLIC}
    for table, column in sorted(reads):
        data_class = policy.tables[table].columns.get(column) if table in policy.tables else None
        if data_class is None or data_class == PUBLIC or any(_as_strict(policy, one, data_class) for one in own):
            continue
        message = f"{KINDS[view.kind]} `{view.name}` reads `{table}.{column}` ({data_class}) and has no such column"
        remedy = f"give the column that comes from it the class `{data_class}`, or take the view out of the catalogue"
        yield Problem(CATALOG, line, message, remedy, "warning" if listed else "error")
    for table in sorted({table for table, _ in reads} & policy.tables.keys()):
        lost = _lost(policy.tables[table], listed)
        if lost:
            message = f"{KINDS[view.kind]} `{view.name}` shows rows of `{table}` without its {' and '.join(lost)}"
            remedy = f"write the same under `{view.name}`, or take the view out of the catalogue"
            yield Problem(CATALOG, line, message, remedy, "warning")


def _child(policy: Policy, table: GovernedTable, child: Relation) -> Iterator[Problem]:
    listed = policy.tables.get(child.name)
    line = listed.line if listed else 0
    for column, data_class in table.columns.items():
        own = listed.columns.get(column, data_class) if listed else PUBLIC
        if data_class != PUBLIC and child.column(column) and not _as_strict(policy, own, data_class):
            message = f"`{child.name}` holds rows of `{table.name}`, and its column `{column}` has the class `{own}`"
            yield Problem(CATALOG, line, message, f"give it the class `{data_class}`, as there")
    lost = _lost(table, listed)
    if lost:
        message = f"`{child.name}` shows rows of `{table.name}` without its {' and '.join(lost)}"
        yield Problem(CATALOG, line, message, "write the same there, or take it out of the catalogue", "warning")


def _lost(table: GovernedTable, other: GovernedTable | None) -> list[str]:
    """Which row predicates of `table` the other does not have."""
    kept = {
        "retention": table.retention is None or (other is not None and other.retention is not None),
        "consent": table.consent is None or (other is not None and other.consent is not None),
        "row rules": not table.rows or (other is not None and set(table.rows) <= set(other.rows)),
    }
    return [what for what, there in kept.items() if not there]


def _as_strict(policy: Policy, one: str, data_class: str) -> bool:
    """Whether `one` is the class or lies under it: every rule on the class then holds for it as well."""
    at: str | None = one
    while at is not None:
        if at == data_class:
            return True
        found = policy.classes.get(at)
        at = found.parent if found else None
    return False
