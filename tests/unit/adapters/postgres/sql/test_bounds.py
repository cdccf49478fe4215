"""Texts that would take the grammar quadratic time are told by their shape, and what applications send is let through."""

from __future__ import annotations

import pytest

from adapters.postgres.sql import bounds
from adapters.postgres.sql.parse import NotUnderstood, Text
from tests.support.smallplanner import plan, planner, state

TOO_COSTLY = {
    "nested comments": ("/*" * 8_000 + "*/" * 8_000 + "SELECT 1", bounds.TOO_MANY_COMMENTS),
    "comments in a row": ("/**/" * 8_000 + "SELECT 1", bounds.TOO_MANY_COMMENTS),
    "a run of operators": ("SELECT 1 " + "+" * 6_000 + " 1", bounds.TOO_LONG_OPERATOR),
    "many runs": ("SELECT " + ",".join(["1" + "-+" * 200 + "1"] * 200), bounds.TOO_LONG_OPERATOR),
}


@pytest.mark.parametrize("name", TOO_COSTLY)
def test_a_text_that_is_too_costly_is_not_read(name: str) -> None:
    text, bound = TOO_COSTLY[name]
    assert bounds.too_costly(text) is bound
    denial = plan(text).denial
    assert denial is not None
    assert (denial.message, denial.hint, denial.sqlstate) == (bound.message, bound.hint, "54001")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "/*" * 200 + "*/" * 200 + "SELECT 1",
        "\n".join("SELECT 1; /* a step of a migration */" for _ in range(400)),
        "-" * 100_000 + "\nSELECT 1",
        "SELECT '" + "=-" * 1_000 + "'",
        "SELECT '" + "=" * 80 + "\n" * 1_000 + "'",
    ],
)
def test_what_applications_send_is_read(text: str) -> None:
    assert bounds.too_costly(text) is None
    assert Text(text).statements


def test_a_tree_of_too_many_parts_is_not_judged() -> None:
    text = "SELECT id FROM crm.customers WHERE id IN (" + ",".join(["1"] * 100_000) + ")"
    denial = plan(text).denial
    assert denial is not None
    assert (denial.message, denial.sqlstate) == (bounds.TOO_MANY_PARTS.message, "54001")


@pytest.mark.parametrize("sql", ["SELECT " + "- " * 20_000 + "1", "SELECT " + "NOT " * 20_000 + "true"])
def test_a_text_for_which_the_grammar_has_no_room_is_too_complex(sql: str) -> None:
    with pytest.raises(NotUnderstood) as raised:
        _ = Text(sql).statements
    assert raised.value.sqlstate == "54001"


def test_a_long_text_that_is_refused_is_recorded_without_being_cut() -> None:
    fragment = plan(TOO_COSTLY["nested comments"][0]).statements[0].fragment
    assert b"(too long to be shown)" in fragment


def test_a_change_of_the_search_path_reads_the_statements_behind_it_once_more_and_not_the_whole_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from adapters.postgres import planner as module

    one, calls, real = planner(), [], module.analyse

    def counted(*arguments: object) -> object:
        calls.append(1)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "analyse", counted)
    made = one.plan("SET search_path = crm; SELECT id FROM customers;" * 50, state(one), single=False)
    assert made.denial is None
    assert len(made.statements) == 100
    assert len(calls) < 200
