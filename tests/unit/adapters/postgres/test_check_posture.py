"""What the database allows beside its tables."""

from __future__ import annotations

import pytest

from adapters.postgres.catalog import Cast, Function, Login
from adapters.postgres.check_posture import check
from tests.support.datamap import bundle, relation, shown, snapshot

MAP = "\ntables:\n  crm.customers: {columns: {id: public}}\nfunctions: {crm.get_phone: contact.phone}\n"
TABLE = relation("crm.customers", id="int4")
SAFE = Login("menshen", encrypted=True)


def function(name: str, definer: bool = False, callable_: bool = True, shadows: bool = False) -> Function:
    return Function("crm", name, f"crm.{name}(integer)", "f", definer, callable_, "text", shadows=shadows)


LISTED = function("get_phone")


def test_a_sound_database_is_silent() -> None:
    assert shown(check(bundle(MAP), snapshot(TABLE, functions=(LISTED,), login=SAFE))) == ""


@pytest.mark.parametrize(
    ("login", "told"),
    [
        (Login("postgres", superuser=True, local=True), "`postgres` is a superuser"),
        (Login("m", bypass_row_security=True, local=True), "bypasses row security"),
        (Login("m", replication=True, local=True), "has REPLICATION"),
        (Login("m", member_of=("pg_read_server_files",), local=True), "member of pg_read_server_files"),
        (Login("m"), "not encrypted"),
    ],
)
def test_a_login_with_too_many_rights_is_told(login: Login, told: str) -> None:
    text = shown(check(bundle(MAP), snapshot(TABLE, functions=(LISTED,), login=login)))
    assert told in text
    assert text.startswith("database crm: warning")


def test_definer_functions_are_told_unless_they_are_listed_or_nobody_may_call_them() -> None:
    functions = (LISTED, function("all_customers", True), function("locked", True, callable_=False))
    text = shown(check(bundle(MAP), snapshot(TABLE, functions=functions, login=SAFE)))
    assert "crm.all_customers(integer)" in text
    assert "locked" not in text
    listed = (function("get_phone", True),)
    text = shown(check(bundle(MAP), snapshot(TABLE, functions=listed, login=SAFE)))
    assert "function `crm.get_phone` is SECURITY DEFINER" in text


def test_a_listed_function_that_is_missing_is_an_error() -> None:
    text = shown(check(bundle(MAP), snapshot(TABLE, functions=(function("get_phones"),), login=SAFE)))
    assert "error: function `crm.get_phone` is not in the database" in text
    assert "did you mean `crm.get_phones`?" in text


def test_shadows_casts_triggers_rules_and_extensions_are_told() -> None:
    s = snapshot(
        relation("crm.customers", id="int4", _triggers=("客户变更",), _rules=("echo",)),
        functions=(LISTED, function("lower", shadows=True)),
        shadowing_operators=frozenset({"="}),
        user_casts=(
            Cast("text", "integer", "crm.f(text)", "implicit"),
            Cast("text", "date", "crm.g(text)", "explicit"),
        ),
        extensions={"dblink": "public", "citext": "public"},
        login=SAFE,
    )
    text = shown(check(bundle(MAP), s))
    for part in (
        "crm.lower(integer)",
        "built-in ones: =",
        "text to integer",
        "triggers: 客户变更",
        "rules: echo",
        "dblink",
    ):
        assert part in text
    assert "text to date" not in text
    assert "citext" not in text
