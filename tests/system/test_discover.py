"""Sampling of a real table: shapes come out, values never."""

from __future__ import annotations

import asyncpg
import pytest

from adapters.postgres.discover import propose, sample
from adapters.postgres.introspect import introspect
from gateway.model import TableName

FILL = """
CREATE SCHEMA crm;
CREATE TABLE crm."客户 表" (id int, c1 text, c2 varchar(30), c3 bigint, c4 inet, c5 text, c6 bytea, c7 jsonb);
INSERT INTO crm."客户 表" SELECT i, '138' || lpad(i::text, 8, '0'), 'user' || i || '@example.com', 13900000000 + i,
  ('192.0.2.' || i % 250)::inet, NULL, '\\x00', '{}' FROM generate_series(1, 400) i;
CREATE FUNCTION crm.boom() RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''called''; END';
CREATE VIEW crm.v AS SELECT crm.boom() AS c1;
"""


@pytest.fixture
async def connection(dsn: str) -> asyncpg.Connection:
    made = await asyncpg.connect(dsn)
    await made.execute(FILL)
    try:
        yield made
    finally:
        await made.close()


async def test_columns_with_meaningless_names_are_known_by_their_values(connection: asyncpg.Connection) -> None:
    relation = (await introspect(connection)).relations[TableName("crm", "客户 表")]
    shapes = await sample(connection, relation, relation.column_names, rows=100)
    assert {name: (s.total, dict(s.hits)) for name, s in shapes.items()} == {
        "id": (100, {}), "c1": (100, {"phone": 100}), "c2": (100, {"email": 100}), "c3": (100, {"phone": 100}),
        "c4": (100, {"ip": 100}), "c5": (0, {}),
    }  # fmt: skip
    proposals = propose(relation, {}, shapes)
    assert {p.column: p.kind for p in proposals} == {"c1": "phone", "c2": "email", "c3": "phone", "c4": "ip"}
    text = "".join(map(str, proposals)) + repr(shapes)
    assert "1380" not in text
    assert "example.com" not in text


async def test_a_view_is_not_sampled(connection: asyncpg.Connection) -> None:
    relation = (await introspect(connection)).relations[TableName("crm", "v")]
    assert await sample(connection, relation, relation.column_names) == {}


async def test_a_table_that_cannot_be_read_gives_nothing_and_the_connection_lives(
    connection: asyncpg.Connection,
) -> None:
    relation = (await introspect(connection)).relations[TableName("crm", "客户 表")]
    await connection.execute('DROP TABLE crm."客户 表"')
    assert await sample(connection, relation, relation.column_names) == {}
    assert await connection.fetchval("SELECT 1") == 1
