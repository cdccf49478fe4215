"""The connections to one database: leased to a session, brought back to a clean state behind it, kept for the next.

A lease holds a place (`queue.py`) from the client's turn until its connection is clean or closed, so there are never
more connections than `size`. What was not verified (`reset.py`) within its time is closed. Metrics read `figures`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.postgres.backend import Backend, Upstream, terminate
from adapters.postgres.dsn import Credentials
from adapters.postgres.pool.queue import Places, Ticket
from adapters.postgres.pool.reset import CLEAN, UNTOUCHED, Chance, Identity, Left, Reset
from adapters.postgres.pool.shelf import Key, Shelf
from adapters.postgres.pool.watch import Watch
from gateway.errors import UpstreamUnavailable
from gateway.net.inbox import Inbox

_log = logging.getLogger(__name__)

_LINGER_SECONDS = 5.0
_SWEEP_SECONDS = 1.0
_CANCEL_AGAIN_SECONDS = 1.0
_SHARES: Final = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class PoolRules:
    """Numbers of connections, and times in seconds; the keys of `[databases.NAME.pool]`."""

    size: int = 100
    per_principal: int = 0
    """0: no cap."""
    idle: int = 0
    """Connections that are kept without a session; 0: none is ever used again."""
    wait_seconds: float = 10.0
    idle_seconds: float = 300.0
    lifetime_seconds: float = 3600.0
    check_seconds: float = 30.0
    """A connection that nobody used for so long is asked before it is handed out."""
    reset_seconds: float = 5.0


@dataclass(eq=False, slots=True)
class Lease:
    """One session's connection; `give_back` ends it."""

    ticket: Ticket
    key: Key
    upstream: Upstream


@dataclass(frozen=True, slots=True)
class Figures:
    """The pool at this moment, and its counts since the start."""

    limit: int
    open: int
    active: int
    """Connections that sessions hold."""
    idle: int
    waiting: int
    opened: int
    reused: int
    resets: Mapping[str, int]
    """Verdict → resets; `clean` is the good one."""
    closed: Mapping[str, int]
    """Reason → connections."""

    def numbers(self) -> dict[str, int]:
        """What can be added up over workers."""
        return {
            "limit": self.limit,
            "open": self.open,
            "active": self.active,
            "idle": self.idle,
            "waiting": self.waiting,
            "opened": self.opened,
            "reused": self.reused,
            "not_clean": sum(count for verdict, count in self.resets.items() if verdict != CLEAN),
        }


def _drain(upstream: Upstream) -> None:
    """Replies go nowhere from now on, and the database must not wait for us to read them."""
    if not upstream.transport.is_closing():
        upstream.transport.set_protocol(asyncio.Protocol())
        upstream.transport.resume_reading()


@dataclass(slots=True)
class _Counts:
    opened: int = 0
    reused: int = 0
    resets: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)


