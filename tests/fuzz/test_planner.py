"""Whatever a stranger sends, the planner answers: a plan or a denial, never an exception, never a text that is broken."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.postgres.plan import Plan
from adapters.postgres.sql.parse import Text
from tests.support.smallplanner import plan, planner

PLANNER = planner()
EXAMPLES = int(os.environ.get("MENSHEN_FUZZ", "300"))
PIECES_OF_SQL = (
    "SELECT", "FROM", "WHERE", "crm.customers", "customers", "c", "AS", "phone", "id", "*", ",", "(", ")", "=", "'x'", "$1", "JOIN",
    "ON", "USING", "(id)", "GROUP BY", "ORDER BY", "LIMIT 1", "UNION", "WITH", "x AS", "INSERT INTO", "VALUES", "UPDATE", "SET",
    "DELETE FROM", "RETURNING", "ON CONFLICT DO NOTHING", "COPY", "TO STDOUT", "ONLY", "TABLESAMPLE system (5)", "LATERAL",
    "EXISTS", "IN", "ANY", "::text", "lower(", "shout(", "城市", '"客户"', "--", "/*", "*/", ";", "$$", "E'\\''", "U&'\\0041'",
    "PREPARE q AS", "EXECUTE q", "DECLARE c CURSOR FOR", "FETCH c", "SET menshen.purpose =", "crm.notes", "pg_class", "NATURAL JOIN",
    "/*purpose='service'*/", "FOR UPDATE", "OVER ()", "CASE WHEN", "THEN", "END", "ROW(", "ARRAY[", "]", ".", "excluded", "old",
)  # fmt: skip
PIECES = st.sampled_from(PIECES_OF_SQL)
SEEDS = (
    "SELECT c.phone, c.城市 FROM crm.customers c WHERE c.id = $1 AND lower(c.full_name) LIKE 'a%'",
    "UPDATE crm.notes n SET body = upper(body) FROM customers c WHERE c.id = n.id RETURNING n.*, c.phone",
    "WITH x AS (SELECT * FROM customers) INSERT INTO notes (id, body) SELECT id, phone FROM x ON CONFLICT (id) DO UPDATE SET body = excluded.body",
    "SELECT id, phone FROM customers GROUP BY id HAVING count(*) > 1 ORDER BY 2",
    "/*purpose='service'*/ COPY crm.customers (id, phone) TO STDOUT",
)


def sound(sql: str, made: Plan) -> None:
    assert made.denial is not None or made.text is not None
    assert made.statements or made.denial is None
    if made.denial is not None:
        assert made.denial.message
        assert len(made.denial.sqlstate) == 5
        assert 0 <= made.denial.position <= len(sql) + 1
        return
    forwarded = made.text.decode()
    assert len(Text(forwarded).statements) == len(Text(sql).statements)
    for position in range(1, len(forwarded) + 2):
        assert 0 <= made.original_position(position) <= len(sql) + 1


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200))
def test_any_text_is_answered(sql: str) -> None:
    sound(sql, plan(sql, one=PLANNER))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(PIECES, max_size=25).map(" ".join))
def test_any_heap_of_sql_words_is_answered(sql: str) -> None:
    sound(sql, plan(sql, one=PLANNER))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(SEEDS), st.integers(0, 200), st.integers(0, 30), st.lists(PIECES, max_size=4).map(" ".join))
def test_a_mutated_statement_is_answered(seed: str, at: int, drop: int, new: str) -> None:
    sql = seed[:at] + new + seed[at + drop :]
    sound(sql, plan(sql, one=PLANNER))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4000), st.sampled_from(["(", "SELECT (", "- ", "NOT ", "CASE WHEN ", "1 + (", "x.", "ARRAY["]))
def test_deep_nesting_is_answered(depth: int, piece: str) -> None:
    plan("SELECT " + piece * depth + "1", one=PLANNER)
    plan("SELECT " + "(" * depth + "1" + ")" * depth, one=PLANNER)
    plan("SELECT 1" + " + 1" * depth, one=PLANNER)
