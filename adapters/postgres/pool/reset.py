"""The dialogue that brings a connection back to the state in which it was opened, and proves it. Sans-IO.

What a session left is rolled back, `DISCARD ALL` takes the rest (PostgreSQL documentation, "DISCARD"), and a query says
what is still there. That query returns a nonce, so no reply to the session before can be mistaken for it; a second
nonce behind it ends the dialogue, whatever failed. Nothing is believed that did not come in exactly this order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.postgres.sql.quote import quote_literal
from adapters.postgres.wire import requests, responses
from adapters.postgres.wire.framing import HEADER, HEADER_SIZE, Fields, frame
from gateway.errors import ProtocolViolation

CLEAN: Final = "clean"
"""The verdict of a connection that may be used again; any other one is the reason why it may not."""

_KEPT_LIMIT: Final = 64 * 1024
"""A longer message is skipped: it is a row or an error of the session before, and none of ours."""
_ASYNCHRONOUS: Final = frozenset(b"NSA")
_COMPLETE, _READY, _COLUMNS, _ROW, _ERROR, _PARAMETER = b"CZTDES"
_ORDER: Final = (_COMPLETE, _READY, _COLUMNS, _ROW, _COMPLETE, _READY, _COLUMNS, None)
"""What must come after how many steps: DISCARD ALL done, ready; columns, our row, complete, ready; columns again."""
_AT_LOOK: Final = 3

# `ROLLBACK` where no transaction is open warns into the database's log; this does not, and it takes back what came
# since the last Sync, too: the statements since then become part of the transaction that it opens.
_TAKE_BACK = requests.encode_query(b"BEGIN; ROLLBACK")
_ROLLBACK = requests.encode_query(b"ROLLBACK")
_DISCARD = requests.encode_query(b"DISCARD ALL")
# Outside of a COPY these are ignored ("COPY Operations"); a Sync ends the skipping after an error.
_STOP_COPY = frame(b"f", b"the client is gone\0")

# Qualified throughout: the session's search_path may name schemas with functions and operators of the same names.
_LOOK = """\
SELECT {nonce}, pg_catalog.concat_ws(',',
 CASE WHEN session_user OPERATOR(pg_catalog.<>) {user}::pg_catalog.name
        OR current_user OPERATOR(pg_catalog.<>) {role}::pg_catalog.name THEN 'identity' END,
 CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_settings
   WHERE source OPERATOR(pg_catalog.=) 'session') THEN 'settings' END,
 CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_prepared_statements) THEN 'statements' END,
 CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_cursors WHERE is_holdable) THEN 'cursors' END,
 CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_listening_channels()) THEN 'listen' END,
 CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_depend
   WHERE refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
     AND refobjid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()) THEN 'temporary' END),
 pg_catalog.setseed({seed})"""

_LEFT: Final = ("identity", "settings", "statements", "cursors", "listen", "temporary")
"""What that row may name. Verdicts are labels of a metric: other words of a database make no new ones."""


@dataclass(frozen=True, slots=True)
class Left:
    """How a session left its connection."""

    framed: bool
    """What was sent and received ends where messages end, but for `skip` and `partial`."""
    busy: bool = False
    """Replies are still expected: what runs must be cancelled."""
    quiet: bool = False
    """The database said that it is idle, and nothing that needs a Sync or an end of COPY came after."""
    skip: int = 0
    """Bytes of a message that are still to come and mean nothing."""
    partial: bytes = b""
    """The beginning of a message whose rest is still to come."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The last ParameterStatus of each name."""


UNTOUCHED: Final = Left(framed=True, quiet=True)
"""A connection that nobody has used since it was verified."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the connection must be when it is clean."""

    user: str
    role: str = ""
    """Where the startup parameters set one."""


@dataclass(frozen=True, slots=True)
class Chance:
    """What must be new for each dialogue: two texts that nobody can know, and where random() starts, -1 to 1."""

    nonce: str
    end: str
    seed: float


