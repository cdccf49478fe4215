"""Where a condition goes that groups have to meet: the place of HAVING in the text of one query."""

from __future__ import annotations

from typing import Final

from adapters.postgres.sql.parse import Text

_AFTER: Final = frozenset(
    {"WINDOW", "ORDER", "LIMIT", "OFFSET", "FETCH", "FOR", "UNION", "INTERSECT", "EXCEPT", "RETURNING", "ASCII_59"}
)
"""Reserved words: inside an expression they stand in parentheses, or as a label behind AS, or behind a dot."""


def having(text: Text, select_list: int) -> tuple[int | None, int]:
    """The index of HAVING, None where there is none, and that of the token before which its condition ends.

    `select_list`: the character offset where the first item of the query's select list begins.
    """
    tokens, depth, found = text.tokens, 0, None
    for at in range(text.token_from(select_list), len(tokens)):
        name = tokens[at].name
        depth += (name == "ASCII_40") - (name == "ASCII_41")
        if depth < 0:
            return found, at
        if depth or tokens[at - 1].name in ("AS", "ASCII_46"):
            continue
        if name in _AFTER or (name == "CONFLICT" and tokens[at - 1].name == "ON"):
            return found, at - (name == "CONFLICT")
        if name == "HAVING":
            found = at
    return found, len(tokens)
