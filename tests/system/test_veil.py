"""Derived tables and predicates on a real PostgreSQL: who is seen, by which index, under which search_path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from adapters.postgres.sql.masks import PseudonymKeys
from adapters.postgres.sql.veil import RenderedVeil, render
from gateway.model import ColumnVeil, Consent, Disclosure, Mask, Retention, RowPredicate, RowRule, TableName, Veil
from tests.system.evilschema import create_evil_schema
from tests.system.masksupport import column_type

COLUMNS = ("id", "姓名", "phone", "region", "at", "day", "plain", "age")
SCHEMA = """
CREATE SCHEMA crm;
CREATE TABLE crm.customers (id int PRIMARY KEY, 姓名 text, phone varchar(20), region varchar(9), at timestamptz,
  day date, plain timestamp, age int);
CREATE INDEX ON crm.customers (region);
CREATE INDEX ON crm.customers (at);
-- `id` and `region` are names of the governed table too: an unqualified outer reference would be captured.
CREATE TABLE crm.consents (id int, region text, purpose text, given timestamptz, withdrawn timestamptz);
INSERT INTO crm.customers SELECT i, '张三', '138' || 10000000 + i, CASE WHEN i % 3 = 0 THEN 'north' ELSE 'south' END,
  now() - i * interval '1 day', current_date - i, now() - i * interval '1 day', i FROM generate_series(1, 5000) i;
INSERT INTO crm.customers (id, region) VALUES (0, 'north');
INSERT INTO crm.consents VALUES (1, 'x', 'campaign', now() - interval '1 day', NULL),
  (2, 'x', 'campaign', now() - interval '1 day', now() - interval '1 hour'),
  (3, 'x', 'campaign', now() - interval '1 day', now() + interval '1 hour'),
  (4, 'x', 'campaign', now() + interval '1 day', NULL), (5, 'x', 'billing', now() - interval '1 day', NULL),
  (6, 'x', '广告', now() - interval '1 day', NULL), (6, 'x', 'campaign', now() - interval '1 day', NULL),
  (7, 'x', 'campaign', NULL, NULL);
ANALYZE;
"""
OUTER = '"c".'
CONSENT = Consent(TableName("crm", "consents"), "id", "id", "purpose", "given", "withdrawn", ("campaign", "广告"))


@pytest.fixture(scope="module")
def connection(postgres: Any) -> Iterator[Any]:
    database = postgres.create()
    with psycopg.connect(database.dsn, autocommit=True, prepare_threshold=None) as made:
        made.execute(SCHEMA)
        yield made
    postgres.drop(database)


def veil(connection: Any, *rows: RowPredicate) -> RenderedVeil:
    types = {name: column_type(connection, "crm.customers", name) for name in COLUMNS}
    columns = tuple(
        ColumnVeil(name, "c", Disclosure.PARTIAL, Mask("phone"))
        if name == "phone"
        else ColumnVeil(name, "c", Disclosure.CLEAR)
        for name in COLUMNS
    )
    return render(Veil(TableName("crm", "customers"), columns, rows), types, PseudonymKeys(bytes(32)))


def ids(connection: Any, derived: str) -> list[int]:
    return [row[0] for row in connection.execute(f"SELECT id FROM {derived} c ORDER BY id")]


def test_consent_shows_those_who_gave_it_and_did_not_withdraw(connection: Any) -> None:
    rendered = veil(connection, CONSENT)
    assert ids(connection, rendered.derived()) == [1, 3, 6]
    found = connection.execute(f'SELECT "c"."id" FROM crm.customers "c" WHERE {rendered.predicate(OUTER)} ORDER BY 1')
    assert [row[0] for row in found] == [1, 3, 6]
    captured = rendered.predicate('"menshen:consent".')
    found = connection.execute(f'SELECT id FROM crm.customers "menshen:consent" WHERE {captured} ORDER BY 1')
    assert [row[0] for row in found] == [1, 3, 6]


@pytest.mark.parametrize("zone", ["UTC", "XXX+167", "XXX-167"])
@pytest.mark.parametrize("column", ["at", "day", "plain"])
def test_retention_hides_old_rows_and_rows_without_a_date(connection: Any, column: str, zone: str) -> None:
    connection.execute(f"SET timezone = '{zone}'")
    shown = ids(connection, veil(connection, Retention(column, "10 days")).derived())
    connection.execute("RESET timezone")
    assert shown == [1, 2, 3, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        ("region = :principal.region", 1667),
        ("region = ANY(:principal.regions) AND age BETWEEN 1 AND 10", 10),
        ("region IN (:principal.regions) AND NOT age > 10", 10),
        ("region LIKE 'nor%' AND at IS NOT NULL", 1666),
        ("age::text = '5' OR age = :principal.age", 2),
        ("region = :principal.missing OR true", 0),
    ],
)
def test_row_rules_run(connection: Any, rule: str, count: int) -> None:
    attributes = (("region", "north"), ("regions", ("north", "south")), ("age", 7), ("missing", None))
    assert len(ids(connection, veil(connection, RowRule("r", rule, attributes)).derived())) == count


@pytest.mark.parametrize(
    ("row", "condition"),
    [
        (RowRule("r", "region = :principal.region", (("region", "east"),)), "Index Cond"),
        (Retention("at", "2 days"), "Index Cond"),
    ],
)
def test_predicates_are_answered_by_indexes(connection: Any, row: RowPredicate, condition: str) -> None:
    lines = connection.execute(f"EXPLAIN SELECT * FROM {veil(connection, row).derived()} c").fetchall()
    assert condition in "\n".join(line[0] for line in lines)


def test_a_clear_key_is_still_found_by_its_index(connection: Any) -> None:
    derived = veil(connection, RowRule("r", "region = 'north'")).derived()
    lines = connection.execute(f"EXPLAIN SELECT phone FROM {derived} c WHERE c.id = 3").fetchall()
    assert "Index Cond: (id = 3)" in "\n".join(line[0] for line in lines)


def test_only_and_a_fence_run(connection: Any) -> None:
    derived = veil(connection, CONSENT).derived(only=True, fence=True, system_columns=("xmin", "tableoid"))
    assert len(connection.execute(f"SELECT xmin, tableoid, c FROM {derived} c").fetchall()) == 3


def test_what_a_user_creates_under_the_same_names_changes_nothing(connection: Any) -> None:
    rule = RowRule("r", "region = 'south' AND region IN ('south', 'x') AND region LIKE 's%' AND age BETWEEN 1 AND 9")
    derived = veil(connection, CONSENT, Retention("at", "3 years"), Retention("day", "3 years"), rule).derived()
    query = f"SELECT * FROM {derived} c"
    before = connection.execute(query).fetchall()
    assert len(before) == 1
    create_evil_schema(connection, query)
    connection.execute("SET search_path = evil, crm, pg_catalog")
    with pytest.raises(psycopg.errors.RaiseException, match="evil was called"):
        connection.execute("SELECT * FROM crm.customers WHERE region = region")
    assert connection.execute(query).fetchall() == before
    connection.execute("RESET search_path")