class Reset:
    """Send `request`, `feed` what comes; over when `verdict` is set."""

    def __init__(self, left: Left, identity: Identity, chance: Chance) -> None:
        self._nonce, self._end = chance.nonce.encode(), chance.end.encode()
        self._skip = left.skip
        self._buffer = bytearray(left.partial)
        self._step = 0
        self._found = ""
        self._ending = False
        self.verdict: str | None = None
        """`CLEAN`, or a word for what is wrong."""
        self.parameters: dict[str, str] = {}
        """ParameterStatus messages that came."""
        look = _LOOK.format(
            nonce=quote_literal(chance.nonce),
            user=quote_literal(identity.user),
            role=quote_literal(identity.role or identity.user),
            seed=f"{chance.seed:.15f}",
        )
        begin = _TAKE_BACK if left.quiet else _STOP_COPY + _ROLLBACK + requests.SYNC + _ROLLBACK
        end = requests.encode_query(f"SELECT {quote_literal(chance.end)}".encode())
        self.request = begin + _DISCARD + requests.encode_query(look.encode()) + end

    @property
    def begun(self) -> bool:
        """The session before is over: the database works on the dialogue."""
        return self._step > 0

    def feed(self, data: bytes) -> None:
        """Bytes of the database. What comes after the end of the dialogue makes the verdict a bad one."""
        if self._skip:
            step = min(self._skip, len(data))
            self._skip -= step
            data = data[step:]
        self._buffer += data
        try:
            while self._next():
                pass
        except ProtocolViolation:
            self.verdict = "protocol"
        if self.verdict == CLEAN and (self._buffer or self._skip):
            self.verdict = "stray"

    def _next(self) -> bool:
        """Work on one message; False where none is there as a whole."""
        buffer = self._buffer
        if len(buffer) < HEADER_SIZE:
            return False
        kind, size = buffer[0], HEADER.unpack_from(buffer, 1)[0]
        if size < 4:
            raise ProtocolViolation(f"invalid message length {size}")
        end = size + 1
        if end > _KEPT_LIMIT:
            self._skip = max(0, end - len(buffer))
            del buffer[:end]
            self._message(kind, b"")
            return not self._skip
        if len(buffer) < end:
            return False
        body = bytes(buffer[HEADER_SIZE:end])
        del buffer[:end]
        self._message(kind, body)
        return True

    def _message(self, kind: int, body: bytes) -> None:
        if kind in _ASYNCHRONOUS:
            if kind == _PARAMETER:
                name, value = responses.decode_parameter_status(body)
                self.parameters[name] = value
        elif self.verdict is not None:
            self.verdict = "stray"
        elif kind == _ERROR and _is_fatal(body):
            self.verdict = "lost"
        elif self._ending:
            self._ended(kind, body)
        elif kind == _ROW and self._end in body and _columns(body) == [self._end]:
            self._ending = True
        else:
            self._step = self._after(kind, body)

    def _after(self, kind: int, body: bytes) -> int:
        """How far the only good order has come."""
        step = self._step
        if kind == _COMPLETE and body == b"DISCARD ALL\0":
            return 1
        if not step:  # replies to the session before, perhaps millions
            return 0
        if step == _AT_LOOK:
            good = kind == _ROW and self._looked(body)
        else:
            good = kind == _ORDER[step] and (kind != _READY or body == b"I")
        return step + 1 if good else 0

    def _looked(self, body: bytes) -> bool:
        """Whether it is the row of the first nonce; it says what is still there."""
        columns = _columns(body)
        if len(columns) != 3 or columns[0] != self._nonce:
            return False
        self._found = (columns[1] or b"").decode("ascii", "replace")
        return True

    def _ended(self, kind: int, body: bytes) -> None:
        """After the row of the second nonce: its completion, and idle."""
        if kind == _COMPLETE:
            return
        if kind != _READY:
            self.verdict = "stray"
        elif body != b"I":
            self.verdict = "transaction"
        elif self._step != len(_ORDER) - 1:
            self.verdict = "failed"
        else:
            first = self._found.partition(",")[0] or CLEAN
            self.verdict = first if first in (CLEAN, *_LEFT) else "other"


def _columns(body: bytes) -> list[bytes | None]:
    fields = Fields(body)
    found: list[bytes | None] = []
    for _ in range(fields.int16()):
        size = fields.int32()
        found.append(None if size < 0 else fields.take(size))
    return found


def _is_fatal(body: bytes) -> bool:
    return body.startswith((b"SFATAL\0", b"SPANIC\0")) or b"\0VFATAL\0" in body or b"\0VPANIC\0" in body
