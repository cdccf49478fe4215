"""Texts, tokens and offsets, with Chinese before what is looked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pglast.parser import ParseError, scan

from adapters.postgres.sql import bounds
from adapters.postgres.sql.parse import NotUnderstood, Text


def test_byte_offsets_become_character_offsets() -> None:
    text = Text("SELECT 客户 FROM 表 WHERE a = '值' AND b")
    assert text.text[text.at(len("SELECT 客户 FROM ".encode())) :].startswith("表")
    assert [s.kind for s in text.statements] == ["SelectStmt"]
    assert text.statements[0].end == len(text.text)


def test_statements_know_their_places() -> None:
    text = Text("SELECT '一'; SELECT 2 ;")
    assert [text.text[s.start : s.end].strip() for s in text.statements] == ["SELECT '一'", "SELECT 2"]


def test_a_syntax_error_tells_where() -> None:
    with pytest.raises(NotUnderstood) as raised:
        _ = Text("SELECT 客 FORM x y").statements
    assert raised.value.sqlstate == "42601"
    assert raised.value.position > 0


def test_comments_are_no_tokens() -> None:
    text = Text("SELECT /* a */ 1 -- b")
    assert [t.name for t in text.tokens] == ["SELECT", "ICONST"]
    assert len(text.comments) == 2


def test_a_dotted_name_ends_behind_its_last_part() -> None:
    text = Text('SELECT a . "b" /* x */ . * , c')
    end = text.name_end(text.token_at(7))
    assert text.tokens[end].name == "ASCII_44"


@given(st.text(alphabet="ab客😀é'", max_size=30))
def test_every_byte_of_a_character_is_that_character(value: str) -> None:
    text = Text(value)
    at = 0
    for index, character in enumerate(value):
        for _ in character.encode():
            assert text.at(at) == index
            at += 1


PIECES = [
    "客",
    "é",
    "😀",
    "a",
    "e",
    "E",
    "U&",
    "x",
    "j",
    "oin",
    "'",
    '"',
    "$",
    "$$",
    "1",
    "0x",
    "_",
    " ",
    "--",
    "/*",
    "*/",
    "\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=24).map("".join))
def test_tokens_beyond_ascii_are_those_of_the_scanner(value: str) -> None:
    try:
        want = [(start, end + 1, name) for start, end, name, _ in scan(value)]
    except ParseError:
        want = None
    try:
        text = Text(value)
        got = sorted(tuple(one) for one in [*text.tokens, *text.comments])
    except NotUnderstood:
        got = None
    assert got == want


@pytest.mark.parametrize(
    "sql", ["SELECT éoin", "SELECT 客oin, 客", "SELECT currentédate", "SELECT $é$ $ñ$ 客 $é$, '客'"]
)
def test_a_character_beyond_ascii_makes_no_keyword_and_ends_no_dollar_quote(sql: str) -> None:
    assert [tuple(t) for t in Text(sql).tokens] == [(start, end + 1, name) for start, end, name, _ in scan(sql)]


def test_a_tag_beyond_ascii_in_a_long_text_of_such_characters_is_refused() -> None:
    text = Text("SELECT $é$ $é$, '" + "客" * 3_000 + "'")
    with pytest.raises(NotUnderstood) as raised:
        _ = text.tokens
    assert raised.value.message == bounds.FOREIGN_TAG.message


def test_comments_within_a_part_of_the_text() -> None:
    sql = "/* a */ SELECT /* b */ 1 /* c */"
    text = Text(sql)
    assert [sql[t.start : t.end] for t in text.comments_within(7, 24)] == ["/* b */"]
