"""A session in the steady state: two transports, the conversation between them, and the gate (DESIGN 7).

No row leaves before its record is durable: what a chunk of the database completes, or begins to show, is recorded
before the chunk is written to the client. Where a record cannot be made an error stands for the chunk (`withhold.py`).
This is the hot path: one call per chunk, in the common case one append and one write of the bytes that came.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from adapters.postgres.pool.pool import Lease, Pool
from adapters.postgres.pool.reset import Left
from adapters.postgres.session import refuse
from adapters.postgres.session.conversation import Conversation
from adapters.postgres.session.withhold import Outcome, Withheld
from adapters.postgres.wire.responses import error_response
from gateway.errors import MenshenError, ProtocolViolation, TrailUnavailable
from gateway.log import failed
from gateway.net.observer import Observer
from gateway.net.relay import WAITS_FOR_RECORD, WAITS_FOR_REPLIES, Side, join
from gateway.trail import record

_log = logging.getLogger(__name__)

DATA_PATH: Final = "plain" if __file__.endswith(".py") else "compiled"
"""Whether the modules on the hot path run as C (`hatch_build.py`) or as the Python that they are."""

_LINGER_SECONDS = 5.0
"""How long a client may take to read its last bytes."""


class Trail(Protocol):
    """The face of `gateway.trail.writer.TrailWriter` that sessions use."""

    @property
    def healthy(self) -> bool: ...
    def append(self, members: bytes) -> int: ...
    def barrier(self) -> asyncio.Future[None] | None: ...


@dataclass(frozen=True, slots=True)
class Services:
    """What every session of a server shares."""

    trail: Trail
    observer: Observer
    node: str
    worker: int
    catalogue_changed: Callable[[str], None]
    """Called with the name of the database after DDL was committed."""
    spawn: Callable[[Awaitable[Any], str], None]
    """Start a task by a name."""


@dataclass(slots=True)
class Identity:
    """Who a session is, for lists and records."""

    principal: str
    department: str
    roles: frozenset[str]
    database: str
    client: str
    pid: int
    secret: bytes
    session: str = field(default_factory=lambda: secrets.token_hex(8))
    started_us: int = field(default_factory=lambda: time.time_ns() // 1000)


class LiveSession:
    """Construct it, then `attach`. `over` is called once, when both transports are done with."""

    def __init__(
        self,
        services: Services,
        pool: Pool,
        lease: Lease,
        client: asyncio.Transport,
        conversation: Conversation,
        identity: Identity,
        over: Callable[[LiveSession], None],
    ) -> None:
        self.identity = identity
        self.conversation = conversation
        self._services = services
        self._trail = services.trail
        self._observer = services.observer
        self._database = identity.database
        self._pool = pool
        self._lease = lease
        self._upstream = upstream = lease.upstream
        self._over = over
        self._channel = conversation.channel
        self._requests = conversation.requests
        self._replies = conversation.replies
        self._client_side = Side(client, self._from_client, self._client_lost)
        self._server_side = Side(upstream.transport, self._from_server, self._server_lost)
        self._to_client = client.write
        self._to_server = upstream.transport.write
        self._request_cost = 0
        self._boundary = True
        """Whether what the client has got ends with a whole message, so that one of ours may follow."""
        self._held: list[bytes] | None = None
        self._draining = False
        self._ended = False
        self._barrier: asyncio.Future[None] | None = None
        self._waits_since = 0
        """When the first record that is waited for was made, in nanoseconds of the clock of `time.perf_counter_ns`."""
        self._held_governed = False
        """Whether anything governed is among what waits for its record."""
        self._withheld: Withheld | None = None
        """A result that could not be recorded, until its batch is over."""
        self._fragment = b""
        self._actor: str | None = None
        self._refragment(self._channel.state.actor)

    def attach(self, rest: bytes) -> None:
        """Begin; `rest`: what the client has sent behind its login."""
        join(self._client_side, self._server_side)
        left = self._upstream.inbox.take()
        self._server_side.attach(left)
        self._client_side.attach(rest)

    # -- the hot path -------------------------------------------------------------------------------------------------
    def _from_client(self, data: bytes) -> None:
        if self._ended:
            return
        began = time.perf_counter_ns()
        try:
            self._requests.feed(data, began)
        except Exception as exc:
            self._flush_requests()
            self._broken(exc)
            return
        self._flush_requests()
        self._request_cost = time.perf_counter_ns() - began
        self._observer.stage("read", self._request_cost / 1000)

    def _flush_requests(self) -> None:
        requests = self._requests
        out = requests.out
        if out:
            self._to_server(out[0] if len(out) == 1 else b"".join(out))
            out.clear()
        if requests.stalled:
            self._client_side.hold(WAITS_FOR_REPLIES)
        elif requests.ended:
            self.end("", reason="client")

    def _from_server(self, data: bytes) -> None:
        if self._ended:
            return
        began = time.perf_counter_ns()
        replies, channel = self._replies, self._channel
        try:
            replies.feed(data, began)
        except ProtocolViolation as exc:
            _log.error("database %s broke the protocol: %s", self._database, exc.message)
            self.end(exc.message, "08P01", reason="upstream")
            return
        if channel.completions and not self._record(began):
            return
        out = replies.out
        if out:
            chunk = out[0] if len(out) == 1 else b"".join(out)
            out.clear()
            if self._withheld is not None:
                self._withhold(self._withheld, chunk)
            elif self._held is not None:
                self._held.append(chunk)
            else:
                self._to_client(chunk)
                self._boundary = replies.at_boundary
        if replies.fatal or self._requests.stalled or channel.refresh_due or self._draining:
            self._aftermath(began)

    def _record(self, began: int) -> bool:
        """Make what the chunk completed durable. False: nothing of the chunk may leave, and that is dealt with."""
        channel, trail = self._channel, self._trail
        completions = channel.completions
        channel.completions = []
        if channel.application_changed:
            self._refragment(self._actor)
        at_us = time.time_ns() // 1000
        cost = self._request_cost
        recording = time.perf_counter_ns()
        overhead_us = (cost + recording - began) // 1000
        try:
            for done in completions:
                if done.actor != self._actor:
                    self._refragment(done.actor)
                plan = done.statement.fragment
                if done.denial is not None:  # perhaps by what only Bind, or the moment, tells
                    plan = record.denied(plan, done.denial.reason)
                trail.append(
                    record.statement(
                        self._fragment,
                        plan,
                        at_us=at_us,
                        id=done.number,
                        phase=done.phase,
                        rows=done.rows,
                        bytes_=done.size,
                        duration_us=(began - done.received) // 1000,
                        overhead_us=overhead_us,
                        sqlstate=done.sqlstate,
                        lookups=done.lookups,
                        subjects=done.subjects,
                    )
                )
            barrier = trail.barrier()
        except Exception as exc:
            if not isinstance(exc, TrailUnavailable):
                failed(_log, "a record could not be made", exc)
            # No trail, no data: but a denial, and what touches nothing governed, may go on.
            if self._withheld is not None or any(d.statement.governed and d.denial is None for d in completions):
                self._trail_failed(began)
                return False
            self._observer.trail_failed()
            barrier = None
        recorded = time.perf_counter_ns()
        if barrier is None:
            self._observer.stage("record", (recorded - recording) / 1000)
        else:
            self._wait_for(barrier, recording)
            self._held_governed = self._held_governed or any(d.statement.governed for d in completions)
        overhead_us = (cost + recorded - began) // 1000
        for done in completions:
            if done.phase != "open":
                upstream_us = (began - done.received - cost) // 1000
                self._observer.statement(
                    self._database,
                    done.statement,
                    done.rows,
                    done.size,
                    upstream_us if upstream_us > 0 else 0,
                    overhead_us,
                    self.identity.department,
                    done.sqlstate,
                )
                if done.denial is not None:
                    self._observer.denied(self._database, done.denial.reason)
        return True

    def _broken(self, exc: Exception) -> None:
        """The client's bytes led nowhere: its fault, or a mistake of ours that must not let anything through."""
        if isinstance(exc, MenshenError):
            self.end(exc.message, exc.sqlstate, exc.hint, reason="protocol")
            return
        failed(_log, f"a session of {self.identity.principal} failed", exc)
        self.end(refuse.INTERNAL.message, refuse.INTERNAL.sqlstate, reason="error")

    # -- the rest -----------------------------------------------------------------------------------------------------
    def _aftermath(self, now: int) -> None:
        channel = self._channel
        if channel.refresh_due:
            channel.refresh_due = False
            self._services.catalogue_changed(self._database)
        if self._replies.fatal:
            self.end("", reason="upstream")
            return
        if self._requests.stalled:
            try:
                resumed = self._requests.resume(now)
            except Exception as exc:
                self._broken(exc)
                return
            self._flush_requests()
            if resumed:
                self._client_side.release(WAITS_FOR_REPLIES)
        if self._draining:
            self.drain()

    def _wait_for(self, barrier: asyncio.Future[None], since: int) -> None:
        if self._held is None:
            self._waits_since = since
            self._held = []
            self._server_side.hold(WAITS_FOR_RECORD)
        # Barriers resolve in the order of the records; the last one releases everything that was held.
        self._barrier = barrier
        barrier.add_done_callback(self._durable)

    def _durable(self, barrier: asyncio.Future[None]) -> None:
        if self._ended or barrier is not self._barrier:
            return
        self._observer.stage("record", (time.perf_counter_ns() - self._waits_since) / 1000)
        failure = barrier.cancelled() or barrier.exception() is not None
        if failure and self._held_governed:
            self._trail_failed(time.perf_counter_ns())
            return
        if failure:
            self._observer.trail_failed()
        held, self._held, self._held_governed = self._held or [], None, False
        if held:
            self._to_client(b"".join(held))
            self._boundary = self._replies.at_boundary
        self._server_side.release(WAITS_FOR_RECORD)
        if self._replies.fatal or self._draining:
            self._aftermath(time.perf_counter_ns())

    def _trail_failed(self, now: int) -> None:
        """The database has answered and the record failed: the answer is withheld, the session goes on where it can."""
        self._observer.trail_failed()
        held, self._held, self._barrier, self._held_governed = self._held or [], None, None, False
        out = self._replies.out
        data = b"".join((*held, *out))
        out.clear()
        self._server_side.release(WAITS_FOR_RECORD)
        if not self._boundary:
            self._end_without_record()
            return
        self._withheld = self._withheld or Withheld(refuse.response(refuse.NO_RECORD))
        self._withhold(self._withheld, data)
        if not self._ended:
            self._aftermath(now)

    def _withhold(self, withheld: Withheld, data: bytes) -> None:
        leaves = withheld.feed(data)
        outcome = withheld.outcome
        if outcome is Outcome.LOST or (outcome is Outcome.ABORT and self._channel.in_flight):
            self._end_without_record()
            return
        if leaves:
            self._to_client(leaves)
        if outcome is not Outcome.MORE:
            self._withheld = None
        if outcome is Outcome.ABORT:
            self._to_server(self._requests.abort(refuse.NO_RECORD))

    def _end_without_record(self) -> None:
        denial = refuse.NO_RECORD
        self.end(denial.message, denial.sqlstate, denial.hint, reason="trail")

    def _refragment(self, actor: str | None) -> None:
        channel, identity = self._channel, self.identity
        channel.application_changed = False
        self._actor = actor
        self._fragment = record.session_fragment(
            node=self._services.node,
            worker=self._services.worker,
            session=identity.session,
            principal=identity.principal,
            department=identity.department,
            roles=identity.roles,
            client=identity.client,
            application=channel.parameters.get("application_name", ""),
            database=identity.database,
            actor=actor,
        )

    @property
    def fragment(self) -> bytes:
        """The members of a record that say who this session is."""
        return self._fragment

    @property
    def actor(self) -> str | None:
        """The end user that the session acts for now; claimed."""
        return self._channel.state.actor

    @property
    def backend_pid(self) -> int:
        """The database's process id of this session's connection."""
        return self._upstream.pid

    def cancel(self) -> None:
        """Cancel what runs for the client; nothing where nothing runs."""
        if self.conversation.in_flight and not self._ended:
            self._services.spawn(self._pool.backend.cancel(self._upstream), "cancel")

    # -- the end ------------------------------------------------------------------------------------------------------
    def drain(self) -> None:
        """End as soon as nothing is under way."""
        self._draining = True
        if self.conversation.idle and self._held is None:
            self.terminate()

    def terminate(self) -> None:
        """End now, as PostgreSQL does on a fast shutdown."""
        self.end(
            "terminating connection due to administrator command",
            "57P01",
            "The gateway is stopping; connect again.",
            reason="shutdown",
        )

    def kill(self, message: str) -> None:
        """End now because somebody decided so (a suspended principal)."""
        self.end(message, "57P01", reason="killed")

    def _client_lost(self, exc: Exception | None) -> None:
        self.end("", reason="client")

    def _server_lost(self, exc: Exception | None) -> None:
        self.end(
            f'database "{self._database}" closed the connection',
            "08006",
            "Connect again; what was not committed is lost.",
            reason="upstream",
        )

    def end(self, message: str, sqlstate: str = "57P01", hint: str = "", *, reason: str) -> None:
        """Both connections end; the client is told `message` as a FATAL error where there is one."""
        if self._ended:
            return
        self._ended = True
        client = self._client_side.transport
        self._pool.give_back(self._lease, self._left(reason))
        if not client.is_closing():
            if self._held:
                # Not durable: withheld, and nothing of ours may follow in the middle of it.
                self._boundary = False
            if message and self._boundary:
                client.write(error_response(message, sqlstate, severity="FATAL", hint=hint))
            client.close()
            asyncio.get_running_loop().call_later(_LINGER_SECONDS, _abort, client)
        self._over(self)
        self._channel.cut_off(sqlstate if message else "08006")
        self._record_end(reason)

    def _left(self, reason: str) -> Left:
        """Only a session that its client ended, between two chunks of bytes, leaves a connection of which we know where
        its messages end."""
        channel = self._channel
        skip, partial = self._replies.unfinished
        return Left(
            framed=reason == "client" and not self._requests.torn and not self._replies.fatal,
            busy=channel.in_flight,
            quiet=self.conversation.quiet,
            skip=skip,
            partial=partial,
            parameters=channel.parameters,
        )

    def _record_end(self, reason: str) -> None:
        """What was under way, as far as it came, and that the session is over."""
        channel = self._channel
        left, channel.completions = channel.completions, []
        at_us, now = time.time_ns() // 1000, time.perf_counter_ns()
        try:
            for done in left:
                if done.actor != self._actor:
                    self._refragment(done.actor)
                self._trail.append(
                    record.statement(
                        self._fragment,
                        done.statement.fragment,
                        at_us=at_us,
                        id=done.number,
                        phase=done.phase,
                        rows=done.rows,
                        bytes_=done.size,
                        duration_us=(now - done.received) // 1000,
                        overhead_us=0,
                        sqlstate=done.sqlstate,
                        lookups=done.lookups,
                        subjects=done.subjects,
                    )
                )
                self._observer.statement(
                    self._database, done.statement, done.rows, done.size, (now - done.received) // 1000, 0,
                    self.identity.department, done.sqlstate,
                )  # fmt: skip
            self._trail.append(
                record.event(
                    "logout",
                    at_us=at_us,
                    session=self._fragment,
                    fields={"reason": reason, "duration_us": at_us - self.identity.started_us},
                )
            )
        except TrailUnavailable:
            # No data hangs on this record; the writer reports its own state.
            self._observer.trail_failed()


def _abort(transport: asyncio.Transport) -> None:
    """After `close` a peer that does not read would keep the buffer for ever; harmless where all is gone."""
    transport.abort()
