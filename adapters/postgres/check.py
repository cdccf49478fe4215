"""Compares the catalogue of a database with the data map of a bundle: `menshen check`.

What is wrong is an error (the gateway would refuse, or show NULL for ever); what a person should look at is a warning.
The findings of a pure look at two values, `Policy` and `Snapshot`, are in `check_tables`, `check_views` and
`check_posture`; here is what needs the database: sampled shapes, and row rules that PostgreSQL itself has to accept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import asyncpg

from adapters.postgres import check_posture, check_tables, check_views
from adapters.postgres.catalog import Relation, Snapshot
from adapters.postgres.check_tables import CATALOG, Shapes
from adapters.postgres.discover import sample
from adapters.postgres.sql.quote import quote_table
from adapters.postgres.sql.rowrule import check_row_rule, render_row_rule
from gateway.errors import Problem
from gateway.model import AttributeValue
from gateway.policy.policy import Policy

MOST_SAMPLED = 200
"""Tables; the rest is judged by names and comments alone, so that a check ends in a bounded time."""


async def check(
    policy: Policy, snapshot: Snapshot, connection: asyncpg.Connection | None = None
) -> tuple[Problem, ...]:
    """Every finding, sorted by file and line. Without a connection nothing is sampled and no row rule is tried.

    Raises what asyncpg raises where the connection breaks; a table that cannot be read is no failure.
    """
    shapes = await _sampled(policy, snapshot, connection) if connection is not None else {}
    found = [
        *check_tables.check(policy, snapshot, shapes),
        *check_views.check(policy, snapshot),
        *check_posture.check(policy, snapshot),
    ]
    if connection is not None:
        found += await _row_rules(policy, snapshot, connection)
    return tuple(sorted(found))


async def _sampled(policy: Policy, snapshot: Snapshot, connection: asyncpg.Connection) -> Shapes:
    shapes = {}
    for relation, columns in check_tables.unclassified(policy, snapshot)[:MOST_SAMPLED]:
        shapes[relation.name] = await sample(connection, relation, columns)
    return shapes


async def _row_rules(policy: Policy, snapshot: Snapshot, connection: asyncpg.Connection) -> list[Problem]:
    """Each row rule, prepared by the database with the attributes of a principal who would be bound by it."""
    found = []
    for name, table in policy.tables.items():
        relation = snapshot.relations.get(name)
        if relation is None:
            continue
        for role, expression in table.rows.items():
            if check_row_rule(expression, relation.column_names) is not None:
                continue  # told by check_tables
            told = await _refused(connection, relation, expression, _bound(policy, role))
            if told is not None:
                message = f"the row rule of table `{name}` for `{role}` does not fit its columns: {told}"
                remedy = "compare a column with a value of its own type"
                found.append(Problem(CATALOG, table.rows_lines.get(role, table.line), message, remedy))
    return found


def _bound(policy: Policy, role: str) -> list[Mapping[str, AttributeValue]]:
    return [p.attributes for p in policy.principals.values() if role in p.roles or role == p.name]


async def _refused(
    connection: asyncpg.Connection, relation: Relation, expression: str, holders: Iterable[Mapping[str, AttributeValue]]
) -> str | None:
    """What PostgreSQL has against the rule; None where it accepts it for every holder of the role."""
    tried = {render_row_rule(expression, relation.column_names, attributes, "") for attributes in holders}
    for predicate in sorted(tried):
        try:
            await connection.prepare(f"SELECT 1 FROM {quote_table(relation.name)} WHERE {predicate}")
        except asyncpg.InsufficientPrivilegeError:
            continue  # check_posture tells what the login may not read
        except asyncpg.PostgresError as error:
            return str(error)
    return None