class Pool:
    """`spawn` starts a task by a name."""

    def __init__(
        self,
        backend: Backend,
        rules: PoolRules,
        *,
        spawn: Callable[[Awaitable[Any], str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.backend = backend
        self.rules = rules
        self._spawn = spawn
        self._clock = clock
        self._places = Places(rules.size, rules.per_principal)
        self._turns: dict[Ticket, asyncio.Future[None]] = {}
        self._shelf: Shelf[Upstream] = Shelf()
        self._open: dict[Upstream, float] = {}
        """Every connection that is open, and since when."""
        self._active = 0
        self._counts = _Counts()
        self._closing = False
        self._sweep_timer: asyncio.TimerHandle | None = None

    # -- in -----------------------------------------------------------------------------------------------------------
    async def lease(self, principal: str, settings: Mapping[str, str], login: Credentials | None = None) -> Lease:
        """A connection with these startup parameters, in a state as if it had just been made. UpstreamUnavailable.

        `login`: another role than the DSN's."""
        user = self.backend.dsn.user if login is None else login.user
        key = (principal, tuple(sorted({**settings, "user": user}.items())))
        ticket = await self._place(principal)
        try:
            upstream = await self._kept(key)
            if upstream is None:
                self._make_room()
                upstream = await self.backend.connect(settings, login)
                self._open[upstream] = self._clock()
                self._counts.opened += 1
        except BaseException:
            self._leave(ticket)
            raise
        self._active += 1
        return Lease(ticket, key, upstream)

    async def _place(self, principal: str) -> Ticket:
        ticket = self._places.ask(principal)
        if ticket.granted:
            return ticket
        turn = self._turns[ticket] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self.rules.wait_seconds):
                await turn
        except TimeoutError:
            self._leave(ticket)
            raise self._full(principal) from None
        except BaseException:
            self._leave(ticket)
            raise
        finally:
            self._turns.pop(ticket, None)
        return ticket

    def _full(self, principal: str) -> UpstreamUnavailable:
        rules, name = self.rules, self.backend.name
        hint = f"Try again later; clients wait {rules.wait_seconds:g} s for a connection. Operators: see "
        if rules.per_principal and self._places.held(principal) >= rules.per_principal:
            message = f'all {rules.per_principal} connections to "{name}" that "{principal}" may have are in use'
            return UpstreamUnavailable(message, sqlstate="53300", hint=hint + "pool.per_principal.")
        message = f'all {rules.size} connections to database "{name}" are in use'
        return UpstreamUnavailable(message, sqlstate="53300", hint=hint + "pool.size.")

    async def _kept(self, key: Key) -> Upstream | None:
        """One that fits from the shelf, asked where it lay there for long."""
        while (parked := self._shelf.take(key)) is not None:
            upstream = parked.connection
            if upstream.transport.is_closing():
                self._close(upstream, "lost")
                continue
            if self._clock() - parked.since > self.rules.check_seconds:
                verdict = await self._reset(upstream, UNTOUCHED, self._take_over(upstream), key)
                if verdict != CLEAN:
                    self._close(upstream, "check")
                    continue
            else:
                self._take_over(upstream)
            if upstream.transport.is_closing():
                self._close(upstream, "lost")
                continue
            upstream.transport.pause_reading()
            self._counts.reused += 1
            return upstream
        return None

    def _make_room(self) -> None:
        """Each place that is taken has a connection or will have one; what is kept takes what they leave."""
        while len(self._shelf) and self._places.taken + len(self._shelf) > self.rules.size:
            self._give_up("evicted")

    def _give_up(self, reason: str) -> None:
        parked = self._shelf.take_oldest()
        if parked is not None:
            self._close(parked.connection, reason)

    # -- out ----------------------------------------------------------------------------------------------------------
    def give_back(self, lease: Lease, left: Left) -> None:
        """The session is over. Its connection is cleaned and kept, or closed; its place is free after that."""
        upstream = lease.upstream
        self._active -= 1
        inbox = self._take_over(upstream)
        upstream.parameters.update(left.parameters)
        if upstream.transport.is_closing():
            self._close(upstream, "lost")
            self._leave(lease.ticket)
        elif left.busy or self._wanted(upstream, left):
            if not self._wanted(upstream, left):
                _drain(upstream)
            self._spawn(self._bring_back(lease, left, inbox), "reset")
        else:
            self._close(upstream, "unwanted")
            self._leave(lease.ticket)

    def _wanted(self, upstream: Upstream, left: Left) -> bool:
        young = self._clock() - self._open[upstream] < self.rules.lifetime_seconds
        return left.framed and young and self.rules.idle > 0 and not self._closing

    async def _bring_back(self, lease: Lease, left: Left, inbox: Inbox) -> None:
        """The database may still work for the client that is gone: stop that, or its locks would stay."""
        upstream = lease.upstream
        reason = "unwanted"
        try:
            if left.busy:
                await self.backend.cancel(upstream)
            if self._wanted(upstream, left):
                verdict = await self._reset(upstream, left, inbox, lease.key)
                reason = "" if verdict == CLEAN and self._wanted(upstream, left) else "reset"
                if verdict == "timeout":  # what was sent behind the cancelled statement runs now
                    await self.backend.cancel(upstream)
        except BaseException:
            reason = "reset"
            raise
        finally:
            if reason:
                self._close(upstream, reason)
            else:
                self._park(upstream, lease.key)
            self._leave(lease.ticket)

    async def _reset(self, upstream: Upstream, left: Left, inbox: Inbox, key: Key) -> str:
        """The verdict of the dialogue, which is counted; `timeout`, `lost` or `cancel` where it did not come to one."""
        verdict = await self._verdict(upstream, left, inbox, key)
        self._counts.resets[verdict] += 1
        return verdict

    async def _verdict(self, upstream: Upstream, left: Left, inbox: Inbox, key: Key) -> str:
        settings = {name.lower(): value for name, value in key[1]}
        identity = Identity(settings["user"], settings.get("role", ""))
        chance = Chance(secrets.token_hex(16), secrets.token_hex(16), _SHARES.uniform(-1, 1))
        reset = Reset(left, identity, chance)
        try:
            async with asyncio.timeout(self.rules.reset_seconds):
                # A cancel that is answered hits nothing after the round trip that follows.
                if not await upstream.cancels.settled():
                    return "cancel"
                upstream.transport.write(reset.request)
                quiet = await self._answered(upstream, inbox, reset, left.busy)
        except TimeoutError:
            return "timeout"
        upstream.parameters.update(reset.parameters)
        return reset.verdict or "lost" if quiet else "cancel"

    async def _answered(self, upstream: Upstream, inbox: Inbox, reset: Reset, busy: bool) -> bool:
        """Read until there is a verdict, or the database is gone; False where a cancel may still arrive after that.

        A cancel that comes before the backend has read the statement is lost, and nobody is told: while a `busy`
        database is silent it is sent again, and that connection is not kept."""
        quiet = True
        while reset.verdict is None:
            try:
                async with asyncio.timeout(_CANCEL_AGAIN_SECONDS if busy and not reset.begun else None):
                    data = await inbox.read()
            except TimeoutError:
                quiet = False
                await self.backend.cancel(upstream)
                continue
            if not data:
                break
            reset.feed(data)
        return quiet

    def _park(self, upstream: Upstream, key: Key) -> None:
        self._shelf.put(upstream, key, self._clock())
        upstream.transport.set_protocol(Watch(upstream.parameters, lambda: self._gone(upstream)))
        while len(self._shelf) > self.rules.idle:
            self._give_up("surplus")
        if self._sweep_timer is None:
            self._sweep_timer = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep)

    def _take_over(self, upstream: Upstream) -> Inbox:
        """From here on the connection's bytes come to us."""
        watch = upstream.transport.get_protocol()
        upstream.inbox = inbox = Inbox()
        inbox.connection_made(upstream.transport)
        if isinstance(watch, Watch):
            inbox.data_received(watch.rest())
        upstream.transport.set_protocol(inbox)
        if not upstream.transport.is_closing():
            upstream.transport.resume_reading()
        return inbox

    def _gone(self, upstream: Upstream) -> None:
        """A kept connection ended, or said what it must not say."""
        if self._shelf.remove(upstream) is not None:
            self._close(upstream, "lost")

    def _sweep(self) -> None:
        now, rules = self._clock(), self.rules
        for parked in self._shelf:
            old = now - self._open[parked.connection] >= rules.lifetime_seconds
            if old or now - parked.since >= rules.idle_seconds:
                self._shelf.remove(parked.connection)
                self._close(parked.connection, "lifetime" if old else "idle")
        again = len(self._shelf) and not self._closing
        self._sweep_timer = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep) if again else None

    def _close(self, upstream: Upstream, reason: str) -> None:
        del self._open[upstream]
        self._counts.closed[reason] += 1
        transport = upstream.transport
        _drain(upstream)
        terminate(transport)
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, transport.abort)

    def _leave(self, ticket: Ticket) -> None:
        for granted in self._places.leave(ticket):
            turn = self._turns.get(granted)
            if turn is not None and not turn.done():
                turn.set_result(None)

    def abort(self, lease: Lease) -> None:
        """The session never began: nothing is known of the connection."""
        self._active -= 1
        self._close(lease.upstream, "unwanted")
        self._leave(lease.ticket)

    # -- life ---------------------------------------------------------------------------------------------------------
    def close(self) -> None:
        """Keep nothing from now on; sessions go on."""
        self._closing = True
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        while len(self._shelf):
            self._give_up("shutdown")

    @property
    def open(self) -> int:
        """Connections to the database."""
        return len(self._open)

    @property
    def waiting(self) -> int:
        """Clients that wait for a place."""
        return self._places.waiting

    def pids(self) -> frozenset[int]:
        """The database's process ids of all connections."""
        return frozenset(upstream.pid for upstream in self._open)

    def figures(self) -> Figures:
        counts = self._counts
        return Figures(
            self.rules.size,
            len(self._open),
            self._active,
            len(self._shelf),
            self._places.waiting,
            counts.opened,
            counts.reused,
            dict(counts.resets),
            dict(counts.closed),
        )
