from __future__ import annotations

import pytest

from adapters.postgres.sql.columntype import ColumnType


@pytest.mark.parametrize(
    ("type", "written"),
    [
        (ColumnType("text", "text"), "pg_catalog.text"),
        (ColumnType("character varying(20)", "varchar", 20), "character varying(20)"),
        (ColumnType("character(18)", "bpchar", 18), "character(18)"),
        (ColumnType("bpchar", "bpchar"), "pg_catalog.bpchar"),
        (ColumnType("date", "date"), "pg_catalog.date"),
        (ColumnType("timestamp(0) without time zone", "timestamp"), "timestamp(0) without time zone"),
        (ColumnType("interval day to second(3)", "interval"), "interval day to second(3)"),
        (ColumnType("numeric(12,2)", "numeric"), "numeric(12,2)"),
        (ColumnType("integer[]", "_int4"), "integer[]"),
        (ColumnType("text[]", "_text"), "pg_catalog.text[]"),
        (ColumnType('"char"', "char"), 'pg_catalog."char"'),
        (ColumnType("public.mood", "mood"), "public.mood"),
        (ColumnType('"Crm"."Mood"', "Mood"), '"Crm"."Mood"'),
        (ColumnType("crm.short", "varchar", 6, None, True, "character varying(6)"), "character varying(6)"),
        (ColumnType("crm.note", "text", None, None, True, "text"), "pg_catalog.text"),
        (ColumnType("crm.note", "text", None, None, True), "pg_catalog.text"),
    ],
)
def test_a_type_is_written_so_that_search_path_does_not_matter(type: ColumnType, written: str) -> None:
    assert type.written == written


@pytest.mark.parametrize(
    ("base", "family"),
    [("varchar", "text"), ("citext", "text"), ("int2", "integer"), ("float4", "number"), ("date", "date"),
     ("timestamptz", "timestamp"), ("cidr", "network"), ("uuid", "uuid"), ("jsonb", "other"), ("_text", "other")],
)  # fmt: skip
def test_families(base: str, family: str) -> None:
    assert ColumnType(base, base).family == family


def test_precision_is_that_of_numerics() -> None:
    assert ColumnType("numeric(12,2)", "numeric").precision == (12, 2)
    assert ColumnType("numeric(5,-2)", "numeric").precision == (5, -2)
    assert ColumnType("crm.money", "numeric", None, None, True, "numeric(9,3)").precision == (9, 3)
    assert ColumnType("numeric", "numeric").precision is None
    assert ColumnType("numeric(12,2)[]", "_numeric").precision is None
