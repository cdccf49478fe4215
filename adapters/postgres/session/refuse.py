"""Denial: the database itself fails at that place, and its error is replaced by ours (DESIGN 3).

So skip-until-Sync, aborted transactions and pipelines behave as a driver expects without our keeping a second model of
them. The statement parses and then fails in its analysis, before anything is stored under a name or executed.
"""

from __future__ import annotations

from typing import Final

from adapters.postgres.wire.requests import PORTAL, STATEMENT, Target, encode_describe, encode_parse, encode_query
from adapters.postgres.wire.responses import error_response
from gateway.errors import MenshenError
from gateway.model import Denial
from gateway.policy.lookups import Exhausted

# Only a superuser with allow_system_table_mods could make this function exist.
_FAILS: Final = b'SELECT pg_catalog."menshen refuses"()'
_RESERVED: Final = b"menshen refuses"

_EXPECTED_SQLSTATE: Final = "42883"
"""undefined_function"""

REFUSED_QUERY: Final = encode_query(_FAILS)
REFUSED_MESSAGE: Final = encode_parse(_RESERVED, _FAILS)
"""In the place of a Bind, Describe or Execute. The reserved name leaves the client's unnamed statement alone."""

NO_STATEMENT: Final = encode_describe(Target(STATEMENT, _RESERVED))
NO_PORTAL: Final = encode_describe(Target(PORTAL, _RESERVED))
"""In the place of a message with an unknown name: fails with 26000 and 34000 also where a transaction is aborted."""


def refused_parse(name: bytes) -> bytes:
    """In the place of a Parse: under the client's own name, since a failed Parse drops the unnamed statement too."""
    return encode_parse(name, _FAILS)


def is_ours(sqlstate: str, denial: Denial) -> bool:
    """Whether the database failed as it was meant to. Any other error (25P02 in an aborted transaction, 57014, …) is
    the truth and stays."""
    return sqlstate in (_EXPECTED_SQLSTATE, denial.sqlstate)


def response(denial: Denial) -> bytes:
    return error_response(
        denial.message, denial.sqlstate, hint=denial.hint, detail=denial.detail, position=denial.position
    )


def masked_write(column: str) -> Denial:
    return Denial(
        f'a masked value would overwrite data in "{column}"',
        hint="Leave the column out of the statement, or write the real value.",
        reason="masked_value",
    )


_TRAIL_HINT: Final = "This is a fault of the gateway: ask its operators to look at the trail's disk. Try again later."

NO_TRAIL: Final = Denial(
    "the audit trail cannot be written, so no governed data is served",
    hint=_TRAIL_HINT,
    sqlstate="58030",
    reason="no_trail",
)

NO_RECORD: Final = Denial(
    "the audit trail cannot be written, so the result was withheld; the statement may have been carried out",
    hint=_TRAIL_HINT,
    sqlstate="58030",
    reason="no_trail",
)

INTERNAL: Final = Denial(
    "internal error of the gateway; the statement was not run",
    hint="This is a fault of the gateway: its operators find the trace in its log.",
    sqlstate="XX000",
    reason="internal",
)

STALE_PORTAL: Final = Denial(
    "the purpose, the policy or the catalogue changed after this portal was bound",
    hint="Bind and execute the statement again.",
    sqlstate="55000",
    reason="stale_portal",
)

NOT_UTF8: Final = Denial(
    'invalid byte sequence for encoding "UTF8"', sqlstate="22021", reason="encoding", hint="Send statements in UTF-8."
)

ALREADY_PREPARED: Final = "42P05"


def not_judged(error: MenshenError) -> Denial:
    return Denial(error.message, error.hint, error.sqlstate, error.detail, error.position, reason="not_judged")


def too_long(limit: int) -> Denial:
    return Denial(
        f"the statement is longer than the gateway analyses ({limit} bytes)",
        hint="Send long values as parameters or with COPY, or raise limits.max_statement_bytes.",
        sqlstate="54000",
        reason="too_long",
    )


def too_many_statements(limit: int) -> Denial:
    return Denial(
        f"a session may hold at most {limit} prepared statements",
        hint="Close or deallocate statements that are not needed any more.",
        sqlstate="53400",
        reason="too_many_statements",
    )


def too_many_lookups(exhausted: Exhausted) -> Denial:
    return Denial(
        f"no more than {exhausted.per_hour} values of {exhausted.data_class} may be looked up in an hour",
        hint=f"Try again in {exhausted.minutes} minutes, or ask the security team for a higher limit.",
        sqlstate="54000",
        reason="lookup_limit",
    )


def unknown_statement(name: bytes) -> Denial:
    shown = name.decode("utf-8", "replace")
    text = f'prepared statement "{shown}" does not exist' if name else "unnamed prepared statement does not exist"
    return Denial(text, sqlstate="26000", reason="unknown_name")


def unknown_portal(name: bytes) -> Denial:
    return Denial(f'portal "{name.decode("utf-8", "replace")}" does not exist', sqlstate="34000", reason="unknown_name")
