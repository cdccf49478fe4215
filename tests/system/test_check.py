"""`check` against a real database: what a look at two values cannot tell."""

from __future__ import annotations

import asyncpg
import pytest

from adapters.postgres.check import check
from adapters.postgres.introspect import introspect
from tests.support.datamap import bundle

SCHEMA = """
CREATE SCHEMA crm;
CREATE TABLE crm.customers (id int PRIMARY KEY, phone text, region text, score int, c9 text);
INSERT INTO crm.customers SELECT i, 'x', 'north', 1, 'user' || i || '@example.com' FROM generate_series(1, 50) i;
CREATE FUNCTION crm.get_phone(int) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT phone FROM crm.customers';
"""

MAP = """
tables:
  crm.customers:
    rows: {support: "%s"}
    columns: {id: public, phone: contact.phone, region: public, score: public}
"""


@pytest.fixture
async def connection(dsn: str) -> asyncpg.Connection:
    made = await asyncpg.connect(dsn)
    await made.execute(SCHEMA)
    try:
        yield made
    finally:
        await made.close()


async def test_everything_is_told_in_one_run(connection: asyncpg.Connection) -> None:
    snapshot = await introspect(connection)
    found = await check(bundle(MAP % "region = :principal.region"), snapshot, connection)
    assert [p.severity for p in found] == ["warning"] * 3
    unclassified, definer, login = found
    assert unclassified.line == 12
    assert "`c9: contact.email`" in unclassified.remedy
    assert "100 % of 50 sampled values" in unclassified.remedy
    assert "crm.get_phone(integer)" in definer.message
    assert "superuser" in login.message
    assert "example.com" not in "".join(map(str, found))


async def test_a_row_rule_that_the_database_refuses_is_an_error_at_its_line(connection: asyncpg.Connection) -> None:
    snapshot = await introspect(connection)
    (problem,) = [
        p for p in await check(bundle(MAP % "score = :principal.region"), snapshot, connection) if p.severity == "error"
    ]
    assert problem.line == 13
    assert "row rule of table `crm.customers` for `support` does not fit its columns" in problem.message


async def test_without_a_connection_names_alone_decide(connection: asyncpg.Connection) -> None:
    found = await check(bundle(MAP % "score = :principal.region"), await introspect(connection))
    assert all(p.severity == "warning" for p in found)
    assert "`c9: public`" in found[0].remedy
