"""Purpose and actor in a comment, in sqlcommenter form: `/*purpose='billing',actor='agent%2042'*/`.

Only a comment before the first token or after the last one counts, so that a comment inside a statement, which an
attacker may have smuggled into a value, says nothing. Keys that are not ours (traceparent, …) are left alone.
Source: the sqlcommenter specification (keys and values URL-encoded, values in single quotes).
"""

from __future__ import annotations

from urllib.parse import unquote

from adapters.postgres.sql.parse import Text, Token

KEYS = frozenset({"purpose", "actor"})


def tags(text: Text) -> dict[str, str]:
    """The purpose and actor that the text states; empty where it states none."""
    if "/*" not in text.text or not any(key in text.text for key in KEYS):
        return {}
    tokens = [t for t in text.tokens if t.name != "ASCII_59"]
    first = tokens[0].start if tokens else len(text.text)
    last = tokens[-1].end if tokens else 0
    out: dict[str, str] = {}
    for comment in text.comments:
        if comment.name == "C_COMMENT" and (comment.end <= first or comment.start >= last):
            out.update(_pairs(text, comment))
    return out


def _pairs(text: Text, comment: Token) -> dict[str, str]:
    out = {}
    for part in text.text[comment.start + 2 : comment.end - 2].split(","):
        key, equals, value = part.strip().partition("=")
        value = value.strip()
        if equals and len(value) >= 2 and value[0] == value[-1] == "'":
            name = unquote(key.strip()).removeprefix("menshen.")
            if name in KEYS:
                out[name] = unquote(value[1:-1].replace("\\'", "'"))
    return out
