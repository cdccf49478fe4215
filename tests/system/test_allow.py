"""The allow-lists against the catalogue of a real PostgreSQL 18."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from adapters.postgres.sql import allow
from tests.support.postgres import Database, Postgres


@pytest.fixture(scope="module")
def connection(postgres: Postgres) -> Iterator[psycopg.Connection[Any]]:
    """One for the module, since these tests only compute."""
    with psycopg.connect(postgres.dsn(), autocommit=True) as made:
        yield made


_PROC = "SELECT proname, provolatile, prosecdef FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace"


def test_every_function_exists(database: Database) -> None:
    names = {row[0] for row in database.execute(_PROC)}
    assert names >= allow.FUNCTIONS
    assert names >= allow.SPECIAL_FUNCTIONS.keys()


def test_every_aggregate_and_window_function_is_one_and_none_is_missing(database: Database) -> None:
    kinds = database.execute("SELECT proname, prokind FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace")
    assert {name for name, kind in kinds if kind == "a"} - allow.WINDOW_FUNCTIONS == allow.AGGREGATES
    assert {name for name, kind in kinds if kind == "w"} == allow.WINDOW_FUNCTIONS


def test_an_allowed_function_is_not_volatile_unless_that_was_reviewed(database: Database) -> None:
    rows = database.execute(_PROC)
    volatile = {name for name, kind, _ in rows if kind == "v"}
    assert allow.FUNCTIONS & volatile == allow.REVIEWED_VOLATILE
    assert not {name for name, _, definer in rows if definer} & allow.FUNCTIONS


def test_no_allowed_function_takes_or_gives_what_is_no_value(database: Database) -> None:
    rows = database.execute("""
        SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
          AND (prorettype = ANY ('{internal,trigger,event_trigger,language_handler,refcursor}'::regtype[])
               OR proargtypes::oid[] && '{internal,refcursor}'::regtype[]::oid[])
    """)
    assert not {row[0] for row in rows} & allow.FUNCTIONS


def test_every_relation_and_hidden_column_exists(database: Database) -> None:
    rows = database.execute("""
        SELECT n.nspname || '.' || c.relname, array_agg(a.attname::text) FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v') GROUP BY 1
    """)
    columns = dict(rows)
    assert columns.keys() >= allow.CATALOG_RELATIONS | allow.CATALOG_ROW_FILTERS.keys() | allow.CATALOG_DENIED.keys()
    for relation, hidden in allow.CATALOG_HIDDEN_COLUMNS.items():
        assert hidden <= set(columns[relation]), relation


def test_a_row_filter_is_a_condition_that_runs(database: Database) -> None:
    for relation, condition in allow.CATALOG_ROW_FILTERS.items():
        database.execute(f"SELECT * FROM {relation} WHERE {condition}")
    shown = {r[0] for r in database.execute(
        f"SELECT name FROM pg_settings WHERE {allow.CATALOG_ROW_FILTERS['pg_catalog.pg_settings']}"
    )}  # fmt: skip
    assert "max_index_keys" in shown
    assert "data_directory" not in shown


def test_every_setting_and_type_exists(database: Database) -> None:
    with database.connect() as connection:
        for setting in allow.SETTINGS.values():
            if setting.name not in ("lc_collate", "lc_ctype"):  # gone in 16, and older servers still answer
                connection.execute("SELECT current_setting(%s)", (setting.name,))
    types = {
        r[0] for r in database.execute("SELECT typname FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace")
    }
    assert types >= allow.TYPES
    domains = database.execute("SELECT typname FROM pg_type WHERE typnamespace = 'information_schema'::regnamespace")
    assert {r[0] for r in domains} >= allow.INFORMATION_SCHEMA_TYPES
    helpers = database.execute("SELECT proname FROM pg_proc WHERE pronamespace = 'information_schema'::regnamespace")
    assert {r[0] for r in helpers} == allow.INFORMATION_SCHEMA_FUNCTIONS


_VALUES = {
    "text": ["", "\\", "%_\\", "😀", "手机", "\u0130", "x" * 5000, None], "bytea": [b"", b"\xff\x00", None],
    "int4": [0, -2147483648, 2147483647, None], "int8": [0, -(2**63), 2**63 - 1, None],
    "numeric": ["NaN", "Infinity", "1e1000", "-0.0", None], "float8": ["NaN", "-Infinity", "1.7e308", "5e-324", None],
    "date": ["infinity", "-infinity", "4713-01-01 BC", None], "bool": [True, False, None],
    "timestamptz": ["infinity", "-infinity", "294276-12-31", None], "interval": ["infinity", "0", None],
    "inet": ["::/0", "1.2.3.4", None], "uuid": ["00000000-0000-0000-0000-000000000000", None],
    "jsonb": ["null", "[]", '{"a": [1]}', None], "json": ["1", '{"a": 1, "a": 2}', None],
    "int4range": ["empty", "(,)", "[1,2)", None], "text[]": ["{}", "{a,NULL}", "{{a,b},{c,d}}", None],
    "bpchar": ["", "a   ", None], "name": ["", "x", None],
}  # fmt: skip


def _attempt(connection: psycopg.Connection[Any], sql: str, values: tuple[Any, ...]) -> str | None:
    """The SQLSTATE that `sql` raises on data, or None; what does not resolve for these types is no finding."""
    try:
        connection.execute(sql, values)
    except psycopg.Error as error:
        return None if (error.sqlstate or "").startswith("42") else error.sqlstate
    return None


@pytest.mark.parametrize("name", sorted(allow.NEVER_RAISING_FUNCTIONS))
def test_a_never_raising_function_raises_on_no_value(connection: psycopg.Connection[Any], name: str) -> None:
    for type_, values in _VALUES.items():
        for value in values:
            assert _attempt(connection, f"SELECT {name}(%s::{type_})", (value,)) is None, (type_, value)
    for value, count in itertools.product(_VALUES["text"], _VALUES["int4"]):
        assert _attempt(connection, f"SELECT {name}(%s::text, %s::int4)", (value, count)) is None
        assert _attempt(connection, f"SELECT {name}(%s::text[], %s::int4)", ("{a}", count)) is None
    for pair in itertools.product(_VALUES["text"], repeat=2):
        assert _attempt(connection, f"SELECT {name}(%s::text, %s::text)", pair) is None


@pytest.mark.parametrize("symbol", sorted(allow.NEVER_RAISING_OPERATORS))
def test_a_never_raising_operator_raises_on_no_value_of_one_family(
    connection: psycopg.Connection[Any], symbol: str
) -> None:
    for (left, lefts), (right, rights) in itertools.product(_VALUES.items(), repeat=2):
        if symbol in ("->", "->>", "?", "?&") or allow.comparison_never_raises(left, right):
            for values in itertools.product(lefts, rights):
                sql = f"SELECT %s::{left} {symbol} %s::{right}"
                assert _attempt(connection, sql, values) is None, (left, right, values)


def test_the_attempt_can_see_a_function_that_raises(connection: psycopg.Connection[Any]) -> None:
    assert _attempt(connection, "SELECT abs(%s::int4)", (-2147483648,)) == "22003"
    assert _attempt(connection, "SELECT length(%s::bytea, %s::text)", (b"\xff", "UTF8")) == "22021"
