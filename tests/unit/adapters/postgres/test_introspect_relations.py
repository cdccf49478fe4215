"""Rows of the system catalogue become relations."""

from __future__ import annotations

from typing import Any

from adapters.postgres.introspect_relations import build, system_columns
from gateway.model import TableName


def relation(oid: int, name: str, kind: str = "r") -> dict[str, Any]:
    return {
        "oid": oid, "nspname": "crm", "relname": name, "relkind": kind, "relispartition": False,
        "relrowsecurity": False,
        "owner": "o", "comment": None, "estimated": 0, "security_invoker": False,
    }  # fmt: skip


def column(oid: int, name: str, number: int, base: str, typmod: int, **more: Any) -> dict[str, Any]:
    return {
        "attrelid": oid, "attname": name, "attnum": number, "atttypid": 1, "attnotnull": False, "generated": False,
        "identity": False, "has_default": False, "sql": base, "base_sql": None, "base": base, "base_typmod": typmod,
        "domain": False, "collation": None, "sequence_schema": None, "sequence_name": None, "comment": None,
    } | more  # fmt: skip


def found(**more: Any) -> dict[str, Any]:
    keys = ("relations", "columns", "keys", "parents", "triggers", "rules", "reads")
    return {key: [] for key in keys} | more


def test_a_length_is_the_typmod_without_its_header() -> None:
    made = build(found(
        relations=[relation(1, "t")],
        columns=[
            column(1, "a", 1, "varchar", 24), column(1, "b", 2, "varchar", -1), column(1, "c", 3, "numeric", 786438),
            column(1, "d", 4, "bpchar", 22, domain=True, base_sql="character(18)"),
        ],
    ))  # fmt: skip
    a, b, c, d = made[TableName("crm", "t")].columns
    assert (a.type.length, b.type.length, c.type.length, d.type.length) == (20, None, None, 18)
    assert d.type.domain
    assert d.type.base_sql == "character(18)"


def test_equal_types_are_one_value() -> None:
    made = build(
        found(relations=[relation(1, "t")], columns=[column(1, c, i, "text", -1) for i, c in enumerate("ab", 1)])
    )
    a, b = made[TableName("crm", "t")].columns
    assert a.type is b.type


def test_keys_parents_and_reads_are_told_by_name() -> None:
    made = build(found(
        relations=[relation(1, "base"), relation(2, "child"), relation(3, "v", "v")],
        keys=[{"indrelid": 1, "indisprimary": True, "columns": ["b", "a"]},
              {"indrelid": 1, "indisprimary": False, "columns": ["c"]}],
        parents=[{"inhrelid": 2, "inhparent": 1}, {"inhrelid": 2, "inhparent": 99}],
        reads=[{"ev_class": 3, "refobjid": 1, "attname": "phone"}, {"ev_class": 3, "refobjid": 1259,
        "attname": "oid"}],
    ))  # fmt: skip
    base = made[TableName("crm", "base")]
    assert base.primary_key == ("b", "a")
    assert base.unique_keys == (("b", "a"), ("c",))
    assert made[TableName("crm", "child")].parents == (TableName("crm", "base"),)
    assert made[TableName("crm", "v")].reads == ((TableName("crm", "base"), "phone"),)


def test_columns_of_the_system_keep_their_order() -> None:
    rows = [{"relation": "pg_catalog.pg_class", "attname": n, "sql": "oid"} for n in ("oid", "relname")]
    assert system_columns(rows) == {"pg_catalog.pg_class": (("oid", "oid"), ("relname", "oid"))}
