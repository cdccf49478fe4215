"""Connections to the database: where it is, TLS, authentication, start, cancel.

Who gets one, and what becomes of it afterwards, is the pool's business (`pool/pool.py`). Everything that goes wrong is
an `UpstreamUnavailable` with a text that is safe to show: it names the database as clients know it, never the DSN's
user, host or password.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import ssl
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.postgres.dsn import Attrs, Credentials, Dsn
from adapters.postgres.pool.cancels import Cancels
from adapters.postgres.wire import auth, responses, startup
from adapters.postgres.wire.framing import FrameBuffer, frame
from adapters.postgres.wire.scram import ScramClient, end_point_binding
from gateway.errors import AuthenticationFailed, MenshenError, ProtocolViolation, UpstreamUnavailable
from gateway.net.inbox import Inbox
from gateway.net.listener import receive_exactly
from gateway.net.tcp import tune
from gateway.net.tls import certificate_hash_name, client_context

_TLS_DEMANDED = ("require", "verify-ca", "verify-full")
_START_LIMIT = 1 << 20
_SHUN_SECONDS = 10.0
"""How long a host that failed is tried last."""
# The database is there and says when to come back: these reach the client as they are.
_PASSED_ON = frozenset(("57P03", "53300", "57P01", "57P02", "3D000", "22023", "42704", "22P02"))


@dataclass(eq=False, slots=True)
class Upstream:
    """A connection to the database that is ready for statements."""

    transport: asyncio.Transport
    inbox: Inbox
    parameters: dict[str, str]
    pid: int
    secret: bytes
    place: tuple[str, int]
    tls: bool
    cancels: Cancels = field(default_factory=Cancels)


class Backend:
    """One database: how to reach it."""

    def __init__(self, name: str, dsn: Dsn, *, timeout: float) -> None:
        """`name`: as clients know it. `timeout`: seconds to connect."""
        self.name = name
        self.dsn = dsn
        self._timeout = timeout
        self._shunned: dict[tuple[str, int], float] = {}
        """Hosts that failed, and until when they are tried last, by the loop's clock."""

    async def connect(self, parameters: Mapping[str, str], login: Credentials | None = None) -> Upstream:
        """A session with these startup parameters at the first host that will do. Raises UpstreamUnavailable.

        `login`: another role than the DSN's."""
        role = login or Credentials(self.dsn.user, self.dsn.password)
        failure: UpstreamUnavailable | None = None
        for place, attrs in self._candidates():
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._connect_place(place, parameters, attrs, role)
            except TimeoutError:
                failure = self._unavailable("it did not answer in time")
            except _OtherKindError as exc:
                # An answer all the same: what failed at another host tells more.
                failure = failure or self._unavailable(str(exc))
                continue
            except UpstreamUnavailable as exc:
                failure = exc
            except (OSError, MenshenError) as exc:
                failure = self._unavailable(_reason(exc))
            self._shunned[place] = asyncio.get_running_loop().time() + _SHUN_SECONDS
        assert failure is not None, "a DSN has a host"
        raise failure

    def _candidates(self) -> list[tuple[tuple[str, int], Attrs]]:
        """Hosts in the order in which they are tried, each with what it must be. One that failed a moment ago comes
        last, so that a dead host does not cost every client its time-out."""
        now = asyncio.get_running_loop().time()
        hosts = sorted(self.dsn.hosts, key=lambda place: self._shunned.get(place, 0.0) > now)
        if self.dsn.attrs is not Attrs.PREFER_STANDBY:
            return [(place, self.dsn.attrs) for place in hosts]
        return [(place, attrs) for attrs in (Attrs.STANDBY, Attrs.ANY) for place in hosts]

    def _unavailable(self, reason: str) -> UpstreamUnavailable:
        return UpstreamUnavailable(
            f'database "{self.name}" cannot be reached: {reason}',
            hint="The gateway is up; ask the database's operators, and try again.",
        )

    async def _connect_place(
        self, place: tuple[str, int], parameters: Mapping[str, str], attrs: Attrs, role: Credentials
    ) -> Upstream:
        mode = self.dsn.sslmode
        if mode != "allow":
            upstream = await self._start(place, parameters, role, tls=mode != "disable")
        else:
            try:
                upstream = await self._start(place, parameters, role, tls=False)
            except UpstreamUnavailable:
                upstream = await self._start(place, parameters, role, tls=True)
        if (mismatch := _mismatch(attrs, upstream.parameters, parameters)) is not None:
            terminate(upstream.transport)
            raise _OtherKindError(mismatch)
        return upstream

    async def _start(
        self, place: tuple[str, int], parameters: Mapping[str, str], role: Credentials, *, tls: bool
    ) -> Upstream:
        transport, inbox, encrypted = await self._open(place, tls=tls)
        try:
            transport.write(
                startup.encode_startup(
                    {"user": role.user, "database": self.dsn.database, **parameters}, self.dsn.protocol
                )
            )
            frames = FrameBuffer(_START_LIMIT)
            await self._authenticate(transport, inbox, frames, role)
            upstream = await self._until_ready(transport, inbox, frames)
            upstream.place, upstream.tls = place, encrypted
        except BaseException:
            transport.abort()
            raise
        return upstream

    async def _open(
        self, place: tuple[str, int], *, tls: bool, demanded: bool = False
    ) -> tuple[asyncio.Transport, Inbox, bool]:
        """A transport, in TLS where it is wanted and the database has it. `demanded`: or none at all, as where the
        DSN says so."""
        loop = asyncio.get_running_loop()
        sock = await _connected(place)
        try:
            context = None
            if tls and sock.family != socket.AF_UNIX:
                await loop.sock_sendall(sock, startup.SSL_REQUEST)
                if await receive_exactly(sock, 1) == b"S":
                    context = self._context()
                elif demanded or self.dsn.sslmode in _TLS_DEMANDED:
                    raise self._unavailable("it offers no TLS, which the gateway's configuration demands")
            inbox = Inbox()
            transport, _ = await loop.create_connection(
                lambda: inbox, sock=sock, ssl=context, server_hostname=place[0] if context is not None else None
            )
        except BaseException:
            sock.close()
            raise
        return transport, inbox, context is not None

    def _context(self) -> ssl.SSLContext:
        mode = self.dsn.sslmode
        verify = mode in ("verify-ca", "verify-full") or (mode == "require" and self.dsn.root is not None)
        return client_context(verify=verify, check_host=mode == "verify-full", root=self.dsn.root)

    async def _authenticate(
        self, transport: asyncio.Transport, inbox: Inbox, frames: FrameBuffer, role: Credentials
    ) -> None:
        scram: ScramClient | None = None
        kind, body = await self._next(inbox, frames)
        if kind == ord("v"):
            # At most once, and before all else.
            startup.negotiated(body, self.dsn.protocol)
            kind, body = await self._next(inbox, frames)
        while True:
            if kind != ord("R"):
                raise ProtocolViolation("it sent something else than an authentication message")
            match auth.decode(body):
                case auth.AuthenticationOk():
                    return
                case auth.CleartextPassword():
                    transport.write(auth.encode_password(role.password))
                case auth.MD5Password(salt):
                    transport.write(auth.encode_password(auth.md5_password(role.user, role.password, salt)))
                case auth.SASL(mechanisms):
                    nonce = secrets.token_urlsafe(18)
                    scram = ScramClient(mechanisms, role.password, nonce=nonce, binding=_binding(transport))
                    transport.write(auth.encode_initial_response(scram.mechanism, scram.first()))
                case auth.SASLContinue(data) if scram is not None:
                    # The proof costs milliseconds of hashing; the loop serves others meanwhile.
                    answer = await asyncio.to_thread(scram.final, data)
                    transport.write(auth.encode_response(answer))
                case auth.SASLFinal(data) if scram is not None:
                    scram.verify(data)
                case _:
                    raise AuthenticationFailed("it asks for an authentication method that the gateway does not speak")
            kind, body = await self._next(inbox, frames)

    async def _until_ready(self, transport: asyncio.Transport, inbox: Inbox, frames: FrameBuffer) -> Upstream:
        upstream = Upstream(transport, inbox, {}, 0, b"", ("", 0), False)
        while True:
            kind, body = await self._next(inbox, frames)
            if kind == ord("S"):
                name, value = responses.decode_parameter_status(body)
                upstream.parameters[name] = value
            elif kind == ord("K"):
                upstream.pid, upstream.secret = responses.decode_key(body)
            elif kind == ord("Z"):
                transport.pause_reading()
                inbox.data_received(frames.rest())
                return upstream
            elif kind != ord("N"):
                raise ProtocolViolation("it sent an unexpected message while it started the session")

    async def _next(self, inbox: Inbox, frames: FrameBuffer) -> tuple[int, bytes]:
        while (found := frames.pop()) is None:
            data = await inbox.read()
            if not data:
                raise ConnectionResetError("it closed the connection")
            frames.feed(data)
        if found[0] == ord("E"):
            raise self._refused(dict(responses.decode_error(found[1])))
        return found

    def _refused(self, fields: Mapping[str, str]) -> UpstreamUnavailable:
        sqlstate = fields.get("C", "XX000")
        if sqlstate in _PASSED_ON:
            return UpstreamUnavailable(fields.get("M", "the database refused the connection"), sqlstate=sqlstate)
        # 28P01 and the like are about the gateway's own login, which is nobody's business but the operators'.
        return self._unavailable(f"it refuses the gateway (SQLSTATE {sqlstate})")

    def cancel(self, upstream: Upstream) -> Coroutine[Any, Any, None]:
        """Ask the database to cancel what this connection runs; it gives no answer. Never raises for a failure.

        It counts from this call on, not from when it is awaited."""
        upstream.cancels.begin()
        return self._cancel(upstream)

    async def _cancel(self, upstream: Upstream) -> None:
        sent, answered = False, False
        try:
            with contextlib.suppress(OSError, TimeoutError, MenshenError):
                async with asyncio.timeout(self._timeout):
                    transport, inbox, _ = await self._open(upstream.place, tls=upstream.tls, demanded=upstream.tls)
                    try:
                        sent = True
                        transport.write(startup.encode_cancel(upstream.pid, upstream.secret))
                        # The server closes when it has sent the signal.
                        answered = await inbox.read() == b"" and not inbox.failed
                    finally:
                        transport.abort()
        finally:
            upstream.cancels.end(certain=answered or not sent)


