"""A result that could not be recorded: what of it the client gets instead, so that its session goes on.

No row leaves before its record is durable. Where the record fails after the database has answered, the rows and the
completions up to the next ReadyForQuery are dropped, and one error stands in their place. Outside of a transaction the
client gets that error itself. Inside of one the database must fail too, or the client would take a transaction for
aborted that is not: then the caller lets it fail (`Outcome.ABORT`), and that failure's answer goes to the client.
"""

from __future__ import annotations

import enum
from typing import Final

from adapters.postgres.wire.framing import HEADER

_READY: Final = ord("Z")
_IN_TRANSACTION: Final = ord("T")
_COPY_IN: Final = (ord("G"), ord("W"))
_DATA: Final = frozenset(b"DdVCIsHcN")
"""What tells of a result; a notice may quote values."""
_ALWAYS: Final = frozenset(b"SA")
"""ParameterStatus and NotificationResponse come at any time and belong to no statement."""


class Outcome(enum.Enum):
    MORE = enum.auto()
    """The batch is not over: the next bytes belong here too."""
    OVER = enum.auto()
    ABORT = enum.auto()
    """The batch is over, its ReadyForQuery was dropped, and the transaction must be made to fail."""
    LOST = enum.auto()
    """There is no true answer to give: the session must end."""


class Withheld:
    """Feed it what would have left, from the boundary of a message on, until `outcome` is not MORE."""

    def __init__(self, error: bytes) -> None:
        """`error`: the ErrorResponse that stands for the result."""
        self._error = error
        self._silent = False
        self._skip = 0
        """Bytes of a dropped message that are still to come."""
        self.outcome = Outcome.MORE

    def feed(self, data: bytes) -> bytes:
        """What may leave of `data`. A later batch in `data` is withheld in the same way."""
        out: list[bytes] = []
        self.outcome = Outcome.MORE
        position = min(self._skip, len(data))
        self._skip -= position
        while position + 5 <= len(data):
            kind = data[position]
            end = position + 1 + HEADER.unpack_from(data, position + 1)[0]
            if kind == _READY:
                if not self._ready(data, position, end, out):
                    return b"".join(out)
            elif kind in _COPY_IN:
                return self._lost()
            elif kind in _DATA:
                self._silent = True
            elif not self._silent or kind in _ALWAYS:
                out.append(data[position:end])
            position = end
        if position < len(data):
            return self._lost()  # `Replies` cuts rows only behind their head
        self._skip += position - len(data)
        return b"".join(out)

    def _ready(self, data: bytes, position: int, end: int, out: list[bytes]) -> bool:
        """The end of a batch; False where nothing may follow."""
        silent, self._silent = self._silent, False
        if silent and data[position + 5] == _IN_TRANSACTION:
            self.outcome = Outcome.ABORT if end == len(data) else Outcome.LOST
            if self.outcome is Outcome.LOST:
                out.clear()
            return False
        if silent:
            out.append(self._error)
        out.append(data[position:end])
        self.outcome = Outcome.OVER if end == len(data) else Outcome.MORE
        return True

    def _lost(self) -> bytes:
        self.outcome = Outcome.LOST
        return b""
