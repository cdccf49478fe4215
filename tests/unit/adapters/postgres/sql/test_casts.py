"""Casts that call a function of a user: which statements may make one, and what they need then."""

from __future__ import annotations

import pytest

from adapters.postgres.catalog import Cast
from adapters.postgres.plan import SessionState
from adapters.postgres.planner import PostgresPlanner
from adapters.postgres.sql.pseudonym import PseudonymKeys
from tests.support.datamap import bundle, relation, snapshot

TABLES = 'tables:\n  "ref.*": allow\n'
RULES = "p, *, *, public, clear, allow\np, *, *, public, insert, allow\ng, app, support\n"
TEXT = 25  # what the columns of `relation` have for their type's OID
OF_COLUMNS = Cast("ref.mood", "text", "ref.f(ref.mood)", "implicit", "ref.f", ("ref.mood",), (TEXT,))
OF_NAMES = Cast("ref.mood", "text", "ref.f(ref.mood)", "implicit", "ref.f", ("ref.mood",), (1,))
EXPLICIT = Cast("ref.mood", "json", "ref.f(ref.mood)", "explicit", "ref.f", ("ref.mood",), (TEXT,))
BUILT_IN = Cast("integer", "text", "ref.f(integer)", "implicit", "ref.f")
BINARY = Cast("ref.mood", "text", "", "implicit", "", ("ref.mood",), (TEXT,))


def reason(cast: Cast, sql: str, functions: str = "", rules: str = "") -> str:
    found = snapshot(
        relation("ref.t", a="text", b="text"),
        default_search_path=("ref",),
        user_casts=(cast,),
        user_types={("ref", "mood"): "e"},
    )
    one = PostgresPlanner(bundle(TABLES + functions, RULES + rules), found, PseudonymKeys(b"k" * 32), b"h" * 32)
    state = SessionState(one.policy.principals["app"], "crm", "service")
    denial = one.plan(sql, state, single=False).denial
    return "" if denial is None else denial.reason


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT upper(a) FROM t",
        "SELECT a || 'x' FROM t",
        "SELECT b FROM t WHERE a LIKE 'x'",
        "SELECT upper(x) FROM (SELECT a AS x FROM t) q",
        "SELECT upper((SELECT a FROM t))",
        "SELECT a FROM t UNION SELECT 'x'",
        "INSERT INTO t (a) VALUES (5)",
        "INSERT INTO t (a) SELECT b FROM t",
        "COPY (SELECT upper(a) FROM t) TO STDOUT",
        "DECLARE c CURSOR FOR SELECT upper(a) FROM t",
        "PREPARE q AS SELECT upper(a) FROM t",
        "EXPLAIN SELECT upper(a) FROM t",
    ],
)
def test_a_column_that_goes_into_an_expression_may_be_cast(sql: str) -> None:
    assert reason(OF_COLUMNS, sql) == "cast"
    assert reason(OF_NAMES, sql) == ""
    assert reason(BINARY, sql) == ""


@pytest.mark.parametrize(
    "sql", ["SELECT a FROM t", "SELECT * FROM t", "SELECT q.* FROM (SELECT * FROM t) q", "SELECT upper('x')", "BEGIN"]
)
def test_what_is_only_shown_is_not(sql: str) -> None:
    assert reason(OF_COLUMNS, sql) == ""


@pytest.mark.parametrize(
    "sql", ["SELECT upper('x'::mood)", "SELECT upper('x'::ref.mood)", "PREPARE q (mood) AS SELECT 1"]
)
def test_a_type_that_is_named_may_be_cast(sql: str) -> None:
    assert reason(OF_NAMES, sql) == "cast"


def test_an_explicit_cast_needs_value_and_target() -> None:
    assert reason(EXPLICIT, "SELECT a::json FROM t") == "cast"
    assert reason(EXPLICIT, "SELECT upper(a) FROM t") == ""
    assert reason(EXPLICIT, "SELECT '{}'::json FROM t") == ""


def test_a_cast_between_built_in_types_may_happen_anywhere() -> None:
    assert reason(BUILT_IN, "SELECT upper('x')") == "cast"
    assert reason(BUILT_IN, "SET menshen.purpose = 'service'") == ""


def test_a_function_that_the_policy_lists_needs_the_right_to_call_it() -> None:
    listed = "functions: {ref.f: public}\n"
    assert reason(OF_COLUMNS, "SELECT upper(a) FROM t", listed) == "function"
    assert reason(OF_COLUMNS, "SELECT upper(a) FROM t", listed, "p, *, *, public, call, allow\n") == ""
