"""Tables, columns, classes and masks of the data map against the tables of a database. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from adapters.postgres import discover_shapes
from adapters.postgres.catalog import KINDS, Column, Relation, Snapshot
from adapters.postgres.discover import Proposal, propose
from adapters.postgres.sql.allow_never_raising import comparison_never_raises
from adapters.postgres.sql.masks import fits
from adapters.postgres.sql.rowrule import check_row_rule
from gateway.errors import Problem
from gateway.model import TableName
from gateway.policy.policy import Policy
from gateway.policy.reader import did_you_mean
from gateway.policy.terms import PUBLIC, ConsentTerms, GovernedTable

CATALOG = "catalog.yaml"
MOMENTS = frozenset({"date", "timestamp"})

Shapes: TypeAlias = Mapping[TableName, Mapping[str, discover_shapes.Shapes]]


def check(policy: Policy, snapshot: Snapshot, shapes: Shapes) -> Iterator[Problem]:
    """Findings about what the data map says of tables. `shapes`: what was sampled, by table and column."""
    for name, table in policy.tables.items():
        relation = snapshot.relations.get(name)
        if relation is None:
            near = did_you_mean(str(name), map(str, snapshot.relations), "remove it, or create the table")
            yield Problem(CATALOG, table.line, f"table `{name}` is not in the database", near)
            continue
        yield from _columns(table, relation)
        yield from _unclassified(policy, table, relation, shapes.get(name, {}))
        yield from _masks(policy, table, relation)
        yield from _terms(table, relation, snapshot)
        yield from _rules(table, relation)
    for schema in sorted(policy.open_schemas - snapshot.schemas):
        near = did_you_mean(schema, snapshot.schemas, "remove the line")
        yield Problem(CATALOG, 0, f'schema `{schema}` of `"{schema}.*": allow` is not in the database', near)
    yield from _unlisted(policy, snapshot, shapes)


def unclassified(policy: Policy, snapshot: Snapshot) -> list[tuple[Relation, tuple[str, ...]]]:
    """Tables with the columns that have no class, in governed schemas and in opened ones (where all are `public`)."""
    found = []
    for relation in sorted(snapshot.relations.values(), key=lambda r: r.name):
        table = policy.tables.get(relation.name)
        if table is not None:
            missing = tuple(c for c in relation.column_names if c not in table.columns)
        elif _of_interest(policy, relation):
            missing = relation.column_names
        else:
            missing = ()
        if missing:
            found.append((relation, missing))
    return found


def _of_interest(policy: Policy, relation: Relation) -> bool:
    governed = {name.schema for name in policy.tables} | policy.open_schemas
    return relation.name.schema in governed and not relation.partition


def _columns(table: GovernedTable, relation: Relation) -> Iterator[Problem]:
    for column in table.columns:
        if relation.column(column) is None:
            near = did_you_mean(column, relation.column_names, "remove it")
            message = f"column `{column}` of table `{table.name}` is not in the database"
            yield Problem(CATALOG, table.line, message, near)


def _unclassified(
    policy: Policy, table: GovernedTable, relation: Relation, shapes: Mapping[str, discover_shapes.Shapes]
) -> Iterator[Problem]:
    missing = [c for c in relation.column_names if c not in table.columns]
    proposals = {p.column: p for p in propose(relation, policy.classes, shapes, missing)}
    for column in missing:
        message = f"column `{column}` of table `{table.name}` has no class, so nobody sees it"
        yield Problem(CATALOG, table.line, message, _remedy(column, proposals.get(column)), "warning")


def _remedy(column: str, proposal: Proposal | None) -> str:
    if proposal is None:
        return f"give it a class, `{column}: {PUBLIC}` if it tells nothing about a person"
    if proposal.data_class is None:
        return f"declare {proposal}"
    return f"write `{column}: {proposal.data_class}`? {proposal}"


def _masks(policy: Policy, table: GovernedTable, relation: Relation) -> Iterator[Problem]:
    for name, class_name in table.columns.items():
        column, data_class = relation.column(name), policy.classes.get(class_name)
        if column is None or data_class is None or data_class.mask is None or fits(data_class.mask, column.type):
            continue
        yield Problem(
            CATALOG, table.line,
            f"mask `{data_class.mask.name}` of class `{class_name}` does not fit column `{table.name}.{name}` of type "
            f"{column.type.sql}: `partial` shows NULL there",
            "give the column a class with a mask for its type, or none",
            "warning",
        )  # fmt: skip


def _terms(table: GovernedTable, relation: Relation, snapshot: Snapshot) -> Iterator[Problem]:
    if table.retention is not None:
        yield from _moment(table, relation, table.retention.column, "retention counts from")
    terms = table.consent
    kept = snapshot.relations.get(terms.table) if terms is not None else None
    if terms is not None and kept is not None:
        for moment in (terms.given, terms.withdrawn):
            if moment is not None:
                yield from _moment(table, kept, moment, "consent is read from")
        yield from _purpose(table, kept.column(terms.purpose), terms)
        yield from _key(table, relation, kept, terms)


def _moment(table: GovernedTable, relation: Relation, name: str, what: str) -> Iterator[Problem]:
    column = relation.column(name)
    if column is not None and column.type.family not in MOMENTS:
        message = f"{what} `{relation.name}.{name}`, which is {column.type.sql}"
        yield Problem(CATALOG, table.line, f"table `{table.name}`: {message}", "name a date or timestamp column")


def _purpose(table: GovernedTable, column: Column | None, terms: ConsentTerms) -> Iterator[Problem]:
    if column is not None and column.type.family != "text":
        message = f"table `{table.name}`: the purpose of a consent is `{terms.table}.{column.name}`, {column.type.sql}"
        yield Problem(CATALOG, table.line, message, "name the text column that holds the purpose's name")


def _key(table: GovernedTable, relation: Relation, kept: Relation, terms: ConsentTerms) -> Iterator[Problem]:
    key, subject = relation.column(table.subject or ""), kept.column(terms.subject)
    if key is None or subject is None or comparison_never_raises(key.type.base, subject.type.base):
        return
    message = f"subject `{table.name}.{key.name}` ({key.type.sql}) cannot be compared with `{kept.name}.{subject.name}`"
    yield Problem(CATALOG, table.line, f"{message} ({subject.type.sql})", "name columns of one type")


def _rules(table: GovernedTable, relation: Relation) -> Iterator[Problem]:
    for role, expression in table.rows.items():
        wrong = check_row_rule(expression, relation.column_names)
        if wrong is not None:
            line = table.rows_lines.get(role, table.line)
            message = f"the row rule of table `{table.name}` for `{role}`: {wrong}"
            yield Problem(CATALOG, line, message, "see docs/policy.md on row rules")


def _unlisted(policy: Policy, snapshot: Snapshot, shapes: Shapes) -> Iterator[Problem]:
    """Tables in reach of the data map that it does not name."""
    for relation, _ in unclassified(policy, snapshot):
        name = relation.name
        if name in policy.tables:
            continue
        proposals = propose(relation, policy.classes, shapes.get(name, {}))
        seen = "; ".join([*(f"{p.column}: {p}" for p in proposals), *_lineage(policy, relation)])
        what = KINDS[relation.kind]
        if name.schema in policy.open_schemas:
            if proposals:
                message = f"{what} `{name}` lies in an opened schema and seems to hold personal data"
                yield Problem(CATALOG, 0, message, f"describe it under `tables`: {seen}", "warning")
        elif not _inherits(policy, snapshot, name):
            message = f"{what} `{name}` is not in the catalogue, so nobody reaches it"
            remedy = f"describe it under `tables`; proposed: {seen}" if seen else "describe it if it is needed"
            yield Problem(CATALOG, 0, message, remedy, "warning")


def _lineage(policy: Policy, relation: Relation) -> Iterator[str]:
    """What a view reads of governed tables: its own columns may be called otherwise."""
    for table, column in relation.reads:
        data_class = policy.tables[table].columns.get(column, PUBLIC) if table in policy.tables else PUBLIC
        if data_class != PUBLIC:
            yield f"it reads {table}.{column} ({data_class})"


def _inherits(policy: Policy, snapshot: Snapshot, name: TableName) -> bool:
    """A child of a governed table: its rows are seen through the parent, under the parent's veil."""
    return any(name in snapshot.descendants(governed) for governed in policy.tables)
