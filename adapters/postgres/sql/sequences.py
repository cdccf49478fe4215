"""`nextval`: which sequence it draws from, and whose that is."""

from __future__ import annotations

import re
import string
from typing import Final

from adapters.postgres.sql.analysis import Analysis
from adapters.postgres.sql.facts import Draw
from adapters.postgres.sql.parse import Node, strings
from gateway.model import TableName

_PART: Final = r'\s*(?:"((?:[^"]|"")+)"|([^\W\d][\w$]*))\s*'
_NAME: Final = re.compile(rf"{_PART}(?:\.{_PART})?")
"""What `regclassin` takes for a name; a number would be an oid ("8.19. Object Identifier Types")."""


_FOLDED: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_LONGEST: Final = 63


def draw(a: Analysis, arguments: list[Node], location: int) -> None:
    """Note the tables that draw from the sequence, or a refusal where the call does not tell which it is.

    A sequence that no table draws from holds nothing of any table, and is not noted.
    """
    name = _constant(arguments[0]) if len(arguments) == 1 else None
    match = _NAME.fullmatch(name) if name is not None else None
    if match is None:
        a.refuse(
            "function",
            "nextval needs the name of its sequence as a constant",
            hint="Write nextval('schema.sequence').",
            location=location,
        )
        return
    quoted, plain, second_quoted, second_plain = match.groups()
    first, second = _spelled(quoted, plain), _spelled(second_quoted, second_plain)
    schemas = (first,) if second else a.search_path
    for schema in schemas:
        sequence = TableName(schema, second or first)
        relations = a.world.snapshot.drawn.get(sequence)
        if relations:
            a.facts.draws.append(Draw(str(sequence), relations, a.text.at(location)))


def _constant(node: Node) -> str | None:
    """A text, perhaps cast to regclass."""
    if "TypeCast" in node:
        cast = node["TypeCast"]
        if strings(cast["typeName"].get("names", ()))[-1:] not in (("regclass",), ("text",)):
            return None
        node = cast["arg"]
        if "TypeCast" in node:
            return _constant(node)
    value = node.get("A_Const", {}).get("sval", {}).get("sval")
    return value if isinstance(value, str) else None


def _spelled(quoted: str | None, plain: str | None) -> str:
    """As PostgreSQL understands it: folded where it is not quoted, and cut to 63 bytes."""
    name = quoted.replace('""', '"') if quoted else (plain or "").translate(_FOLDED)
    return name.encode("utf-8", "surrogatepass")[:_LONGEST].decode("utf-8", "ignore")
