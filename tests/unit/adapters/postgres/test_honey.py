"""Planted customers: every column gets a value of its kind, and the statement is one that a person can read."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from adapters.postgres.catalog import Column, Relation
from adapters.postgres.honey import CannotPlant, free_key, made_up, statement, values
from adapters.postgres.sql.columntype import ColumnType
from gateway.model import Mask, TableName
from gateway.policy.terms import DataClass, GovernedTable, RetentionTerms

NAME = TableName("crm", "客户")
CLASSES = {
    name: DataClass(name, 3, mask=Mask(mask) if mask else None)
    for name, mask in {"n": "name", "p": "phone", "i": "id_number", "w": "text", "public": ""}.items()
}


def column(name: str, number: int, kind: str = "text", *, not_null: bool = False, **more: object) -> Column:
    return Column(name, number, ColumnType(kind, kind, more.pop("length", None)), 25, not_null, **more)  # type: ignore[arg-type]


def table(*columns: Column, subject: str = "id") -> tuple[GovernedTable, Relation]:
    classes = {"name": "n", "phone": "p", "card": "i"}
    governed = GovernedTable(
        NAME, {one.name: classes.get(one.name, "public") for one in columns}, subject=subject,
        retention=RetentionTerms("seen", "3 years"),
    )  # fmt: skip
    return governed, Relation(NAME, 1, "r", columns, ("id",), (), None)


def test_a_record_looks_like_any_other() -> None:
    governed, relation = table(
        column("id", 1, "int8", not_null=True), column("name", 2), column("phone", 3, not_null=True),
        column("card", 4), column("seen", 5, "timestamptz"), column("state", 6, not_null=True),
        column("extra", 7), column("total", 8, "int4", generated=True), column("made", 9, "date", has_default=True),
    )  # fmt: skip
    row = values(governed, relation, CLASSES, Random(1))
    assert set(row) == {"id", "name", "phone", "card", "seen", "state", "extra"}
    assert len(row["phone"] or "") == 11
    assert len(row["card"] or "") == 18
    text = statement(governed, relation, row)
    assert text.startswith('INSERT INTO "crm"."客户" ("id", "name"')
    assert free_key(governed, relation) in text
    assert "now()::timestamptz" in text
    assert '(SELECT "state" FROM "crm"."客户" WHERE "state" IS NOT NULL' in text
    assert {name for name, value in row.items() if made_up(value)} == {"name", "phone", "card"}
    assert text.endswith('RETURNING "id"::text')


def test_a_key_that_the_database_makes_is_left_to_it() -> None:
    governed, relation = table(column("id", 1, "int8", not_null=True, identity=True), column("name", 2))
    assert set(values(governed, relation, CLASSES, Random(1))) == {"name"}


def test_values_fit_their_columns() -> None:
    governed, relation = table(
        column("id", 1, "uuid", not_null=True),
        column("phone", 2, length=5),
        column("name", 3, not_null=True, length=2),
    )
    row = values(governed, relation, CLASSES, Random(1))
    assert row["phone"] is None
    assert len(row["name"] or "") == 2


def test_a_personal_column_whose_kind_is_unknown_is_told() -> None:
    governed, relation = table(column("id", 1, "int8"), column("place", 2, "point", not_null=True))
    governed = replace(governed, columns={**governed.columns, "place": "w"})
    with pytest.raises(CannotPlant, match="place"):
        values(governed, relation, CLASSES, Random(1))
