"""Names are found as PostgreSQL finds them, and the digest sees what matters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.postgres.catalog import Column, Function, Login, Relation, Snapshot
from adapters.postgres.sql.columntype import ColumnType
from gateway.model import TableName

TEXT = ColumnType("text", "text", base_sql="text")
PHONE = ColumnType("character varying(20)", "varchar", 20, base_sql="character varying(20)")


def table(name: str, *columns: str, **more: Any) -> Relation:
    schema, bare = name.split(".")
    made = tuple(Column(c, i, TEXT, 25, False) for i, c in enumerate(columns, 1))
    return Relation(TableName(schema, bare), hash(name) % 90000, "r", made, **more)


def snapshot(*relations: Relation, **more: Any) -> Snapshot:
    return Snapshot(relations={r.name: r for r in relations}, **more)


def test_the_first_schema_of_the_path_that_has_it_wins() -> None:
    s = snapshot(table("crm.客户", "编号"), table("public.客户", "编号"), table("public.orders", "id"))
    assert s.resolve("客户", ("crm", "public")) is s.relations[TableName("crm", "客户")]
    assert s.resolve("客户", ("没有", "public", "crm")) is s.relations[TableName("public", "客户")]
    assert s.resolve("orders", ("crm",)) is None
    assert s.resolve("ORDERS", ("public",)) is None


def test_pg_catalog_comes_first_unless_the_path_names_it_later() -> None:
    s = snapshot(table("crm.pg_class", "id"), system_relations=frozenset({"pg_class"}))
    assert s.resolve("pg_class", ("crm",)) is None
    assert s.resolve("pg_class", ("pg_catalog", "crm")) is None
    assert s.resolve("pg_class", ("crm", "pg_catalog")) is s.relations[TableName("crm", "pg_class")]


def test_descendants_are_found_through_every_level_and_once() -> None:
    s = snapshot(
        table("crm.a", "id"),
        table("crm.b", "id", parents=(TableName("crm", "a"),)),
        table("crm.c", "id", parents=(TableName("crm", "a"), TableName("crm", "b"))),
    )
    assert s.descendants(TableName("crm", "a")) == (TableName("crm", "b"), TableName("crm", "c"))
    assert s.descendants(TableName("crm", "c")) == ()


def test_a_snapshot_cannot_be_changed() -> None:
    s = snapshot(table("crm.a", "id"))
    with pytest.raises(TypeError):
        s.relations[TableName("crm", "b")] = table("crm.b", "id")  # type: ignore[index]


_BASE = table("crm.customers", "id", "phone")


@pytest.mark.parametrize(
    "changed",
    [
        snapshot(replace(_BASE, columns=(*_BASE.columns, Column("note", 3, TEXT, 25, False)))),
        snapshot(replace(_BASE, columns=(_BASE.columns[0], replace(_BASE.columns[1], type=PHONE)))),
        snapshot(replace(_BASE, columns=(_BASE.columns[0], replace(_BASE.columns[1], number=7)))),
        snapshot(replace(_BASE, oid=_BASE.oid + 1)),
        snapshot(replace(_BASE, primary_key=("id",))),
        snapshot(replace(_BASE, triggers=("t",))),
        snapshot(replace(_BASE, rules=("r",))),
        snapshot(replace(_BASE, parents=(TableName("crm", "people"),))),
        snapshot(_BASE, user_functions=frozenset({"f"})),
        snapshot(_BASE, user_operators=frozenset({"~~~~"})),
        snapshot(_BASE, user_types={("crm", "pair"): "c"}),
        snapshot(_BASE, default_search_path=("crm",)),
        snapshot(_BASE, functions=(Function("crm", "f", "crm.f()", "f", True, True, "text"),)),
        snapshot(_BASE, login=Login("menshen", superuser=True)),
        snapshot(_BASE, table("crm.contacts", "id")),
    ],
)
def test_the_digest_changes_with_whatever_a_verdict_may_depend_on(changed: Snapshot) -> None:
    assert changed.digest != snapshot(_BASE).digest


def test_the_digest_does_not_depend_on_order_or_on_estimates() -> None:
    other = table("crm.contacts", "id")
    busier = replace(_BASE, estimated_rows=10_000)
    assert snapshot(_BASE, other).digest == snapshot(other, busier).digest
