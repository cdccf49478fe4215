"""Texts of the database's errors and notices, without values that the persona may not see (DESIGN 3, Errors).

Messages of PostgreSQL quote values (`invalid input syntax for type integer: "…"`), DETAIL shows whole keys
(`Key (phone)=(…) already exists`), CONTEXT shows rows of COPY, and RAISE may say anything. SQLSTATE, the names of
schema, table, column, type and constraint, and the position survive.
"""

from __future__ import annotations

import re
from typing import Final

from adapters.postgres.plan import Plan
from adapters.postgres.wire.responses import ErrorFields

_DROPPED: Final = frozenset("DWqp")
_NAMES: Final = frozenset("stcdn")
_SAFE: Final = frozenset("SVCMPFLR")

# Classes whose messages quote names, never data: syntax and access (42), dependent objects (2B), feature (0A),
# transaction state (25), cursor names (24, 34), statement names (26), authorization (28), resources (53), limits (54),
# object state (55), operator intervention (57), connection (08), savepoints (3B), catalogue names (3D, 3F).
_IDENTIFIERS_ONLY: Final = frozenset(
    ("08", "0A", "24", "25", "26", "28", "2B", "34", "3B", "3D", "3F", "42", "53", "54", "55", "57")
)
# In 42 these quote a literal of the statement or a value that a cast met.
_QUOTES_DATA: Final = frozenset(("42804", "42P22"))
# "Perhaps you meant to reference the column …" names columns that a veil hides.
_TELLING_HINTS: Final = frozenset(("42703", "42P01"))
_HARMLESS_NOTICES: Final = frozenset(("42P06", "42P07", "42710", "42701", "42622", "25001", "25P01", "34000"))

_QUOTE: Final = re.compile("[\"']")
_NUMBER: Final = re.compile(r"\d[\w.,:+-]*")
_WITHHELD: Final = "…"


def scrub_error(fields: ErrorFields) -> ErrorFields:
    """An ErrorResponse's fields with values withheld."""
    values = dict(fields)
    if _raised_by_user(values):
        said = "an error that a function of the database raised was withheld"
        return [(c, said if c == "M" else v) for c, v in fields if c in _SAFE]
    sqlstate = values.get("C", "XX000")
    names = {values[code] for code in _NAMES if code in values}
    return [
        (code, _message(value, sqlstate, names) if code == "M" else value)
        for code, value in fields
        if code not in _DROPPED and not (code == "H" and (sqlstate in _TELLING_HINTS or sqlstate.startswith("P")))
    ]


def _raised_by_user(values: dict[str, str]) -> bool:
    """RAISE in a function of a user: its SQLSTATE, its message and every name in it are of the user's choice."""
    return values.get("R") == "exec_stmt_raise" or values.get("F", "").startswith(("pl_", "plpy", "plperl", "pltcl"))


def _message(text: str, sqlstate: str, names: set[str]) -> str:
    if sqlstate.startswith("P") or sqlstate[:2] in ("45", "XX"):
        return "an error of the database was withheld"
    if sqlstate[:2] in _IDENTIFIERS_ONLY and sqlstate not in _QUOTES_DATA:
        return text
    return _withhold(text, names)


def _withhold(text: str, names: set[str]) -> str:
    """`text` without quoted values and numbers; quoted names of objects stay.

    PostgreSQL does not escape quotes in what it quotes, so a value may hold some: from the first quote that does not
    hold a known name, all is withheld up to the last one.
    """
    shown: list[str] = []
    position = 0
    while (quote := _QUOTE.search(text, position)) is not None:
        begin, mark = quote.start(), quote[0]
        shown.append(_NUMBER.sub(_WITHHELD, text[position:begin]))
        end = text.find(mark, begin + 1)
        if end < 0 or text[begin + 1 : end] not in names:
            shown.append(f"{mark}{_WITHHELD}{mark}")
            last = max(text.rfind('"'), text.rfind("'"))
            position = last + 1 if last > begin else len(text)
            continue
        shown.append(text[begin : end + 1])
        position = end + 1
    return "".join(shown) + _NUMBER.sub(_WITHHELD, text[position:])


def scrub_notice(fields: ErrorFields) -> ErrorFields:
    """A NoticeResponse's fields: the message is withheld but where its SQLSTATE is known to name objects only."""
    values = dict(fields)
    raised = _raised_by_user(values)
    harmless = values.get("C", "") in _HARMLESS_NOTICES and not raised
    return [
        (code, value if code != "M" or harmless else "a notice of the database was withheld")
        for code, value in fields
        if code not in _DROPPED and (code != "H" or harmless) and (code in _SAFE or not raised)
    ]


def map_position(fields: ErrorFields, plan: Plan) -> ErrorFields:
    """The position in the client's own text instead of the forwarded one."""
    return [
        (code, str(plan.original_position(int(value))) if code == "P" and value.isdigit() else value)
        for code, value in fields
    ]