class _OtherKindError(Exception):
    """The host answers and is not what the DSN asks for."""


def _mismatch(attrs: Attrs, reported: Mapping[str, str], given: Mapping[str, str]) -> str | None:
    """Why a session is not what `target_session_attrs` wants; libpq's rules over what PostgreSQL 14 and later report.

    `given`: the client's own startup parameters. `default_transaction_read_only` among them is the session's, and says
    nothing about the server."""
    if attrs is Attrs.ANY:
        return None
    standby = reported.get("in_hot_standby")
    default = reported.get("default_transaction_read_only")
    if standby is None or default is None:
        return "it does not say whether it is a standby"
    if any(name.lower() == "default_transaction_read_only" for name in given):
        default = "off"
    in_standby, read_only = standby == "on", standby == "on" or default == "on"
    wanted = {
        Attrs.READ_WRITE: not read_only,
        Attrs.READ_ONLY: read_only,
        Attrs.PRIMARY: not in_standby,
        Attrs.STANDBY: in_standby,
    }
    return None if wanted[attrs] else f"none of its hosts is {attrs}"


def terminate(transport: asyncio.Transport) -> None:
    """Say goodbye and close."""
    if not transport.is_closing():
        transport.write(frame(b"X"))
        transport.close()


def _binding(transport: asyncio.Transport) -> bytes | None:
    tls = transport.get_extra_info("ssl_object")
    der = None if tls is None else tls.getpeercert(binary_form=True)
    name = "" if der is None else certificate_hash_name(der)
    return end_point_binding(der, name) if der is not None and name else None


