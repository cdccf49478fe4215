"""Text of statements → trees and tokens, by PostgreSQL's own grammar. The only importer of the grammar (libpg_query).

A tree is what libpg_query prints as JSON: a node is a dict with one key, its type; members with default values are
left out (so an absent `location` is 0). Locations are byte offsets in UTF-8; `Text.at` turns them into character
offsets, which is what the rest of the house uses.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import orjson
from pglast.parser import ParseError, fingerprint, normalize, parse_sql_json, scan

from gateway.errors import MenshenError

Node: TypeAlias = dict[str, Any]

COMMENTS = frozenset({"C_COMMENT", "SQL_COMMENT"})


class NotUnderstood(MenshenError):
    """The grammar refuses the text, or it is too deep to be read: it cannot be judged."""

    sqlstate = "42601"


class Token(NamedTuple):
    """One lexical token: `text[start:end]`, with the grammar's name for it (`IDENT`, `ASCII_46`, `WHERE`, …)."""

    start: int
    end: int
    name: str


class Text:
    """A text with its statements, and its tokens once somebody asks."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._offsets = None if text.isascii() else _character_offsets(text)

    def at(self, location: int) -> int:
        """The character offset of a byte offset."""
        return location if self._offsets is None else self._offsets[location]

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The statements in order; none where the text is empty. Raises NotUnderstood."""
        try:
            raw = orjson.loads(parse_sql_json(self.text)).get("stmts", ())
        except ParseError as error:
            position = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], int) else -1
            raise NotUnderstood(str(error.args[0]), position=position + 1) from None
        except (ValueError, RecursionError):
            raise NotUnderstood(
                "the statement is nested too deeply", sqlstate="54001", hint="Split it, or use IN and ANY lists."
            ) from None
        length = len(self.text.encode()) if self._offsets else len(self.text)
        out = []
        for item in raw:
            start = item.get("stmt_location", 0)
            end = start + (item.get("stmt_len", 0) or length - start)
            ((kind, node),) = item["stmt"].items()
            out.append(Statement(kind, node, self.at(start), self.at(end)))
        return tuple(out)

    @cached_property
    def tokens(self) -> list[Token]:
        """All tokens but comments. Raises NotUnderstood."""
        if "--" not in self.text and "/*" not in self.text:
            return self._scanned
        return [t for t in self._scanned if t.name not in COMMENTS]

    @cached_property
    def comments(self) -> list[Token]:
        """The comments in order."""
        if "--" not in self.text and "/*" not in self.text:
            return []
        return [t for t in self._scanned if t.name in COMMENTS]

    @cached_property
    def _scanned(self) -> list[Token]:
        try:
            return [Token(start, end + 1, name) for start, end, name, _ in scan(self.text)]
        except Exception as error:
            raise NotUnderstood(str(error.args[0] if error.args else error)) from None

    @cached_property
    def _starts(self) -> list[int]:
        return [t[0] for t in self.tokens]

    def token_at(self, offset: int) -> int:
        """The index of the token that begins at a character offset. Raises NotUnderstood where none does."""
        index = bisect_left(self._starts, offset)
        if index == len(self._starts) or self._starts[index] != offset:
            raise NotUnderstood("a part of the statement could not be located in its text")
        return index

    def token_from(self, offset: int) -> int:
        """The index of the first token that begins at a character offset or after it."""
        return bisect_left(self._starts, offset)

    def name_end(self, index: int) -> int:
        """The index after a dotted name (`a.b."c"`, `a.*`) that begins with token `index`."""
        tokens = self.tokens
        index += 1
        while index + 1 < len(tokens) and tokens[index].name == "ASCII_46":
            index += 2
        return index


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its node type, its node, and its place in the text as character offsets."""

    kind: str
    node: Node
    start: int
    end: int


def _character_offsets(text: str) -> list[int]:
    """For each byte offset of the text in UTF-8, and for its end, the character that it is in."""
    out: list[int] = []
    for index, character in enumerate(text):
        out.extend([index] * len(character.encode()))
    out.append(len(text))
    return out


def normalized(text: str) -> str:
    """The text without its literals (libpg_query's normalization), for the record. Raises NotUnderstood."""
    try:
        return str(normalize(text))
    except Exception:
        raise NotUnderstood("the statement cannot be normalized") from None


def fingerprinted(text: str) -> str:
    """libpg_query's fingerprint: equal for statements that differ in literals and layout only."""
    try:
        return str(fingerprint(text))
    except Exception:
        raise NotUnderstood("the statement has no fingerprint") from None


def strings(nodes: list[Node] | tuple[Node, ...]) -> tuple[str, ...]:
    """The texts of a list of `String` nodes, such as a qualified name."""
    return tuple(n["String"].get("sval", "") for n in nodes if "String" in n)
