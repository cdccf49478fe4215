"""What counts as raising: the fence is missing nowhere, and is not put where nothing can raise."""

from __future__ import annotations

import pytest

from adapters.postgres.sql.parse import Text
from adapters.postgres.sql.raising import constant_list, gives_one_row, harmless


def expression(text: str) -> object:
    """The tree of an expression."""
    (statement,) = Text(f"SELECT {text}").statements
    return statement.node["targetList"][0]["ResTarget"]["val"]


@pytest.mark.parametrize(
    "text",
    [
        "1 + 1",
        "'2026-01-01'::date - 7",
        "now() - interval '7 days'",
        "current_date - 30",
        "date_trunc('month', now()) - interval '1 month'",
        "CURRENT_TIMESTAMP + '1 hour'::interval",
        "(now() - interval '30 days')::date",
        "localtimestamp - interval '12:30'",
    ],
)
def test_constants_and_small_steps_in_time_never_raise_row_by_row(text: str) -> None:
    assert harmless(expression(text))


@pytest.mark.parametrize(
    "text",
    [
        "$1 + 1",
        "id + 1",
        "random() / 0",
        "now() - interval '900000 years'",
        "now() - $1",
        "now()::text",
        "date_trunc('nonsense', now())",
        "current_date - 2000000000",
        "('x' || 'y')::timestamptz",
        "'x'::timestamptz - interval '1 day'",
        "now() - now()",
    ],
)
def test_what_depends_on_rows_parameters_chance_or_size_may_raise(text: str) -> None:
    assert not harmless(expression(text))


@pytest.mark.parametrize(
    ("text", "one"),
    [
        ("SELECT max(a) FROM t", True),
        ("SELECT a FROM t LIMIT 1", True),
        ("SELECT a FROM t", False),
        ("SELECT max(a) FROM t GROUP BY b", False),
        ("SELECT max(a) OVER () FROM t", False),
        ("SELECT a FROM t LIMIT 2", False),
        ("SELECT max(a) FROM t UNION SELECT 1", False),
    ],
)
def test_a_scalar_subquery_of_many_rows_raises(text: str, one: bool) -> None:
    (statement,) = Text(text).statements
    assert gives_one_row(statement.node) is one


def test_a_list_of_constants_is_made_once() -> None:
    assert constant_list(expression("ARRAY[1, 2]::integer[]"))
    assert not constant_list(expression("ARRAY[id]::integer[]"))
    assert not constant_list(expression("ARRAY['x']::shop.mood[]"))
