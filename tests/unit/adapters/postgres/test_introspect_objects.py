"""Which functions and operators outside pg_catalog a trusted extension vouches for."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.postgres.introspect_objects import judge, only_computes, parameter_types, types


def function(name: str = "f", **more: Any) -> dict[str, Any]:
    return {
        "nspname": "public", "proname": name, "prokind": "f", "provolatile": "i", "prosecdef": False, "language": "c",
        "identity": f"public.{name}()", "returns": "text", "trigger": False, "callable": True, "shadows": False,
        "trusted": "citext",
    } | more  # fmt: skip


def operator(symbol: str, implementation: str, **more: Any) -> dict[str, Any]:
    return {
        "nspname": "public", "oprname": symbol, "function": implementation, "shadows": False, "trusted": "hstore",
    } | more  # fmt: skip


def test_a_function_of_a_trusted_extension_that_computes_is_vouched_for() -> None:
    assert only_computes(function())
    assert only_computes(function("gen_random_bytes", trusted="pgcrypto", provolatile="v"))


@pytest.mark.parametrize(
    "change",
    [
        {"trusted": None},
        {"prosecdef": True},
        {"language": "plpgsql"},
        {"provolatile": "v"},
        {"trigger": True},
        {"proname": "st_estimatedextent", "trusted": "postgis"},
    ],
)
def test_every_other_function_is_a_users(change: dict[str, Any]) -> None:
    row = function(**change)
    assert not only_computes(row)
    assert judge([row], []).user_functions == {row["proname"]}


def test_a_name_that_a_user_overloads_is_in_both_sets() -> None:
    judged = judge([function("f"), function("f", trusted=None)], [])
    assert "f" in judged.user_functions
    assert "f" in judged.extension_functions
    assert [f.name for f in judged.functions] == ["f"]


def test_an_operator_is_as_good_as_its_function() -> None:
    functions = [function("bad", language="plpgsql")]
    operators = [
        operator("->", "fetchval"), operator("~~~~", "raise_text", trusted=None),
        operator("=", "bad", shadows=True), operator("<>", "gone", function=None),
    ]  # fmt: skip
    judged = judge(functions, operators)
    assert judged.extension_operators == {("public", "->")}
    assert judged.user_operators == {"~~~~", "=", "<>"}
    assert judged.shadowing_operators == {"="}


def test_a_domain_whose_check_calls_a_user_is_told_apart() -> None:
    rows = [
        {"nspname": "crm", "typname": "short", "typtype": "d", "calls": False, "oid": 20_000, "array": 20_001},
        {"nspname": "crm", "typname": "checked", "typtype": "d", "calls": True, "oid": 20_002, "array": 20_003},
        {"nspname": "crm", "typname": "shell", "typtype": "p", "calls": False, "oid": 20_004, "array": 0},
    ]
    assert types(rows) == {("crm", "short"): "d", ("crm", "checked"): "x", ("crm", "shell"): "p"}
    assert parameter_types(rows) == {20_000, 20_001}
