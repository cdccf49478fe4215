"""Text of statements → trees and tokens, by PostgreSQL's own grammar. The only importer of the grammar (libpg_query).

A tree is what libpg_query prints as JSON: a node is a dict with one key, its type; members with default values are
left out (so an absent `location` is 0). Locations are byte offsets in UTF-8; `Text.at` turns them into character
offsets, which is what the rest of the house uses.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

import orjson
from pglast.parser import ParseError, fingerprint, parse_sql_json, scan

from adapters.postgres.sql import bounds
from gateway.errors import MenshenError

Node: TypeAlias = dict[str, Any]

COMMENTS = frozenset({"C_COMMENT", "SQL_COMMENT"})
HOLDS_ANY = COMMENTS | {"IDENT", "UIDENT", "SCONST", "USCONST", "BCONST", "XCONST"}
"""Tokens that may have characters beyond ASCII in them. A keyword has none."""

_OUT_OF_ROOM = ("memory exhausted", "stack depth limit exceeded")
"""How the grammar says that it gave up; PostgreSQL too calls the first a syntax error."""


class NotUnderstood(MenshenError):
    """The grammar refuses the text, or it is too deep to be read: it cannot be judged."""

    sqlstate = "42601"


def too_much(bound: bounds.Bound) -> NotUnderstood:
    return NotUnderstood(bound.message, hint=bound.hint, sqlstate="54001")


class Token(NamedTuple):
    """One lexical token: `text[start:end]`, with the grammar's name for it (`IDENT`, `ASCII_46`, `WHERE`, …)."""

    start: int
    end: int
    name: str


class Text:
    """A text with its statements, and its tokens once somebody asks."""

    def __init__(self, text: str) -> None:
        """Raises NotUnderstood where reading the text would take too long."""
        if (why := bounds.too_costly(text)) is not None:
            raise too_much(why)
        self.text = text
        self._offsets = None if text.isascii() else _character_offsets(text)

    def at(self, location: int) -> int:
        """The character offset of a byte offset."""
        return location if self._offsets is None else self._offsets[location]

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The statements in order; none where the text is empty. Raises NotUnderstood."""
        try:
            tree = parse_sql_json(self.text)
            if len(tree) > bounds.TREE:
                raise too_much(bounds.TOO_MANY_PARTS)
            raw = orjson.loads(tree).get("stmts", ())
        except ParseError as error:
            message, position = str(error.args[0]), error.args[1] if len(error.args) > 1 else None
            sqlstate = "54001" if message.startswith(_OUT_OF_ROOM) else NotUnderstood.sqlstate
            at = position + 1 if isinstance(position, int) else 0
            raise NotUnderstood(message, position=at, sqlstate=sqlstate) from None
        except (ValueError, RecursionError):
            raise too_much(bounds.TOO_DEEP) from None
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

    def comments_within(self, start: int, end: int) -> list[Token]:
        """The comments from one character offset to another, in order."""
        comments = self.comments
        first = bisect_left(comments, start, key=lambda one: one.start)
        last = bisect_left(comments, end, lo=first, key=lambda one: one.start)
        return comments[first:last]

    @cached_property
    def _scanned(self) -> list[Token]:
        text = self.text
        try:
            if text.isascii():
                return [Token(start, end + 1, name) for start, end, name, _ in scan(text)]
            return [
                Token(start, end + 1, name if name in HOLDS_ANY or text[start : end + 1].isascii() else "IDENT")
                for start, end, name, _ in scan(_stand_in(text))
            ]
        except (ParseError, ValueError) as error:
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


_STARTS = bytes(byte < 0x80 or byte >= 0xC0 for byte in range(256))
"""For each byte of UTF-8: whether it begins a character."""


def _character_offsets(text: str) -> list[int]:
    """For each byte offset of the text in UTF-8, and for its end, the character that it is in."""
    flags = text.encode().translate(_STARTS)
    return [*list(accumulate(flags, initial=-1))[1:], len(text)]


_BEYOND = re.compile(r"[^\x00-\x7f]")
_TAG = re.compile(r"\$([\w\x80-\U0010ffff]*)(?=\$)")


def _stand_in(text: str) -> str:
    """A text of ASCII with the same tokens at the same characters: the scanner's offsets take time by tokens times
    characters beyond ASCII, seconds for a few thousand Chinese names.

    To the lexer such a character is a letter wherever it looks at one, and no prefix of a literal is a `j`; what is a
    keyword only here is mended by its caller. Only tags of dollar quotes are compared with one another. Raises
    NotUnderstood. Source: PostgreSQL, src/backend/parser/scan.l (ident_start, ident_cont, dolq_start, dolq_cont).
    """
    if "$" in text and any(not tag.isascii() for tag in _TAG.findall(text)):
        if len(text) * len(_BEYOND.findall(text)) > bounds.SCAN_WORK:
            raise too_much(bounds.FOREIGN_TAG)
        return text
    return _BEYOND.sub("j", text)


def fingerprinted(text: str) -> str:
    """libpg_query's fingerprint: equal for statements that differ in literals and layout only."""
    try:
        return str(fingerprint(text))
    except Exception:
        raise NotUnderstood("the statement has no fingerprint") from None


def strings(nodes: list[Node] | tuple[Node, ...]) -> tuple[str, ...]:
    """The texts of a list of `String` nodes, such as a qualified name."""
    return tuple(n["String"].get("sval", "") for n in nodes if "String" in n)
