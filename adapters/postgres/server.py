"""The PostgreSQL server that clients see: listeners, logins, the sessions that run, cancel, drain.

The face for `gateway.app`: construct `PostgresServer`, `start`, later `drain` and `stop`; `sessions` lists them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from adapters.postgres.backend import Backend
from adapters.postgres.dsn import parse_dsn
from adapters.postgres.live import Identity, LiveSession, Services, Trail
from adapters.postgres.login import Authenticator, Caller, Cancel, TlsRequiredError, greet, opening_of
from adapters.postgres.plan import Planner, SessionState
from adapters.postgres.pool.pool import Figures, Lease, Pool, PoolRules
from adapters.postgres.session.channel import Checks, Limits
from adapters.postgres.session.conversation import Conversation
from adapters.postgres.session.startup import InvalidLoginError, Startup, admit
from adapters.postgres.wire import auth
from adapters.postgres.wire.responses import READY_IDLE, error_response, key_data, parameter_status
from adapters.postgres.wire.scram import Mock
from adapters.postgres.wire.startup import ALPN_PROTOCOL, NotStartupError
from gateway.errors import (
    AuthenticationFailed,
    Denied,
    MenshenError,
    ProtocolViolation,
    PurposeRefused,
    TrailUnavailable,
    Unsupported,
    UpstreamUnavailable,
)
from gateway.log import failed
from gateway.model import Mask, Principal
from gateway.net.crowd import BarredError, Crowd, CrowdRules, Entry, Gate, Local, TooManyError
from gateway.net.listener import Listener, Turns
from gateway.net.observer import Observer
from gateway.net.tasks import Tasks
from gateway.net.tls import ServerContext, ServerTls, server_context
from gateway.policy.lookups import LookupLedger
from gateway.trail import record

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listen:
    """One address; `tls` None: TLS is not offered."""

    host: str = "127.0.0.1"
    port: int = 6432
    tls: ServerTls | None = None
    sockets: tuple[socket.socket, ...] = ()
    """Sockets that listen there already and are shared with other workers; none: the server makes its own."""


@dataclass(frozen=True, slots=True)
class DatabaseTarget:
    """A database by the name that clients connect to."""

    dsn: str = field(repr=False)
    planner: Planner
    pool: PoolRules = field(default_factory=PoolRules)
    connect_timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class ServerLimits:
    startup_seconds: float = 10.0
    auth_seconds: float = 15.0
    session: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What sessions ask of the policy besides the planner."""

    looks_masked: Callable[[Mask | None, str], bool]
    lookup_hash: Callable[[str, str], str]
    """Keyed hash of (data class, value)."""
    ledger: LookupLedger = field(default_factory=LookupLedger)


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One line of the list of sessions."""

    session: str
    principal: str
    department: str
    database: str
    client: str
    purpose: str | None
    application: str
    started_us: int
    busy: bool


class PostgresServer:
    """All listeners and sessions of one worker."""

    def __init__(
        self,
        listen: tuple[Listen, ...],
        databases: Mapping[str, DatabaseTarget],
        *,
        principals: Callable[[str], Principal | None],
        trail: Trail,
        observer: Observer,
        judgement: Judgement,
        limits: ServerLimits | None = None,
        node: str = "",
        worker: int = 0,
        catalogue_changed: Callable[[str], None] = lambda database: None,
        admission: Callable[[str, str | None], None] = lambda principal, actor: None,
        turns: Turns | None = None,
        cancel_elsewhere: Callable[[int, bytes], None] = lambda pid, secret: None,
        mock: Mock | None = None,
        gate: Gate | None = None,
    ) -> None:
        """Raises ValueError for a DSN, OSError or ssl.SSLError for TLS files that cannot be used.

        `admission`: asked with principal and actor after each authentication; raises MenshenError to refuse it.

        `catalogue_changed`: called with a database's name after DDL was committed through the gateway.

        `turns`: which worker takes the next connection. `cancel_elsewhere`: told of cancel requests (process id, key)
        for sessions of other workers. `mock`: verifiers of users that are not there; None: some of this process.
        `gate`: counts clients and failed logins, of all workers; None: those of this one."""
        self._limits = limits or ServerLimits()
        self._targets = databases
        self._admission = admission
        self._turns = turns
        self._cancel_elsewhere = cancel_elsewhere
        self._mock = mock or Mock(secrets.token_bytes(32))
        self._gate = gate or Local(Crowd(CrowdRules()))
        self._trail = trail
        self._observer = observer
        self._tasks = Tasks()
        self._services = Services(trail, observer, node, worker, catalogue_changed, self._spawn)
        healthy, look_up = lambda: trail.healthy, judgement.ledger.spend
        self._checks = Checks(healthy, judgement.looks_masked, judgement.lookup_hash, _broke, look_up)
        self._pools = {name: self._pool(name, target) for name, target in databases.items()}
        self._live: dict[str, LiveSession] = {}
        self._by_pid: dict[int, list[LiveSession]] = {}
        """By the process id in their cancel keys: two databases may give the same."""
        self._logging_in = 0
        self._draining = False
        self._empty = asyncio.Event()
        self._listeners = [self._listener(one, principals) for one in listen]

    def _listener(self, listen: Listen, principals: Callable[[str], Principal | None]) -> Listener:
        tls = None if listen.tls is None else server_context(replace(listen.tls, alpn=ALPN_PROTOCOL))
        door = Authenticator(principals, tls, self._mock)
        return Listener(
            listen.host,
            listen.port,
            lambda sock: self._serve(sock, tls, door),
            sockets=listen.sockets,
            turns=self._turns,
        )

    def _pool(self, name: str, target: DatabaseTarget) -> Pool:
        return Pool(_backend(name, target), target.pool, spawn=self._spawn)

    def _spawn(self, work: object, name: str) -> None:
        self._tasks.start(cast(Coroutine[Any, Any, Any], work), name=name)

    # -- life ---------------------------------------------------------------------------------------------------------
    @property
    def ports(self) -> tuple[int, ...]:
        return tuple(listener.port for listener in self._listeners)

    async def start(self) -> None:
        """Raises OSError where an address cannot be had."""
        for listener in self._listeners:
            await listener.start()

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 - a promise to the operator, not a cancellation
        """No new connections; idle sessions end, busy ones finish their transaction within `timeout` seconds."""
        self._draining = True
        self._close_pools()
        for listener in self._listeners:
            await listener.stop_accepting()
        for session in list(self._live.values()):
            session.drain()
        if self._live:
            self._empty.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), timeout)

    async def retire(self) -> None:
        """No new connections; those that are in go on until they end by themselves."""
        self._close_pools()
        for listener in self._listeners:
            await listener.stop_accepting()
        for listener in self._listeners:
            await listener.finish()
        while self._live:
            self._empty.clear()
            await self._empty.wait()

    @property
    def load(self) -> int:
        """Clients that are in, or are coming in."""
        return len(self._live) + self._logging_in

    async def stop(self) -> None:
        """End whatever is left."""
        self._draining = True
        self._close_pools()
        for listener in self._listeners:
            await listener.stop()
        for session in list(self._live.values()):
            session.terminate()
        # Cancels and goodbyes to the database are on their way.
        await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._tasks.join()
        await self._tasks.cancel()

    def _close_pools(self) -> None:
        for pool in self._pools.values():
            pool.close()

    def sessions(self) -> list[SessionInfo]:
        return [_info(session) for session in self._live.values()]

    def kill(self, session: str, message: str) -> bool:
        """End the session of this id; False where there is none."""
        found = self._live.get(session)
        if found is not None:
            found.kill(message)
        return found is not None

    def end_sessions(self, principal: str, actor: str | None, message: str) -> int:
        """End all sessions of a principal (with `actor`: those that act for it now); gives how many there were."""
        found = [
            live
            for live in self._live.values()
            if live.identity.principal == principal and (actor is None or live.actor == actor)
        ]
        for live in found:
            live.kill(message)
        return len(found)

    def backend_pids(self) -> frozenset[int]:
        """The databases' process ids of all connections, of those too that no session holds now."""
        return frozenset().union(*(pool.pids() for pool in self._pools.values()))

    def pools(self) -> dict[str, Figures]:
        """This worker's connections, by database."""
        return {name: pool.figures() for name, pool in self._pools.items()}

    # -- one connection -----------------------------------------------------------------------------------------------
    async def _serve(self, sock: socket.socket, tls: ServerContext | None, door: Authenticator) -> None:
        visit = _Visit(sock)
        self._logging_in += 1
        try:
            await self._login(visit, tls, door)
        except MenshenError as exc:
            self._turn_away(visit, exc)
        except TimeoutError:
            self._failed(visit, "timeout")
            visit.close()
        except (ConnectionError, OSError):
            visit.close()
        except asyncio.CancelledError:
            visit.close()
            raise
        except Exception as exc:
            failed(_log, "a login failed by a mistake of ours", exc)
            self._turn_away(visit, MenshenError("internal error of the gateway"))
        finally:
            self._logging_in -= 1
            if visit.entered and not visit.is_in:
                self._gate.leave(visit.client, visit.principal)

    async def _login(self, visit: _Visit, tls: ServerContext | None, door: Authenticator) -> None:
        entry = await self._gate.enter(visit.client)
        visit.entered = not entry.refused
        async with asyncio.timeout(self._limits.startup_seconds):
            caller = await greet(visit.sock, tls, visit.opened)
        if caller is None:
            visit.close()
            return
        if isinstance(caller, Cancel):  # it must work when all places are taken, too
            self._cancel(caller)
            visit.close()
            return
        opening = opening_of(caller)
        visit.user, visit.database = opening.user, opening.database
        _let_in(entry, opening.user)
        async with asyncio.timeout(self._limits.auth_seconds):
            caller.transport.write(caller.message.negotiation)
            try:
                principal, frames = await door.authenticate(caller, opening)
            except AuthenticationFailed:
                self._gate.failed(visit.client, opening.user)
                raise
        self._admission(principal.name, opening.actor)
        if not await self._gate.admit(principal.name):
            raise TooManyError(
                f'too many connections of "{principal.name}"', hint="See limits.max_connections_per_principal."
            )
        visit.principal = principal.name
        pool, state = self._open_door(opening, principal)
        settings = admit(opening, unrestricted=self._targets[opening.database].planner.is_unrestricted(state))
        login = self._targets[opening.database].planner.login(state)
        lease = await pool.lease(principal.name, settings, login)
        try:
            self._begin(caller, pool, lease, state, visit, frames.rest())
        except BaseException:
            pool.abort(lease)
            raise

    def _open_door(self, opening: Startup, principal: Principal) -> tuple[Pool, SessionState]:
        target = self._targets.get(opening.database)
        if target is None:
            raise UpstreamUnavailable(
                f'database "{opening.database}" does not exist',
                sqlstate="3D000",
                hint="The gateway serves: " + ", ".join(sorted(self._targets)) + ".",
            )
        wanted = opening.purpose if opening.purpose is not None else principal.default_purpose
        purpose = target.planner.startup_purpose(principal, wanted)
        path = opening.search_path
        state = SessionState(
            principal, opening.database, purpose, opening.actor, path, purpose, opening.actor, path
        )  # fmt: skip
        return self._pools[opening.database], state

    def _begin(
        self,
        caller: Caller,
        pool: Pool,
        lease: Lease,
        state: SessionState,
        visit: _Visit,
        early: bytes,
    ) -> None:
        """The client is told that it is in, and its session runs."""
        principal, upstream = state.principal, lease.upstream
        # Asked again: the account may have been suspended while its connection to the database was made.
        self._admission(principal.name, state.actor)
        identity = Identity(
            principal.name, principal.department, principal.roles, state.database, visit.client,
            upstream.pid, secrets.token_bytes(caller.message.key_length),
        )  # fmt: skip
        parameters = dict(upstream.parameters)
        conversation = Conversation(
            self._targets[state.database].planner, state, self._checks, self._limits.session, parameters
        )
        session = LiveSession(self._services, pool, lease, caller.transport, conversation, identity, self._session_over)
        self._record_login(session, state, tls=caller.tls)
        self._live[identity.session] = session
        self._by_pid.setdefault(identity.pid, []).append(session)
        visit.is_in = True
        self._observer.connection_opened(state.database)
        greeting = [auth.OK]
        greeting += [parameter_status(name, value) for name, value in parameters.items()]
        greeting += [key_data(identity.pid, identity.secret), READY_IDLE]
        caller.transport.write(b"".join(greeting))
        caller.transport.pause_reading()
        session.attach(early + caller.inbox.take())
        if self._draining:
            session.drain()

    def _record_login(self, session: LiveSession, state: SessionState, *, tls: bool) -> None:
        fields: dict[str, record.FieldValue] = {"purpose": state.purpose, "tls": tls}
        try:
            self._trail.append(
                record.event("login", at_us=time.time_ns() // 1000, session=session.fragment, fields=fields)
            )
        except TrailUnavailable:
            # A login is no data: its governed statements are denied as long as the trail cannot be written.
            self._observer.trail_failed()

    def _session_over(self, session: LiveSession) -> None:
        if self._live.pop(session.identity.session, None) is None:
            return
        same = self._by_pid[session.identity.pid]
        same.remove(session)
        if not same:
            del self._by_pid[session.identity.pid]
        self._observer.connection_closed(session.identity.database)
        self._gate.leave(session.identity.client, session.identity.principal)
        if not self._live:
            self._empty.set()

    def _cancel(self, request: Cancel) -> None:
        """Unknown keys are ignored, silently, in the same time."""
        if not self.cancel(request):
            self._cancel_elsewhere(request.pid, request.secret)

    def cancel(self, request: Cancel) -> bool:
        """Whether the request is for a session of this worker, whose statement is cancelled then.

        The process id in a key is the database's own: drivers show it, compare it with those of notifications and give
        it to pg_terminate_backend. Only the secret is the gateway's."""
        found = None
        for session in self._by_pid.get(request.pid, ()):
            if secrets.compare_digest(session.identity.secret, request.secret):
                found = session
        if found is not None:
            found.cancel()
        return found is not None

    # -- refusals -----------------------------------------------------------------------------------------------------
    def _turn_away(self, visit: _Visit, exc: MenshenError) -> None:
        self._failed(visit, _reason(exc))
        if isinstance(exc, NotStartupError):
            visit.close()
            return
        visit.close(error_response(exc.message, exc.sqlstate, severity="FATAL", hint=exc.hint, detail=exc.detail))

    def _failed(self, visit: _Visit, reason: str) -> None:
        database = visit.database if visit.database in self._targets else ""
        self._observer.login_failed(database, reason)
        fields: dict[str, record.FieldValue] = {
            "client": visit.client,
            "principal": visit.user or None,
            "database": visit.database or None,
            "reason": reason,
        }
        try:
            self._trail.append(record.event("login_failed", at_us=time.time_ns() // 1000, fields=fields))
        except TrailUnavailable:
            self._observer.trail_failed()


class _Visit:
    """A connection that is not a session yet: its socket, later its transport."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.user = ""
        self.database = ""
        self.client = _address(sock)
        self.entered = False
        """The gate counts it, and as one of `principal` where that is known."""
        self.principal = ""
        self.is_in = False
        """It is a session, and leaves when that is over."""
        self._transport: asyncio.Transport | None = None

    def opened(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def close(self, last_words: bytes = b"") -> None:
        if self._transport is None:
            with contextlib.suppress(OSError):
                if last_words:
                    self.sock.send(last_words)
            self.sock.close()
            return
        if last_words and not self._transport.is_closing():
            self._transport.write(last_words)
        self._transport.close()
        asyncio.get_running_loop().call_later(5.0, self._transport.abort)


def _let_in(entry: Entry, user: str) -> None:
    """Raises TooManyError and BarredError."""
    if entry.refused == "total":
        raise TooManyError("too many clients already", hint="See limits.max_connections.")
    if entry.refused:
        raise TooManyError("too many clients from this address", hint="See limits.max_connections_per_address.")
    if entry.barred_all or user in entry.barred:
        raise BarredError(
            "too many logins from this address have failed",
            hint="Mend the password of the program that fails, and wait a minute. See limits.failed_logins_per_minute.",
        )


def _broke(exc: Exception) -> None:
    failed(_log, "a message could not be judged", exc)


def _address(sock: socket.socket) -> str:
    try:
        address = sock.getpeername()
    except OSError:
        return "unknown"
    return str(address[0]) if isinstance(address, tuple) and address else "local"


def _backend(name: str, target: DatabaseTarget) -> Backend:
    try:
        dsn = parse_dsn(target.dsn)
    except ValueError as exc:
        raise ValueError(f"database {name}: {exc}") from None
    return Backend(name, dsn, timeout=target.connect_timeout_seconds)


def _info(session: LiveSession) -> SessionInfo:
    identity, channel = session.identity, session.conversation.channel
    return SessionInfo(
        identity.session,
        identity.principal,
        identity.department,
        identity.database,
        identity.client,
        channel.state.purpose,
        channel.parameters.get("application_name", ""),
        identity.started_us,
        session.conversation.in_flight,
    )


def _reason(exc: MenshenError) -> str:
    """The word for metrics and the record."""
    match exc:
        case AuthenticationFailed():
            return "password"
        case TlsRequiredError():
            return "tls_required"
        case BarredError():
            return "barred"
        case TooManyError():
            return "limit"
        case PurposeRefused():
            return "purpose"
        case MenshenError(sqlstate="28000") if not isinstance(exc, InvalidLoginError):
            return "suspended"
        case Denied() | Unsupported() | InvalidLoginError():
            return "startup_parameter"
        case ProtocolViolation():
            return "protocol"
        case TrailUnavailable():
            return "trail"
        case UpstreamUnavailable(sqlstate="3D000"):
            return "unknown_database"
        case UpstreamUnavailable(sqlstate="53300"):
            return "limit"
        case _:
            return "upstream"
