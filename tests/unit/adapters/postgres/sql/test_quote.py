from __future__ import annotations

import pytest

from adapters.postgres.sql.quote import array_literal, call, concatenated, quote_ident, quote_literal, quote_table
from gateway.model import TableName


@pytest.mark.parametrize(
    ("name", "quoted"), [("id", '"id"'), ("Id", '"Id"'), ('a"b', '"a""b"'), ("客户", '"客户"'), ("select", '"select"')]
)
def test_names_are_always_quoted(name: str, quoted: str) -> None:
    assert quote_ident(name) == quoted


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        quote_ident(name)


def test_literals_double_quotes_and_keep_backslashes() -> None:
    assert quote_literal("it's \\n 张") == "'it''s \\n 张'"
    with pytest.raises(ValueError, match="NUL"):
        quote_literal("\0")


def test_arrays_escape_for_the_array_and_then_for_the_literal() -> None:
    assert array_literal(["a", 'b"c', "d\\e", "f'g", ""]) == """'{"a","b\\"c","d\\\\e","f''g",""}'"""
    assert array_literal([]) == "'{}'"


def test_calls_and_tables_are_qualified() -> None:
    assert call("left", '"a"', "1") == 'pg_catalog.left("a",1)'
    assert concatenated("a", "b", "c") == "pg_catalog.textcat(pg_catalog.textcat(a,b),c)"
    assert quote_table(TableName("crm", 'a"b')) == '"crm"."a""b"'
