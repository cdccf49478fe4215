"""Client to database: each message is judged where it must be, and forwarded as the bytes that came where it may.

PostgreSQL documentation, "Message Flow". The walk over headers and the handlers of Bind, Execute and Sync are the hot
path: they decode no more than names. A message that must not reach the database is replaced by one that fails there
(`refuse.py`). What the database will do with requests still on their way is known but for errors; where a judgement
would depend on that, the walk stops (`stalled`) until the replies have come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from adapters.postgres.plan import Lookup, Plan, StatementPlan
from adapters.postgres.session import refuse, usual
from adapters.postgres.session.channel import Channel
from adapters.postgres.session.encodings import decode_text
from adapters.postgres.session.expected import (
    CALL,
    COPY_END_MARK,
    DESCRIBE_MARK,
    EXECUTE,
    QUERY,
    SYNC_MARK,
    Closing,
    Parsing,
    Portal,
    Prepared,
    Refusal,
    Run,
)
from adapters.postgres.session.lookups import wanted as lookup_counts
from adapters.postgres.wire import requests as wire
from adapters.postgres.wire.framing import HEADER, frame
from gateway.errors import MenshenError, ProtocolViolation
from gateway.model import Denial

_PARSE, _BIND, _DESCRIBE, _EXECUTE, _CLOSE = b"PBDEC"
_SYNC, _FLUSH, _QUERY, _CALL, _TERMINATE = b"SHQFX"
_COPY_DATA, _COPY_DONE, _COPY_FAIL = b"dcf"

_IGNORED_IN_DISCARD: Final = frozenset(b"PBDECHQF")
_REFUSABLE: Final = frozenset(b"PBDEQF")
_MALFORMED: Final = {kind: frame(bytes((kind,)), b"") for kind in b"PBDECQF"}
"""In the place of a message that cannot be taken apart: its kind without a body fails with 08P01 in any transaction."""
_NO_TYPES: Final = b"\0\0"
_NO_LOOKUPS: Final[tuple[tuple[int, str], ...]] = ()


class Requests:
    """Bytes of the client in by `feed`, bytes for the database out in `out`."""

    def __init__(self, channel: Channel) -> None:
        self._c = channel
        self.out: list[bytes] = []
        self.stalled = False
        """The rest of what was fed waits for replies; feed nothing before `resume`."""
        self.ended = False
        """The client said goodbye."""
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 0
        self._passing = 0
        """Bytes of a CopyData message that are still to be passed on."""
        self._handlers: dict[int, Callable[[bytes, int, int], bytes | None]] = {
            _PARSE: self._parse,
            _BIND: self._bind,
            _DESCRIBE: self._describe,
            _EXECUTE: self._execute,
            _CLOSE: self._close,
            _SYNC: self._sync,
            _FLUSH: self._pass,
            _QUERY: self._query,
            _CALL: self._call,
            _TERMINATE: self._terminate,
            _COPY_DATA: self._copy_data,
            _COPY_DONE: self._copy_end,
            _COPY_FAIL: self._copy_end,
        }

    @property
    def partial(self) -> bool:
        """A message of the client has not come as a whole."""
        return self._have > 0 or self._passing > 0

    @property
    def torn(self) -> bool:
        """What the database got ends within a message."""
        return self._passing > 0

    def feed(self, data: bytes, now: int) -> None:
        """Work on what the client sent. Raises ProtocolViolation where nobody knows where
        the next message begins, or what it is; the session cannot go on then."""
        channel = self._c
        channel.now = now
        channel.token = None
        if self._have:
            self._parts.append(data)
            self._have += len(data)
            if self._have < self._need:
                return
            data = b"".join(self._parts)
            self._parts.clear()
            self._have = 0
        elif not self._passing and self._usual(data):
            self.out.append(data)
            return
        channel.spread()
        self._walk(data)

    def _usual(self, data: bytes) -> bool:
        """Take the chunk as a usual exchange, with everything that the walk over its messages would check and note;
        False, and nothing is noted, where it is none."""
        channel = self._c
        if channel.queue or channel.usual is not None or channel.discarding or channel.copying or channel.unsettled:
            return False
        found = usual.statement_name(data)
        if found is None:
            return False
        name, end, described = found
        prepared = channel.prepared.get(name)
        if prepared is None or not prepared.confirmed or prepared.names != channel.names:
            return False
        plan, statement = prepared.plan, prepared.statement
        if statement is None or not prepared.plain or prepared.forwarded is not plan.text:
            return False
        if plan.token != channel.planner.token(channel.state):
            return False
        if statement.governed and not channel.checks.healthy():
            return False
        portal = prepared.portal
        if portal is None:
            try:
                bind = wire.decode_bind(data[5:end]) if statement.subjects else None
            except ProtocolViolation:
                return False  # the walk refuses it
            portal = Portal(prepared, _NO_LOOKUPS, bind)
            if bind is None:
                prepared.portal = portal
        if statement.scrub:
            channel.scrubbing = True
        channel.portals[b""] = portal
        channel.numbers += 1
        run = Run(EXECUTE, plan, _NO_LOOKUPS, channel.numbers, channel.now)
        run.actor = channel.state.actor
        run.bind = portal.bind
        channel.usual = usual.Usual(portal, run, described)
        channel.batch += 1
        return True

    def resume(self, now: int) -> bool:
        """Replies have come: try the rest again. False where it still waits."""
        if self.stalled:
            self.stalled = False
            data = b"".join(self._parts)
            self._parts.clear()
            self._have = 0
            channel = self._c
            channel.now = now
            channel.token = None
            self._walk(data)
        return not self.stalled

    def _walk(self, data: bytes) -> None:
        size_at = HEADER.unpack_from
        handlers = self._handlers
        channel = self._c
        out = self.out
        total = len(data)
        position = start = 0
        if self._passing:
            position = min(self._passing, total)
            self._passing -= position
            if (run := channel.running) is not None:
                run.size += position
        while position + 5 <= total:
            kind = data[position]
            size = size_at(data, position + 1)[0]
            end = position + 1 + size
            if end > total or size < 4:
                if not self._fits_later(kind, size):
                    break
                self._passing = end - total
                end = total
            handler = handlers.get(kind)
            if handler is None:
                raise ProtocolViolation(f"invalid frontend message type {kind}")
            if channel.discarding and kind in _IGNORED_IN_DISCARD:
                replaced: bytes | None = b""
            else:
                expected = len(channel.queue)
                try:
                    replaced = handler(data, position, end)
                except ProtocolViolation as exc:
                    if len(channel.queue) != expected or kind not in _MALFORMED:
                        raise
                    replaced = self._malformed(kind, exc)
                except MenshenError:
                    raise
                except Exception as exc:
                    if len(channel.queue) != expected or kind not in _REFUSABLE:
                        raise  # the message is half done: the session cannot go on
                    replaced = self._broken(kind, data, position, end, exc)
                if self.stalled:
                    break
            if replaced is not None:
                if start < position:
                    out.append(data[start:position])
                if replaced:
                    out.append(replaced)
                start = end
                if self.ended:  # nothing counts behind a goodbye
                    start = position = total
                    break
            position = end
        if start < position:
            out.append(data if start == 0 and position == total else data[start:position])
        if position < total:
            self._keep(data[position:])

    def _malformed(self, kind: int, error: ProtocolViolation) -> bytes:
        """The message has an end and no meaning: that alone is refused, as PostgreSQL does."""
        channel = self._c
        denial = refuse.not_judged(error)
        if kind in (_QUERY, _CALL):
            self._start(QUERY, None, denial, None, None)
        else:
            channel.queue.append(Refusal(denial, None, channel.number(), channel.now))
        return _MALFORMED[kind]

    def _broken(self, kind: int, data: bytes, position: int, end: int, exc: Exception) -> bytes | None:
        """A mistake of ours while a message was judged: nothing was done yet, so that message alone is refused."""
        channel = self._c
        channel.checks.broke(exc)
        channel.token = None
        if kind in (_QUERY, _CALL):
            return self._start(QUERY if kind == _QUERY else CALL, None, refuse.INTERNAL, None, None)
        name = _name_at(data, position + 5, end)
        if kind == _PARSE:
            return self._refuse(refuse.INTERNAL, None, name)
        known: Portal | Prepared | None = None
        if kind == _EXECUTE:
            known = channel.portals.get(name)
        elif kind == _BIND:
            known = channel.prepared.get(_name_at(data, position + 6 + len(name), end))
        return self._refuse(refuse.INTERNAL, None if known is None else known.statement)

    def abort(self, denial: Denial) -> bytes:
        """A query of ours that fails, behind what was sent: its answer, `denial` and ReadyForQuery, is the client's."""
        self._c.spread()
        replaced = self._start(QUERY, None, denial, None, None)
        assert replaced is not None
        return replaced

    def _fits_later(self, kind: int, size: int) -> bool:
        """Whether a message that is not here as a whole may pass in parts. Raises where it can never be accepted."""
        if size < 4:
            raise ProtocolViolation(f"invalid message length {size}")
        if kind == _COPY_DATA:
            return True
        if kind not in self._handlers:
            raise ProtocolViolation(f"invalid frontend message type {kind}")
        if size > self._c.limits.message:
            raise ProtocolViolation(
                f"a message of {size} bytes is longer than the limit of {self._c.limits.message} bytes",
                hint="Send large values with COPY, or raise limits.max_message_bytes.",
            )
        self._need = size + 1
        return False

    def _keep(self, rest: bytes) -> None:
        if self._have == 0 and len(rest) < 5:
            self._need = 5
        self._parts.append(rest)
        self._have += len(rest)

    # -- texts --------------------------------------------------------------------------------------------------------
    def _parse(self, data: bytes, position: int, end: int) -> bytes | None:
        channel = self._c
        message = wire.decode_parse(data[position + 5 : end])
        if self._must_wait():
            return None
        known = channel.prepared.get(message.name)
        if known is not None and not known.confirmed and known.batch != channel.batch:
            self.stalled = True
            return None
        if known is None and len(channel.prepared) >= channel.limits.prepared:
            return self._refuse(refuse.too_many_statements(channel.limits.prepared), None, message.name)
        plan, denial, text = self._judge(message.text, single=True)
        denial = denial or self._typed(message.types)
        if denial is not None:
            return self._refuse(denial, plan.statements[0] if plan and plan.statements else None, message.name)
        assert plan is not None
        unchanged = plan.text == message.text or channel.unrestricted
        prepared = Prepared(message.name, text, message.types, plan, channel.batch, channel.names)
        channel.prepared[message.name] = prepared
        channel.queue.append(Parsing(prepared, known, injected=False, previous_text=None))
        return None if unchanged else wire.encode_parse(message.name, plan.text, message.types)

    def _query(self, data: bytes, position: int, end: int) -> bytes | None:
        channel = self._c
        text = wire.decode_query(data[position + 5 : end])
        if self._must_wait():
            return None
        plan, denial, _ = self._judge(text, single=False)
        if denial is None and plan is not None and any(s.governed for s in plan.statements):
            denial = None if channel.checks.healthy() else refuse.NO_TRAIL
        if denial is None and plan is not None:
            denial = self._look_up([lookup for statement in plan.statements for lookup in statement.lookups], None)
        replaced = None if plan is None else self._query_bytes(plan, text)
        unnamed = channel.prepared.pop(b"", None)
        channel.portals.pop(b"", None)
        return self._start(QUERY, plan, denial, replaced, unnamed)

    def _query_bytes(self, plan: Plan, text: bytes) -> bytes | None:
        if plan.text == text or self._c.unrestricted:
            return None
        return wire.encode_query(plan.text)

    def _call(self, data: bytes, position: int, end: int) -> bytes | None:
        channel = self._c
        oid = wire.decode_function_call(data[position + 5 : end])
        if self._must_wait():
            return None
        plan = channel.planner.function_call(oid, channel.state)
        denial = plan.denial
        if denial is None and any(s.governed for s in plan.statements) and not channel.checks.healthy():
            denial = refuse.NO_TRAIL
        return self._start(CALL, plan, denial, None, None)

    def _start(
        self, kind: int, plan: Plan | None, denial: Denial | None, replaced: bytes | None, unnamed: Prepared | None
    ) -> bytes | None:
        """A Query or FunctionCall, which ends with a ReadyForQuery of its own."""
        channel = self._c
        plan = plan or Plan(None, b"", ())
        run = Run(kind if denial is None else QUERY, plan, _NO_LOOKUPS, channel.number(), channel.now, denial)
        run.unnamed = unnamed
        run.actor = channel.state.actor
        channel.queue.append(run)
        if denial is not None:
            replaced = refuse.REFUSED_QUERY
        else:
            self._started(run)
        channel.batch += 1
        return replaced

    def _started(self, run: Run) -> None:
        for statement in run.plan.statements:
            if statement.scrub:
                self._c.scrubbing = True
            if statement.effects and run.undo is None:
                self._c.apply(run)

    def _judge(self, text: bytes, *, single: bool) -> tuple[Plan | None, Denial | None, str]:
        """The plan, the reason why the text is refused, and the text as characters."""
        channel = self._c
        if len(text) > channel.limits.statement and not channel.unrestricted:
            return None, refuse.too_long(channel.limits.statement), ""
        decoded = decode_text(text, channel.parameters.get("client_encoding", "UTF8"), strict=not channel.unrestricted)
        if decoded is None:
            return None, refuse.NOT_UTF8, ""
        plan, denial = self._plan(decoded, single=single)
        return plan, denial, decoded

    def _plan(self, text: str, *, single: bool) -> tuple[Plan | None, Denial | None]:
        try:
            plan = self._c.planner.plan(text, self._c.state, single=single)
        except MenshenError as exc:
            # A planner that cannot judge now (no catalogue yet): the statement is refused, the session goes on.
            return None, refuse.not_judged(exc)
        return plan, plan.denial

    def _typed(self, types: bytes) -> Denial | None:
        """Whether the parameters may have the types that Parse gives them: making a value can call a function."""
        if types == _NO_TYPES:
            return None
        return self._c.planner.parameters(wire.type_oids(types), self._c.state)

    # -- prepared statements and portals ------------------------------------------------------------------------------
    def _bind(self, data: bytes, position: int, end: int) -> bytes | None:
        channel = self._c
        middle = data.find(0, position + 5, end)
        last = data.find(0, middle + 1, end)
        if middle < 0 or last < 0:
            raise ProtocolViolation("invalid string in message")
        name = data[middle + 1 : last]
        prepared = channel.prepared.get(name)
        if prepared is None and channel.may_come_back(name):
            self.stalled = True
            return None
        if prepared is None:
            prepared = self._unknown(f"EXECUTE {_quoted(name)}", name)
            if prepared is None:
                return self._unknown_name(wire.STATEMENT, name)
        if not prepared.confirmed and prepared.batch != channel.batch:
            self.stalled = True
            return None
        if channel.unsettled and self._must_wait():
            return None
        token = channel.token
        if token is None:
            token = channel.token = channel.planner.token(channel.state)
        if prepared.plan.token != token or prepared.names != channel.names:
            denial = self._judge_again(prepared)
            if denial is not None:
                return denial
        statement = prepared.statement
        portal = prepared.portal
        if portal is None:
            lookups = _NO_LOOKUPS
            own = statement is not None and (statement.guards or statement.lookups or statement.subjects)
            bind = None
            if statement is not None and own:
                bind = wire.decode_bind(data[position + 5 : end])
                refusal = self._guard(statement, bind) or self._look_up(statement.lookups, bind)
                if refusal is not None:
                    return self._refuse(refusal, statement)
                lookups = self._hash_lookups(statement, bind)
            portal = Portal(prepared, lookups, bind)
            if not own:
                prepared.portal = portal
        if statement is not None:
            if statement.governed and not channel.checks.healthy():
                return self._refuse(refuse.NO_TRAIL, statement)
            if statement.scrub:
                channel.scrubbing = True
        injected = None
        if prepared.forwarded is not prepared.plan.text:
            injected = self._prepare_again(prepared)
        channel.portals[data[position + 5 : middle]] = portal
        channel.queue.append(portal)
        return None if injected is None else injected + data[position:end]

    def _unknown(self, text: str, name: bytes) -> Prepared | None:
        """A statement or cursor made by SQL. Its text was judged then; only an unrestricted persona may use it here."""
        channel = self._c
        if not channel.unrestricted:
            return None
        plan, denial = self._plan(text, single=True)
        if plan is None or denial is not None:
            return None
        prepared = Prepared(name, text, b"\0\0", plan, channel.batch, channel.names)
        prepared.confirmed = True
        return prepared

    def _judge_again(self, prepared: Prepared) -> bytes | None:
        """Something has changed since `prepared` was judged. What replaces its Bind where it is denied now."""
        channel = self._c
        plan, denial = self._plan(prepared.text, single=True)
        denial = denial or self._typed(prepared.types)
        if plan is None or denial is not None:
            assert denial is not None
            return self._refuse(denial, plan.statements[0] if plan is not None and plan.statements else None)
        prepared.judged(plan, channel.names)
        return None

    def _prepare_again(self, prepared: Prepared) -> bytes | None:
        """Close and Parse for the database where it holds another text than the one that was judged now."""
        channel = self._c
        text = prepared.plan.text
        if prepared.forwarded == text or (channel.unrestricted and prepared.forwarded is not None):
            prepared.forwarded = text
            return None
        message = b""
        if prepared.name and prepared.forwarded is not None:
            message = wire.encode_close(wire.Target(wire.STATEMENT, prepared.name))
            channel.queue.append(Closing(prepared.name, prepared, injected=True))
        channel.queue.append(Parsing(prepared, None, injected=True, previous_text=prepared.forwarded))
        prepared.forwarded = text
        prepared.batch = channel.batch
        prepared.confirmed = False
        return message + wire.encode_parse(prepared.name, text, prepared.types)

    def _guard(self, statement: StatementPlan, bind: wire.Bind) -> Denial | None:
        for guard in statement.guards:
            value = _value(bind, guard.parameter)
            if value is not None and self._c.checks.looks_masked(guard.mask, value):
                return refuse.masked_write(guard.column)
        return None

    def _look_up(self, lookups: Sequence[Lookup], bind: wire.Bind | None) -> Denial | None:
        wanted = lookup_counts(lookups, bind) if lookups else None
        if not wanted:
            return None
        exhausted = self._c.checks.look_up(self._c.state.principal.name, wanted, self._c.now)
        return None if exhausted is None else refuse.too_many_lookups(exhausted)

    def _hash_lookups(self, statement: StatementPlan, bind: wire.Bind) -> tuple[tuple[int, str], ...]:
        found = []
        for lookup in statement.lookups:
            if lookup.parameter and (value := _value(bind, lookup.parameter)) is not None:
                found.append((lookup.parameter, self._c.checks.lookup_hash(lookup.data_class, value)))
        return tuple(found)

    def _execute(self, data: bytes, position: int, end: int) -> bytes | None:
        channel = self._c
        middle = data.find(0, position + 5, end)
        if middle < 0 or middle + 5 != end:
            wire.decode_execute(data[position + 5 : end])  # tells what is wrong
            raise ProtocolViolation("invalid message format")
        name = data[position + 5 : middle]
        portal = channel.portals.get(name)
        if portal is None:
            prepared = self._unknown(f"FETCH ALL FROM {_quoted(name)}", name) if name else None
            if prepared is None:
                return self._unknown_name(wire.PORTAL, name)
            portal = Portal(prepared, _NO_LOOKUPS)
        token = channel.token
        if token is None:
            token = channel.token = channel.planner.token(channel.state)
        if (portal.plan.token != token or portal.names != channel.names) and not self._still_good(portal):
            return self._refuse(refuse.STALE_PORTAL, portal.statement)
        statement = portal.statement
        if statement is not None and statement.governed and not channel.checks.healthy():
            return self._refuse(refuse.NO_TRAIL, statement)
        channel.numbers += 1
        run = Run(EXECUTE, portal.plan, portal.lookups, channel.numbers, channel.now)
        run.actor = channel.state.actor
        run.bind = portal.bind
        channel.queue.append(run)
        if statement is not None and statement.effects:
            channel.apply(run)
        return None

    def _still_good(self, portal: Portal) -> bool:
        """A portal bound under another token: may it go on? Only where the new verdict is the same text."""
        plan, denial = self._plan(portal.prepared.text, single=True)
        if plan is None or denial is not None or plan.text != portal.plan.text:
            return False
        portal.plan = plan
        portal.names = self._c.names
        portal.statement = plan.statements[0] if plan.statements else None
        return True

    def _describe(self, data: bytes, position: int, end: int) -> bytes | None:
        channel = self._c
        target = wire.decode_target(data[position + 5 : end], "DESCRIBE")
        name = target.name
        known: object
        if target.kind == wire.PORTAL:
            # A cursor that SQL declared is a portal too: psycopg and Django describe theirs, whose names and types of
            # columns were judged when it was declared.
            known = channel.portals.get(name) or name.decode("utf-8", "replace") in channel.state.cursors or None
        else:
            known = channel.prepared.get(name)
            if known is None and channel.may_come_back(name):
                self.stalled = True
                return None
        if known is None and not channel.unrestricted:
            return self._unknown_name(target.kind, name)
        channel.queue.append(DESCRIBE_MARK)
        return None

    def _close(self, data: bytes, position: int, end: int) -> bytes | None:
        channel = self._c
        target = wire.decode_target(data[position + 5 : end], "CLOSE")
        if target.kind == wire.PORTAL:
            channel.portals.pop(target.name, None)
            channel.queue.append(Closing(target.name, None, injected=False))
        else:
            previous = channel.prepared.pop(target.name, None)
            channel.queue.append(Closing(target.name, previous, injected=False))
        return None

    # -- the rest -----------------------------------------------------------------------------------------------------
    def _sync(self, data: bytes, position: int, end: int) -> bytes | None:
        channel = self._c
        if not channel.copying:
            channel.queue.append(SYNC_MARK)
            channel.batch += 1
            channel.discarding = False
        return None

    def _pass(self, data: bytes, position: int, end: int) -> bytes | None:
        return None

    def _terminate(self, data: bytes, position: int, end: int) -> bytes | None:
        # The connection to the database may go on without this client.
        self.ended = True
        return b""

    def _copy_data(self, data: bytes, position: int, end: int) -> bytes | None:
        run = self._c.running
        if run is not None:
            run.size += end - position - 5
        return None

    def _copy_end(self, data: bytes, position: int, end: int) -> bytes | None:
        channel = self._c
        if channel.copying:
            channel.copying = False
        elif channel.queue:
            # Sent before CopyInResponse has come; it tells which Syncs the COPY swallows.
            channel.queue.append(COPY_END_MARK)
        return None

    def _must_wait(self) -> bool:
        """Whether the judgement depends on a statement whose outcome is not known yet."""
        if self._c.unsettled and self._c.effect_batch != self._c.batch:
            self.stalled = True
        return self.stalled

    def _unknown_name(self, kind: int, name: bytes) -> bytes:
        """A name that the session never gave is refused: what the database has under it was not judged here."""
        statement = kind == wire.STATEMENT
        denial = refuse.unknown_statement(name) if statement else refuse.unknown_portal(name)
        self._c.queue.append(Refusal(denial, None, self._c.number(), self._c.now))
        return refuse.NO_STATEMENT if statement else refuse.NO_PORTAL

    def _refuse(self, denial: Denial, statement: StatementPlan | None, parse: bytes | None = None) -> bytes:
        channel = self._c
        channel.queue.append(Refusal(denial, statement, channel.number(), channel.now))
        return refuse.REFUSED_MESSAGE if parse is None else refuse.refused_parse(parse)


def _name_at(data: bytes, at: int, end: int) -> bytes:
    """The name that begins here; empty where it does not end."""
    stop = data.find(0, at, end)
    return data[at:stop] if stop >= at else b""


def _value(bind: wire.Bind, number: int) -> str | None:
    """A Bind parameter as text; None for NULL, for one that is missing, and for a binary value that is no text."""
    if not 0 < number <= len(bind.values):
        return None
    value = bind.values[number - 1]
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _quoted(name: bytes) -> str:
    return '"' + name.decode("utf-8", "replace").replace('"', '""') + '"'
