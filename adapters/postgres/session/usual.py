"""The usual exchange: Bind, (Describe,) Execute and Sync of a statement that is prepared, answered in one piece.

It is what drivers send most, so both directions know it as a whole: what follows the Bind is one comparison, and so is
what precedes the rows, since BindComplete and RowDescription are those of the last time. Nothing is decided here that
the walk over messages does not decide too: what is in any way unusual is left to it, and an exchange that turns out to
be so becomes the entries of the queue that the walk would have made (`Usual.entries`).
"""

from __future__ import annotations

from typing import Final

from adapters.postgres.session import rows as walks
from adapters.postgres.session.expected import DESCRIBE_MARK, SYNC_MARK, Entry, Portal, Run
from adapters.postgres.session.subjects import Keys
from adapters.postgres.wire.framing import HEADER

_BIND: Final = ord("B")
_ROW: Final = ord("D")
_COMPLETE: Final = ord("C")

_EXECUTE_SYNC: Final = b"E\0\0\0\x09\0\0\0\0\0S\0\0\0\4"
_DESCRIBE_EXECUTE_SYNC: Final = b"D\0\0\0\6P\0" + _EXECUTE_SYNC
_READY: Final = b"Z\0\0\0\5"
_DONE: Final = b"IT"
"""Transaction states in which nothing failed."""

ANSWER_LIMIT: Final = 1024
"""Bytes of an answer's beginning that is kept for a prepared statement."""


class Usual:
    """One such exchange that was forwarded and whose answer has not come. `described`: with Describe."""

    __slots__ = ("described", "portal", "run")

    def __init__(self, portal: Portal, run: Run, described: bool) -> None:
        self.portal = portal
        self.run = run
        self.described = described

    def entries(self) -> tuple[Entry, ...]:
        """What the walk over its messages would have put into the queue."""
        if self.described:
            return self.portal, DESCRIBE_MARK, self.run, SYNC_MARK
        return self.portal, self.run, SYNC_MARK


def statement_name(data: bytes) -> tuple[bytes, int, bool] | None:
    """The statement that a chunk binds, the end of its Bind, and whether a Describe follows.

    None where the chunk is not one usual exchange with the unnamed portal and all rows.
    """
    if len(data) < 12 or data[0] != _BIND or data[5]:
        return None
    end = 1 + HEADER.unpack_from(data, 1)[0]
    tail = data[end:]
    if tail != _DESCRIBE_EXECUTE_SYNC and tail != _EXECUTE_SYNC:
        return None
    last = data.find(0, 6, end)
    return None if last < 0 else (data[6:last], end, len(tail) > len(_EXECUTE_SYNC))


def rows_end(data: bytes, position: int, keys: Keys | None = None) -> tuple[int, int] | None:
    """The end of the rows that begin at `position`, and how many they are; None where what follows them is not exactly
    CommandComplete and ReadyForQuery outside a failed transaction. `keys` reads the rows on the way; where the answer
    is None it may have read some."""
    ready = len(data) - 6
    if ready < position or data[ready:-1] != _READY or data[-1] not in _DONE:
        return None
    count = 0
    if keys is not None:
        position, count = keys.rows(data, position, ready)
    elif data[position] == _ROW:
        position, count = walks.skim(data, position, ready)
    if not 0 <= position <= ready - 5 or data[position] != _COMPLETE:
        return None
    return (position, count) if position + 1 + HEADER.unpack_from(data, position + 1)[0] == ready else None


def answer_of(data: bytes, described: bool) -> bytes:
    """The beginning of an answer up to its rows; empty where the chunk begins with something else, or it is long."""
    if data[:5] != b"2\0\0\0\4":
        return b""
    end = 5
    if described:
        if len(data) < 10 or data[5] not in b"Tn":
            return b""
        end = 6 + HEADER.unpack_from(data, 6)[0]
    return data[:end] if end <= min(len(data), ANSWER_LIMIT) else b""
