"""Which expression stands for a column; what it yields is tested on a database in tests/system."""

from __future__ import annotations

import re

import pytest

from adapters.postgres.sql.columntype import ColumnType
from adapters.postgres.sql.masks import PseudonymKeys, fits, is_secret, mask_sql
from gateway.model import Disclosure, Mask
from gateway.policy.masks import MASKS

KEYS = PseudonymKeys(bytes(32))
TYPES = {
    "text": ColumnType("text", "text"),
    "integer": ColumnType("integer", "int4"),
    "number": ColumnType("numeric(12,2)", "numeric"),
    "date": ColumnType("date", "date"),
    "timestamp": ColumnType("timestamp with time zone", "timestamptz"),
    "network": ColumnType("inet", "inet"),
    "uuid": ColumnType("uuid", "uuid"),
    "other": ColumnType("jsonb", "jsonb"),
}


def sql(disclosure: Disclosure, mask: Mask | None, type: ColumnType, column: str = '"v"') -> str:
    return mask_sql(disclosure, mask, "class", column, type, KEYS)


def test_clear_is_the_column_itself() -> None:
    assert sql(Disclosure.CLEAR, Mask("phone"), TYPES["text"], 'c."v"') == 'c."v"'


@pytest.mark.parametrize("type", TYPES.values())
def test_withheld_is_null_of_the_type(type: ColumnType) -> None:
    assert sql(Disclosure.WITHHELD, Mask("phone"), type) == f"(NULL::{type.written})"
    assert sql(Disclosure.PARTIAL, Mask("withheld"), type) == f"(NULL::{type.written})"
    assert sql(Disclosure.PARTIAL, Mask("no such mask"), type) == f"(NULL::{type.written})"


@pytest.mark.parametrize("family", TYPES)
@pytest.mark.parametrize("name", MASKS)
def test_a_mask_fits_the_types_that_its_description_names(name: str, family: str) -> None:
    options = (("value", 5),) if name == "constant" else ()
    expected = family in MASKS[name].types or "any" in MASKS[name].types
    assert fits(Mask(name, options), TYPES[family]) is expected


@pytest.mark.parametrize("family", TYPES)
@pytest.mark.parametrize("name", [*MASKS, None])
@pytest.mark.parametrize("disclosure", [Disclosure.PARTIAL, Disclosure.PSEUDONYM])
def test_expressions_look_nothing_up_along_search_path(name: str | None, family: str, disclosure: Disclosure) -> None:
    text = sql(disclosure, Mask(name) if name else None, TYPES[family])
    bare = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "", text)
    assert not re.search(r"(?<!pg_catalog\.)\b(?!COALESCE\b|AND\b|OR\b|NOT\b|THEN\b|WHEN\b|numeric\b|bit\b)\w+\(", bare)
    assert not re.search(r"[=<>|+~%*/!]|\bIN\b|\bLIKE\b|\bBETWEEN\b|\bNULLIF\b", bare.replace("::", ""))
    assert text.startswith("(")
    assert text.endswith(")")


@pytest.mark.parametrize(
    ("type", "end"),
    [
        (ColumnType("text", "text", None, 'public."zh"'), '::pg_catalog.text COLLATE public."zh")'),
        (ColumnType("name", "name"), '::pg_catalog.name COLLATE pg_catalog."C")'),
        (ColumnType("text", "text"), '::pg_catalog.text COLLATE pg_catalog."default")'),
    ],
)
def test_the_columns_collation_comes_back(type: ColumnType, end: str) -> None:
    assert sql(Disclosure.PARTIAL, Mask("phone"), type).endswith(end)


def test_without_a_mask_the_type_chooses() -> None:
    partial = Disclosure.PARTIAL
    assert sql(partial, None, TYPES["text"]) == sql(partial, Mask("text"), TYPES["text"])
    assert sql(partial, None, TYPES["date"]) == sql(partial, Mask("birth"), TYPES["date"])
    assert sql(partial, None, TYPES["number"]) == sql(partial, Mask("bucket"), TYPES["number"])
    assert sql(partial, None, TYPES["network"]) == sql(partial, Mask("ip"), TYPES["network"])
    assert sql(partial, None, TYPES["uuid"]) == "(NULL::pg_catalog.uuid)"


def test_only_expressions_with_a_key_are_secret() -> None:
    assert is_secret(Disclosure.PSEUDONYM, None, TYPES["text"])
    assert is_secret(Disclosure.PARTIAL, Mask("pseudonym"), TYPES["uuid"])
    assert not is_secret(Disclosure.PSEUDONYM, None, TYPES["date"])
    assert not is_secret(Disclosure.CLEAR, Mask("pseudonym"), TYPES["text"])
    assert not is_secret(Disclosure.PARTIAL, None, TYPES["text"])


def test_the_key_depends_on_the_class() -> None:
    one = mask_sql(Disclosure.PSEUDONYM, None, "a", '"v"', TYPES["text"], KEYS)
    two = mask_sql(Disclosure.PSEUDONYM, None, "b", '"v"', TYPES["text"], KEYS)
    assert one != two
