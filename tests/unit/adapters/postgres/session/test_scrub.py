from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.plan import Edit, Plan
from adapters.postgres.session.scrub import map_position, scrub_error, scrub_notice


def message(sqlstate: str, text: str, **names: str) -> str:
    fields = [("C", sqlstate), ("M", text), *names.items()]
    return dict(scrub_error(fields))["M"]


def test_what_survives_and_what_does_not() -> None:
    fields = [
        ("S", "ERROR"), ("V", "ERROR"), ("C", "23505"),
        ("M", 'duplicate key value violates unique constraint "customers_phone_key"'),
        ("D", "Key (phone)=(13800000000) already exists."), ("W", "COPY customers, line 3: 13800000000"),
        ("q", "select 1"), ("p", "7"), ("P", "12"), ("s", "crm"), ("t", "customers"), ("n", "customers_phone_key"),
    ]  # fmt: skip
    kept = dict(scrub_error(fields))
    assert set(kept) == {"S", "V", "C", "M", "P", "s", "t", "n"}
    assert kept["M"].endswith('"customers_phone_key"')


@pytest.mark.parametrize(
    ("sqlstate", "text", "names", "shown"),
    [
        ("22P02", 'invalid input for type integer: "13800000000"', {}, 'invalid input for type integer: "…"'),
        ("22P02", 'invalid input: "a"138"b\' c', {}, 'invalid input: "…" c'),
        ("22003", "value 13800000000 is out of range", {}, "value … is out of range"),
        ("22007", 'invalid input syntax for type date: "张\n三"', {}, 'invalid input syntax for type date: "…"'),
        ("22P02", 'invalid input syntax: "broken', {}, 'invalid input syntax: "…"'),
        ("22023", "value 'a \"b' is odd", {}, "value '…' is odd"),
        ("23502", 'null value in column "phone" of relation "c" violates not-null constraint',
         {"c": "phone", "t": "c"}, 'null value in column "phone" of relation "c" violates not-null constraint'),
        ("42P01", 'relation "x" does not exist', {}, 'relation "x" does not exist'),
        ("57014", "canceling statement due to user request", {}, "canceling statement due to user request"),
        ("P0001", "phone 138", {}, "an error of the database was withheld"),
        ("XX000", "tuple 138", {}, "an error of the database was withheld"),
    ],
)  # fmt: skip
def test_messages(sqlstate: str, text: str, names: dict[str, str], shown: str) -> None:
    assert message(sqlstate, text, **names) == shown


@given(st.text(max_size=20), st.text(max_size=20), st.sampled_from("\"'"))
def test_no_quoted_value_survives(before: str, after: str, quote: str) -> None:
    shown = message("22P02", f"invalid: {quote}{before}§{after}{quote} for type date", d="date")
    assert "§" not in shown
    assert shown.startswith("invalid: ")
    assert shown.endswith(" for type date")


def test_notices() -> None:
    raised = [("S", "NOTICE"), ("C", "00000"), ("M", "phone 138"), ("H", "138"), ("D", "138")]
    assert "138" not in str(scrub_notice(raised))
    harmless = [("C", "42P07"), ("M", 'relation "t" already exists, skipping')]
    assert scrub_notice(harmless) == harmless


def test_positions() -> None:
    plan = Plan(None, b"", (), None, (Edit(14, 15, 40),))
    # "SELECT * FROM c WHERE x": `c` became 40 characters.
    assert map_position([("P", "8")], plan) == [("P", "8")]
    assert map_position([("P", "30")], plan) == [("P", "15")]
    assert map_position([("P", str(23 + 39))], plan) == [("P", "23")]
    assert map_position([("P", "odd")], plan) == [("P", "odd")]


def test_hints_do_not_name_hidden_columns() -> None:
    fields = [("C", "42703"), ("M", "column x does not exist"), ("H", 'Perhaps you meant "c.phone_raw".')]
    assert "H" not in dict(scrub_error(fields))
    assert "H" in dict(scrub_error([("C", "42883"), ("M", "no function"), ("H", "Add casts.")]))
