"""The text of a row rule, as far as it can be checked without a database: one balanced expression, known names.

Whether it is SQL is the adapter's to say, which parses it with the database's own grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
    |(?P<comment>--|/\*)
    |(?P<string>(?:\b[eEbBxXnN]|\b[uU]&)?'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")+")
    |(?P<dollar>\$)
    |(?P<cast>::)
    |(?P<placeholder>:[\w.]*)
    |(?P<word>[^\W\d]\w*)
    |(?P<number>\d[\w.]*)
    |(?P<open>[(\[])
    |(?P<close>[)\]])
    |(?P<end>;)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_PLACEHOLDER = re.compile(r":principal\.([^\W\d]\w*)")
# Words that can stand where a column can, and are none (PostgreSQL, appendix C, and the fields of `extract`).
_NO_COLUMNS = """
all and any array as asc asymmetric at between bigint boolean both case cast collate current_catalog current_date
current_role current_schema current_time current_timestamp current_user date day desc distinct double dow doy else end
epoch escape exists false for from hour ilike in integer interval is isnull leading like localtime localtimestamp minute
month not notnull null numeric or overlaps position precision quarter row second session_user similar some substring
symmetric text then time timestamp to trailing true unknown user using varying week when with within without year zone
"""
_KEYWORDS = frozenset(_NO_COLUMNS.split())


def placeholders(expression: str) -> tuple[str, ...]:
    """The attributes that a row rule asks for, each once, in order."""
    found: dict[str, None] = {}
    for match in _TOKEN.finditer(expression):
        if match.lastgroup == "placeholder" and (attribute := _PLACEHOLDER.fullmatch(match[0])):
            found[attribute[1]] = None
    return tuple(found)


def mistakes(expression: str, columns: Iterable[str]) -> list[tuple[str, str]]:
    """(message, remedy) pairs; none for an expression that looks right."""
    tokens = [m for m in _TOKEN.finditer(expression) if m.lastgroup != "blank"]
    return [*_shape(tokens), *_names(tokens, frozenset(columns))]


def _shape(tokens: list[re.Match[str]]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    pairs, closed_by = [], {"(": ")", "[": "]"}
    for token in tokens:
        kind, text = token.lastgroup, token[0]
        if kind == "open":
            pairs.append(closed_by[text])
        elif kind == "close" and (not pairs or pairs.pop() != text):
            return [*found, (f"`{text}` closes nothing", "balance the brackets")]
        elif kind == "comment":
            found.append(("a comment in a row rule", "move it to a YAML comment (`# …`)"))
        elif kind == "end":
            found.append(("`;` in a row rule", "write one expression"))
        elif kind == "dollar":
            found.append(("`$` in a row rule", "use '…' for text and :principal.<attribute> for what varies"))
        elif kind == "placeholder" and not _PLACEHOLDER.fullmatch(text):
            found.append((f"placeholder `{text}` is not understood", "write `:principal.<attribute>`"))
        elif kind == "other" and text in "'\"":
            return [*found, (f"`{text}` is not closed", "close the quotes")]
    if pairs:
        found.append((f"`{pairs[-1]}` is missing", "balance the brackets"))
    return found


def _names(tokens: list[re.Match[str]], columns: frozenset[str]) -> list[tuple[str, str]]:
    """Names that are no column of the table. A sub-select brings names of its own, so those texts are not judged."""
    if any(t.lastgroup == "word" and t[0].lower() == "select" for t in tokens):
        return []
    found: dict[str, tuple[str, str]] = {}
    for at, token in enumerate(tokens):
        before = tokens[at - 1] if at else None
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        if not _stands_for_column(token, before, after):
            continue
        quoted = token.lastgroup == "quoted"
        name = token[0][1:-1].replace('""', '"') if quoted else token[0].lower()
        if name not in columns and (quoted or token[0] not in columns):
            found[name] = (f"`{name}` is no column of the table in the catalogue", "list it under `columns`")
    return list(found.values())


def _stands_for_column(token: re.Match[str], before: re.Match[str] | None, after: re.Match[str] | None) -> bool:
    if token.lastgroup not in ("word", "quoted"):
        return False
    if token.lastgroup == "word" and token[0].lower() in _KEYWORDS:
        return False
    if before is not None and (before.lastgroup == "cast" or before[0].lower() in (".", "as", "collate")):
        return False
    # A function, a qualifier, or a type before its literal (`date '2026-01-01'`).
    return not (after is not None and (after[0] in ("(", ".") or after.lastgroup == "string"))
