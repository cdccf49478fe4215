"""Database to client: replies are matched to what was forwarded, and leave as the bytes that came.

Headers are walked, rows are counted and never decoded. Replaced are the errors of refused messages, swallowed the
replies to what the client did not send, and texts of errors and notices are scrubbed where they may hold values.
What a chunk completes is in `channel.completions` when `feed` returns: the caller makes the records durable before it
passes `out` on (DESIGN 7).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from adapters.postgres.plan import Plan
from adapters.postgres.session import refuse, scrub, usual
from adapters.postgres.session import rows as walks
from adapters.postgres.session.channel import IDLE, Channel
from adapters.postgres.session.expected import (
    BIND,
    CALL,
    CLOSE,
    COPY_END,
    DESCRIBE,
    EXECUTE,
    PARSE,
    QUERY,
    SYNC,
    Closing,
    Completion,
    Entry,
    Parsing,
    Portal,
    Refusal,
    Run,
)
from adapters.postgres.session.subjects import Keys
from adapters.postgres.session.usual import Usual
from adapters.postgres.wire import responses
from adapters.postgres.wire.framing import HEADER
from gateway.errors import ProtocolViolation

_ROW, _COPY_DATA, _VALUE = b"DdV"
_STREAMED: Final = (_ROW, _COPY_DATA, _VALUE)
_COMPLETE, _READY = b"CZ"

_CUT_ROW_LIMIT: Final = 1024 * 1024
"""A longer row that is cut passes on without its key being read."""
_HELD_LIMIT: Final = 64 * 1024 * 1024
"""A message that is no row and longer than this cannot come from PostgreSQL."""


class Replies:
    """Bytes of the database in by `feed`, bytes for the client out in `out`."""

    def __init__(self, channel: Channel) -> None:
        self._c = channel
        self.out: list[bytes] = []
        self.at_boundary = True
        """Whether what has left so far ends with a whole message, so that one of ours may follow."""
        self.fatal = False
        """The database said that it ends the session."""
        self._passing = 0
        """Bytes of a row that are still to be passed on."""
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 0
        self._handlers: dict[int, Callable[[bytes, int, int], bytes | None]] = {
            _COMPLETE: self._complete,
            _READY: self._ready,
            ord("1"): self._parsed,
            ord("2"): self._bound,
            ord("3"): self._closed,
            ord("T"): self._row_description,
            ord("n"): self._described,
            ord("t"): self._parameter_description,
            ord("I"): self._complete,
            ord("s"): self._complete,
            ord("E"): self._error,
            ord("N"): self._notice,
            ord("A"): self._pass,
            ord("S"): self._parameter,
            ord("G"): self._copy_in,
            ord("H"): self._pass,
            ord("W"): self._pass,
            ord("c"): self._pass,
            ord("v"): self._pass,
        }

    @property
    def unfinished(self) -> tuple[int, bytes]:
        """Of the message that has not come as a whole: bytes of a row that are still to come, and what is held."""
        return self._passing, b"".join(self._parts)

    def feed(self, data: bytes, now: int) -> None:
        """Work on what the database sent. Raises ProtocolViolation where it makes no sense: the session ends."""
        channel = self._c
        channel.now = now
        if channel.usual is not None:
            if not self._have and self._usual(channel.usual, data):
                channel.usual = None
                self.out.append(data)
                return
            self._unusual(data)
        if self._have:
            self._parts.append(data)
            self._have += len(data)
            if self._have < self._need:
                return
            data = b"".join(self._parts)
            self._parts.clear()
            self._have = 0
        self._need = 0
        size_at = HEADER.unpack_from
        handlers = self._handlers
        out = self.out
        total = len(data)
        position = start = 0
        if self._passing:
            position = self._continue_row(total)
        while position + 5 <= total:
            kind = data[position]
            if kind in _STREAMED:
                position = self._rows(data, position, total)
                if self._need:
                    break
                continue
            size = size_at(data, position + 1)[0]
            if not 4 <= size <= _HELD_LIMIT:
                raise ProtocolViolation(f"invalid message length {size} from the database")
            end = position + 1 + size
            if end > total:
                self._need = end - position
                break
            handler = handlers.get(kind)
            if handler is None:
                raise ProtocolViolation(f"the database sent an unexpected message of type {kind}")
            replaced = handler(data, position, end)
            if replaced is not None:
                if start < position:
                    out.append(data[start:position])
                if replaced:
                    out.append(replaced)
                start = end
            position = end
        if start < position:
            out.append(data if start == 0 and position == total else data[start:position])
        if position < total:
            self._keep(data[position:])
        self.at_boundary = not self._passing
        queue = channel.queue
        if queue:
            head = queue[0]
            if isinstance(head, Run) and not head.opened and (head.rows or self._passing):
                channel.open(head)

    def _usual(self, exchange: Usual, data: bytes) -> bool:
        """Take the chunk as the whole answer to a usual exchange; False, and nothing is noted, where it is not."""
        channel, run = self._c, exchange.run
        prepared = exchange.portal.prepared
        answer = prepared.answer_described if exchange.described else prepared.answer
        if not answer or not data.startswith(answer):
            return False
        first = len(answer)
        keys = channel.gather(run) if first < len(data) and data[first] == _ROW else None
        found = usual.rows_end(data, first, keys if keys is not None and keys.reads else None)
        if found is None:
            run.keys = None  # the walk reads them anew
            return False
        position, run.rows = found
        run.size = position - first
        if keys is not None and not keys.reads:
            keys.passed(run.rows)
        channel.complete(run, run.rows or responses.rows_of_tag(data[position + 5 : -6]), "00000")
        channel.status = data[-1]
        if channel.status == IDLE:
            self._transaction_over()
        return True

    def _unusual(self, data: bytes) -> None:
        """The walk takes the exchange over; how its answer begins is kept for the next time."""
        exchange = self._c.spread()
        if exchange is not None and not self._have:
            prepared, answer = exchange.portal.prepared, usual.answer_of(data, exchange.described)
            if exchange.described:
                prepared.answer_described = answer
            else:
                prepared.answer = answer

    def _keep(self, rest: bytes) -> None:
        if len(rest) < 5:
            self._need = 5
        self._parts.append(rest)
        self._have = len(rest)

    # -- rows ---------------------------------------------------------------------------------------------------------
    def _continue_row(self, total: int) -> int:
        step = min(self._passing, total)
        self._passing -= step
        return step

    def _rows(self, data: bytes, position: int, total: int) -> int:
        """Walk the run of rows that begins here; the position after it, `total` where the last one is cut."""
        head = self._c.queue[0] if self._c.queue else None
        if not isinstance(head, Run):
            raise ProtocolViolation("the database sent rows that nobody asked for")
        keys = self._c.gather(head) if data[position] == _ROW else None
        if keys is not None and keys.reads:
            return self._rows_with_keys(head, keys, data, position, total)
        first = position
        position, count = walks.skim(data, position, total)
        if position < 0:
            raise ProtocolViolation("the database sent a message of invalid length")
        head.rows += count
        head.size += position - first
        if keys is not None:
            keys.passed(count)
        if position > total:
            self._passing = position - total
            position = total
        return position

    def _rows_with_keys(self, head: Run, keys: Keys, data: bytes, position: int, total: int) -> int:
        """The same, with the subject's key of each row read. A row that is cut before its key, and not long, waits for
        its rest."""
        first = position
        position, count = keys.rows(data, position, total)
        if position + 5 <= total and data[position] == _ROW:
            size = HEADER.unpack_from(data, position + 1)[0]
            if size < 6:
                raise ProtocolViolation(f"invalid message length {size} from the database")
            begun = keys.begun(data, position, total)
            if not begun and size <= _CUT_ROW_LIMIT:
                self._need = 1 + size
            else:
                if not begun:  # too long to hold: it passes on, and the record says that it was not attributed
                    keys.skip()
                position += 1 + size
                count += 1
        head.rows += count
        head.size += position - first
        if position > total:
            self._passing = position - total
            position = total
        return position

    # -- what completes a request -------------------------------------------------------------------------------------
    def _complete(self, data: bytes, position: int, end: int) -> bytes | None:
        """CommandComplete, EmptyQueryResponse, PortalSuspended."""
        channel = self._c
        head = self._head()
        if not isinstance(head, Run):
            raise ProtocolViolation("the database completed a statement that nobody asked for")
        if data[position + 5 : position + 14] == b"ROLLBACK\0":
            channel.rolled_back(head)
        rows = head.rows or (responses.rows_of_tag(data[position + 5 : end]) if data[position] == _COMPLETE else 0)
        channel.complete(head, rows, "00000")
        channel.copying = False
        if head.kind == EXECUTE:
            channel.queue.popleft()
        return None

    def _ready(self, data: bytes, position: int, end: int) -> bytes | None:
        channel = self._c
        head = self._head()
        if end - position != 6:
            raise ProtocolViolation("the database is ready and says nothing about its transaction")
        if isinstance(head, Run) and head.kind != EXECUTE:
            if head.kind == CALL and head.index == 0:
                channel.complete(head, head.rows, "00000")
            channel.settle(head)
        elif head.kind != SYNC:
            raise ProtocolViolation("the database is ready although replies are missing")
        queue = channel.queue
        queue.popleft()
        while queue and queue[0].kind == COPY_END:
            queue.popleft()
        channel.copying = False
        channel.transaction_state(data[position + 5])
        if channel.status == IDLE:
            self._transaction_over()
        return None

    def _transaction_over(self) -> None:
        channel = self._c
        if not channel.queue:
            channel.scrubbing = False
            # Portals do not outlive their transaction.
            channel.portals.clear()
        if channel.catalogue_changed:
            channel.catalogue_changed = False
            channel.refresh_due = True

    def _head(self) -> Entry:
        queue = self._c.queue
        while queue and queue[0].kind == COPY_END:
            queue.popleft()
        if not queue:
            raise ProtocolViolation("the database answered what nobody asked")
        return queue[0]

    def _expect(self, kind: int) -> Entry:
        queue = self._c.queue
        if not queue or queue[0].kind != kind:
            self._out_of_order(kind)
        return queue.popleft()

    def _out_of_order(self, kind: int) -> None:
        """The rare case, checked the slow way: marks of a COPY may stand before the entry."""
        if self._head().kind != kind:
            raise ProtocolViolation("the database answered out of order")

    def _parsed(self, data: bytes, position: int, end: int) -> bytes | None:
        entry = self._expect(PARSE)
        assert isinstance(entry, Parsing)
        entry.prepared.confirmed = True
        return b"" if entry.injected else None

    def _bound(self, data: bytes, position: int, end: int) -> bytes | None:
        self._expect(BIND)
        return None

    def _closed(self, data: bytes, position: int, end: int) -> bytes | None:
        entry = self._expect(CLOSE)
        assert isinstance(entry, Closing)
        return b"" if entry.injected else None

    def _row_description(self, data: bytes, position: int, end: int) -> bytes | None:
        if self._head().kind == DESCRIBE:
            self._c.queue.popleft()
        return None

    def _parameter_description(self, data: bytes, position: int, end: int) -> bytes | None:
        """RowDescription or NoData follows and answers the Describe."""
        if self._head().kind != DESCRIBE:
            raise ProtocolViolation("the database answered out of order")
        return None

    def _described(self, data: bytes, position: int, end: int) -> bytes | None:
        self._expect(DESCRIBE)
        return None

    def _pass(self, data: bytes, position: int, end: int) -> bytes | None:
        return None

    # -- COPY ---------------------------------------------------------------------------------------------------------
    def _copy_in(self, data: bytes, position: int, end: int) -> bytes | None:
        """CopyInResponse. The database ignores the Syncs that it reads before CopyDone or CopyFail."""
        channel = self._c
        queue = channel.queue
        self._head()
        channel.copying = True
        while len(queue) > 1 and queue[1].kind == SYNC:
            del queue[1]
        if len(queue) > 1 and queue[1].kind == COPY_END:
            del queue[1]
            channel.copying = False
        return None

    # -- errors, notices, parameters ----------------------------------------------------------------------------------
    def _error(self, data: bytes, position: int, end: int) -> bytes | None:
        channel = self._c
        body = data[position + 5 : end]
        sqlstate = responses.sqlstate_of(body)
        while channel.queue and channel.queue[0].kind == COPY_END:
            channel.queue.popleft()
        head = channel.queue[0] if channel.queue else None
        plan = self._plan_of(head)
        denial = head.denial if isinstance(head, Refusal | Run) else None
        replaced: bytes | None
        if denial is not None and refuse.is_ours(sqlstate, denial):
            replaced, sqlstate = refuse.response(denial), denial.sqlstate
        else:
            replaced = self._rewrite(body, plan)
        channel.failed = True
        if head is not None:
            self._failed(head, sqlstate)
        return replaced

    def _failed(self, head: Entry, sqlstate: str) -> None:
        channel = self._c
        channel.copying = False
        # What came later is undone first. A Query, a FunctionCall and a Sync are followed by ReadyForQuery.
        if head.kind not in (QUERY, CALL, SYNC):
            self._skip_to_sync()
        if isinstance(head, Run):
            channel.fail(head, dropped=False)
            channel.complete(head, head.rows, sqlstate)
        elif isinstance(head, Refusal):
            if head.statement is not None:
                channel.completions.append(
                    Completion(
                        head.statement,
                        "single",
                        head.number,
                        head.received,
                        0,
                        0,
                        sqlstate,
                        (),
                        head.denial,
                        channel.state.actor,
                    )
                )
        else:
            if isinstance(head, Portal) and head.statement is not None:
                channel.completions.append(
                    Completion(
                        head.statement,
                        "single",
                        channel.number(),
                        channel.now,
                        0,
                        0,
                        sqlstate,
                        head.lookups,
                        None,
                        channel.state.actor,
                    )
                )
            channel.fail(head, dropped=False)

    def _skip_to_sync(self) -> None:
        """The database discards what follows until Sync, so no replies come for it, and nothing of it has happened."""
        channel = self._c
        queue = channel.queue
        queue.popleft()
        dropped: list[Entry] = []
        while queue and queue[0].kind != SYNC:
            dropped.append(queue.popleft())
        for entry in reversed(dropped):
            channel.fail(entry, dropped=True)
        if not queue:
            channel.discarding = True

    def _plan_of(self, head: Entry | None) -> Plan | None:
        if isinstance(head, Run | Portal):
            return head.plan
        if isinstance(head, Parsing):
            return head.prepared.plan
        return None

    def _rewrite(self, body: bytes, plan: Plan | None) -> bytes | None:
        """The error with positions of the client's text and without values; None where it may leave as it came."""
        scrubbed = self._must_scrub(plan)
        self._note_severity(body)
        if not scrubbed and (plan is None or not plan.edits):
            return None
        fields = responses.decode_error(body)
        if plan is not None and plan.edits:
            fields = scrub.map_position(fields, plan)
        return responses.encode_error(scrub.scrub_error(fields) if scrubbed else fields)

    def _must_scrub(self, plan: Plan | None) -> bool:
        return self._c.scrubbing or (plan is not None and any(s.scrub for s in plan.statements))

    def _note_severity(self, body: bytes) -> None:
        if b"\0VFATAL\0" in body or body.startswith(b"SFATAL\0") or b"\0VPANIC\0" in body:
            self.fatal = True

    def _notice(self, data: bytes, position: int, end: int) -> bytes | None:
        head = self._c.queue[0] if self._c.queue else None
        if not self._must_scrub(self._plan_of(head)):
            return None
        fields = responses.decode_error(data[position + 5 : end])
        return responses.encode_error(scrub.scrub_notice(fields), b"N")

    def _parameter(self, data: bytes, position: int, end: int) -> bytes | None:
        channel = self._c
        name, value = responses.decode_parameter_status(data[position + 5 : end])
        channel.parameters[name] = value
        channel.application_changed = True
        if name == "search_path" and channel.unsettled == channel.path_unsettled:
            channel.search_path_reported(value)
        return None
