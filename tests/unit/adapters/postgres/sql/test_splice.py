"""Where a text is changed: V stands for the veil, so that the rest shows byte for byte."""

from __future__ import annotations

import re

import pytest

from tests.support.smallplanner import plan

RELATION = re.compile(r'FROM (ONLY )?"crm"\."(\w+)"')


def shown(sql: str) -> str:
    """The forwarded text with each derived table as V[relation]."""
    made = plan(sql)
    assert made.denial is None, made.denial
    text = made.text.decode()
    while (found := RELATION.search(text)) is not None:
        start, end, depth = found.start(), found.end(), 1
        while depth:  # back to the parenthesis that opens it
            start -= 1
            depth += {")": 1, "(": -1}.get(text[start], 0)
        depth = 1
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        text = f"{text[:start]}V[{found[1] or ''}{found[2]}]{text[end:]}"
    return text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SELECT * FROM crm.customers", 'SELECT * FROM V[customers] AS "customers"'),
        ("SELECT c.phone FROM customers  c", "SELECT c.phone FROM V[customers]  c"),
        ("SELECT c.城市 FROM crm . customers AS c -- 客户", "SELECT c.城市 FROM V[customers] AS c -- 客户"),
        ("TABLE customers", 'SELECT * FROM V[customers] AS "customers"'),
        ("SELECT id FROM ONLY customers", 'SELECT id FROM V[ONLY customers] AS "customers"'),
        ("SELECT id FROM ONLY (customers) c", "SELECT id FROM V[ONLY customers] c"),
        ("SELECT id FROM customers * c", "SELECT id FROM V[customers] c"),
        ("SELECT crm.customers.id FROM customers", 'SELECT "customers".id FROM V[customers] AS "customers"'),
        ("SELECT crm.customers.* FROM customers", 'SELECT "customers".* FROM V[customers] AS "customers"'),
        ("SELECT code FROM ref.lands", "SELECT code FROM ref.lands"),
        ("SELECT lower(phone) FROM customers c", "SELECT pg_catalog.lower(phone) FROM V[customers] c"),
        ("SELECT oid FROM pg_type", "SELECT oid FROM pg_catalog.pg_type"),
        (
            "SELECT c.id, c.phone FROM customers c GROUP BY c.id",
            'SELECT c.id, c.phone FROM V[customers] c GROUP BY "c"."phone", c.id',
        ),
        (
            "COPY customers (id, phone) TO STDOUT",
            'COPY (SELECT "id", "phone" FROM V[customers] AS "customers") TO STDOUT',
        ),
        ("SELECT id FROM crm.unknown_cte WHERE false", ""),
    ],
)
def test_only_the_places_that_must_change_do(before: str, after: str) -> None:
    if not after:
        assert plan(before).denial is not None
        return
    assert shown(before) == after


def test_a_sample_moves_inside_and_its_clause_leaves_the_text() -> None:
    made = plan("SELECT id FROM customers AS c TABLESAMPLE system (5) REPEATABLE (1) WHERE c.id > 0").text.decode()
    assert made.count("TABLESAMPLE system (5) REPEATABLE (1)") == 1
    assert made.endswith("AS c  WHERE c.id > 0")


def test_an_expression_that_may_raise_puts_a_fence_and_repeats_the_index_condition() -> None:
    plain = plan("SELECT id FROM customers WHERE id = 5").text.decode()
    assert "OFFSET 0" not in plain
    fenced = plan("SELECT id FROM customers WHERE id = 5 AND 1 / (id - 3) > 0").text.decode()
    assert "OFFSET 0" in fenced
    assert '("id" = 5)' in fenced


def test_columns_that_no_one_names_are_left_out_of_the_veil() -> None:
    assert "overlay" not in plan("SELECT id FROM customers").text.decode()
    assert "overlay" in plan("SELECT id FROM customers WHERE phone IS NOT NULL").text.decode()
    assert "overlay" in plan("SELECT c FROM customers c").text.decode()
