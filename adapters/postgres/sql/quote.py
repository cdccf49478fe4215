"""Names and literals as SQL text that means the same under every setting that the gateway lets a session have.

Everything is quoted, always: a name is then never a keyword, never folded, and never looked up as an operator.
Literals rely on `standard_conforming_strings = on`, which the gateway enforces, so a backslash is a backslash.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.model import TableName


def quote_ident(name: str) -> str:
    """A name as a quoted identifier. Raises ValueError for what PostgreSQL cannot hold as a name."""
    if not name or "\0" in name:
        raise ValueError("a name is empty or holds a NUL")
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text: str) -> str:
    """A text as a literal. Raises ValueError for a NUL, which PostgreSQL's text cannot hold."""
    if "\0" in text:
        raise ValueError("a text holds a NUL")
    return "'" + text.replace("'", "''") + "'"


def quote_table(table: TableName) -> str:
    """A relation as `"schema"."name"`."""
    return f"{quote_ident(table.schema)}.{quote_ident(table.name)}"


def array_literal(items: Iterable[str]) -> str:
    """Texts as one array literal of unknown type, so that it becomes an array of what it is compared with."""
    quoted = ('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items)
    return quote_literal("{" + ",".join(quoted) + "}")


def call(function: str, *arguments: str) -> str:
    """A call of a built-in function; qualified, so that no user function of the same name is ever considered."""
    return f"pg_catalog.{function}({','.join(arguments)})"


def concatenated(*parts: str) -> str:
    """Texts joined by the function behind `||`: an operator's name would be looked up along search_path."""
    joined = parts[0]
    for part in parts[1:]:
        joined = call("textcat", joined, part)
    return joined