async def _connected(place: tuple[str, int]) -> socket.socket:
    """A connected, non-blocking socket; a host that begins with a slash is a folder of Unix sockets."""
    loop = asyncio.get_running_loop()
    host, port = place
    if host.startswith("/"):
        choices = [(socket.AF_UNIX, socket.SOCK_STREAM, 0, "", f"{host}/.s.PGSQL.{port}")]
    else:
        choices = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)  # type: ignore[assignment]
    failure: OSError | None = None
    for family, kind, protocol, _, address in choices:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
        except OSError as exc:
            sock.close()
            failure = exc
            continue
        except BaseException:
            sock.close()
            raise
        tune(sock)
        return sock
    raise failure or OSError("no address")


def _reason(exc: Exception) -> str:
    """Why a connection failed, without addresses."""
    if isinstance(exc, MenshenError):
        return exc.message
    if isinstance(exc, ConnectionRefusedError):
        return "connection refused"
    if isinstance(exc, ssl.SSLCertVerificationError):
        return "its TLS certificate is not trusted"
    if isinstance(exc, ssl.SSLError):
        return "TLS failed"
    if isinstance(exc, socket.gaierror):
        return "its host name cannot be resolved"
    if isinstance(exc, ConnectionResetError):
        return "it closed the connection"
    return os.strerror(exc.errno) if isinstance(exc, OSError) and exc.errno else "it closed the connection"
