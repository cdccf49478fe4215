"""The SQL that stands for a relation of which a persona has a view."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.postgres.managed.veil import ManagedVeil, over_view
from adapters.postgres.sql.columntype import ColumnType
from adapters.postgres.sql.parse import NotUnderstood
from adapters.postgres.sql.pseudonym import PseudonymKeys
from adapters.postgres.sql.veil import Comparison, render
from gateway.model import ColumnVeil, Disclosure, Mask, Persona, RowRule, TableName, Veil

PERSONA = Persona("desk", "it", frozenset(), "care")
TYPES = {
    "id": ColumnType("integer", "int4"),
    "phone": ColumnType("character varying(20)", "varchar", 20),
    "card": ColumnType("text", "text"),
}
VIEW = '"menshen:desk:care:app"."people"'


def veil(*columns: ColumnVeil) -> ManagedVeil:
    standard = (
        ColumnVeil("id", "public", Disclosure.CLEAR),
        ColumnVeil("phone", "phone", Disclosure.PARTIAL, Mask("phone"), lookup=True),
        ColumnVeil("card", "card", Disclosure.PSEUDONYM, lookup=True),
    )
    made = Veil(TableName("app", "people"), columns or standard, rows=(RowRule("desk", "id = 1"),))
    return over_view(render(made, TYPES, PseudonymKeys(b"k" * 32)), PERSONA, writable=True)


def comparison(name: str, value: str = "$1") -> Comparison:
    return Comparison(veil().by_name[name], "", f" = {value}", f"ARRAY[{value}]")


def test_columns_and_rows_are_the_views() -> None:
    one = veil()
    assert one.derived() == f'(SELECT "id", "phone", "card" FROM {VIEW})'
    assert one.derived(fence=True) == f'(SELECT "id", "phone", "card" FROM {VIEW} OFFSET 0)'
    assert one.derived(only_columns=frozenset({"phone"})) == f'(SELECT "phone" FROM {VIEW})'
    assert one.by_name["phone"].expression("c.") == 'c."phone"'
    assert one.predicate("c.") is None
    assert not one.secret


def test_the_judge_sees_the_veil_itself() -> None:
    one = veil()
    assert one.veil.rows
    assert not one.trivial
    assert not one.by_name["phone"].clear


def test_a_lookup_asks_the_function_and_a_clear_condition_the_view() -> None:
    made = veil().derived(lookups=(comparison("phone"), comparison("id", "7")))
    function = '"menshen:desk:care:app"."people?phone"((ARRAY[$1])::pg_catalog.varchar[])'
    assert made == f'(SELECT "id", "phone", "card" FROM {function} WHERE ("id" = 7))'


def test_what_a_view_does_not_have_is_refused() -> None:
    with pytest.raises(NotUnderstood, match="ONLY"):
        veil().derived(only=True)
    with pytest.raises(NotUnderstood, match="TABLESAMPLE"):
        veil().derived(tablesample="TABLESAMPLE SYSTEM (1)")
    with pytest.raises(NotUnderstood, match="ctid"):
        veil().derived(system_columns=("ctid",))
    with pytest.raises(NotUnderstood, match="two lookups"):
        veil().derived(lookups=(comparison("phone"), comparison("card")))


def test_a_write_names_a_view_that_takes_it() -> None:
    writes = ColumnVeil("id", "public", Disclosure.CLEAR, insert=True, update=True)
    assert veil().written("insert") == veil().written("update") == veil().place
    assert veil(writes).written("insert").name == "people+"
    assert veil(writes).written("update").name == "people"
    with pytest.raises(NotUnderstood, match="triggers or rules"):
        replace(veil(), writable=False).written("update")


def test_a_lookup_by_a_type_of_a_user_is_refused() -> None:
    column = replace(veil().by_name["phone"], type=ColumnType("app.phone", "text", domain=True, base_sql="text"))
    with pytest.raises(NotUnderstood, match="not built in"):
        veil().derived(lookups=(Comparison(column, "", " = $1", "ARRAY[$1]"),))
