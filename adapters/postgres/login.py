"""From an accepted socket to an authenticated client: TLS, the startup family, SCRAM or a certificate.

Everything here is rare and asynchronous; a failure is an exception with the SQLSTATE that the client is told. Before
TLS, packets are read from the bare socket byte for byte, so that nothing sent in clear slips into the encrypted part.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass

from adapters.postgres.session.startup import Startup, read
from adapters.postgres.wire import auth, startup
from adapters.postgres.wire.framing import FrameBuffer
from adapters.postgres.wire.scram import Mock, ScramServer, Verifier, end_point_binding, parse_verifier
from gateway.errors import AuthenticationFailed, MenshenError, ProtocolViolation
from gateway.model import Principal
from gateway.net.inbox import Inbox
from gateway.net.listener import first_byte, has_more, receive_exactly
from gateway.net.tls import ServerContext

_MAX_ROUNDS = 4
"""Startup packets before a StartupMessage: GSSENCRequest, SSLRequest, and some patience."""
_AUTH_LIMIT = 16 * 1024


@dataclass(frozen=True, slots=True)
class Cancel:
    """The connection was made only to cancel another one's statement."""

    pid: int
    secret: bytes


@dataclass(slots=True)
class Caller:
    """A client whose StartupMessage has come."""

    transport: asyncio.Transport
    inbox: Inbox
    message: startup.StartupMessage
    tls: bool
    certificate_name: str | None
    """Common name of the client's certificate, which TLS has verified."""


class TlsRequiredError(MenshenError):
    """This listener serves TLS only."""

    sqlstate = "28000"


async def greet(
    sock: socket.socket, tls: ServerContext | None, opened: Callable[[asyncio.Transport], None]
) -> Caller | Cancel | None:
    """The startup family, in any order up to a bound. None where the client left. `opened` is told the transport as
    soon as there is one, so that an error can still be written to it."""
    first = await first_byte(sock)
    if not first:
        return None
    if first[0] == startup.TLS_RECORD:
        return await _direct(sock, tls, opened)
    for _ in range(_MAX_ROUNDS):
        packet = await _packet(sock)
        match packet:
            case None:
                return None
            case startup.GSSENCRequest():
                await _answer(sock, b"N")
            case startup.SSLRequest():
                if tls is None:
                    await _answer(sock, b"N")
                    continue
                if has_more(sock):
                    raise ProtocolViolation("received unencrypted data after SSL request")
                await _answer(sock, b"S")
                return await _encrypted(sock, tls, opened)
            case startup.CancelRequest(pid, secret):
                return Cancel(pid, secret)
            case startup.StartupMessage():
                transport, inbox = await _wrap(sock, None)
                opened(transport)
                if tls is not None and tls.required:
                    raise TlsRequiredError("this server accepts TLS connections only", hint="Use sslmode=require.")
                return Caller(transport, inbox, packet, False, None)
    raise ProtocolViolation("too many startup packets")


async def _answer(sock: socket.socket, answer: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(sock, answer)


async def _packet(sock: socket.socket) -> startup.StartupPacket | None:
    if not await first_byte(sock):
        return None
    length = startup.packet_length(await receive_exactly(sock, 4))
    return startup.decode(await receive_exactly(sock, length - 4))


async def _wrap(sock: socket.socket, tls: ServerContext | None) -> tuple[asyncio.Transport, Inbox]:
    # uvloop gives back its TLS layer where asyncio gives the protocol, so we keep our own.
    inbox = Inbox()
    transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
        lambda: inbox,
        sock,
        ssl=None if tls is None else tls.context,
        ssl_handshake_timeout=None if tls is None else 10.0,
    )
    return transport, inbox


async def _direct(
    sock: socket.socket, tls: ServerContext | None, opened: Callable[[asyncio.Transport], None]
) -> Caller | Cancel | None:
    if tls is None:
        raise ProtocolViolation("direct TLS connections need a certificate, and this server has none")
    return await _encrypted(sock, tls, opened, alpn=True)


async def _encrypted(
    sock: socket.socket, tls: ServerContext, opened: Callable[[asyncio.Transport], None], *, alpn: bool = False
) -> Caller | Cancel | None:
    transport, inbox = await _wrap(sock, tls)
    secure = transport.get_extra_info("ssl_object")
    if alpn and secure.selected_alpn_protocol() != startup.ALPN_PROTOCOL:
        transport.abort()
        return None
    opened(transport)
    length = startup.packet_length(await inbox.exactly(4))
    match startup.decode(await inbox.exactly(length - 4)):
        case startup.StartupMessage() as message:
            return Caller(transport, inbox, message, True, _common_name(secure.getpeercert() or {}))
        case startup.CancelRequest(pid, secret):
            transport.close()
            return Cancel(pid, secret)
        case _:
            raise ProtocolViolation("TLS was negotiated already")


def _common_name(certificate: dict[str, object]) -> str | None:
    subject = certificate.get("subject", ())
    assert isinstance(subject, tuple)
    for part in subject:
        for name, value in part:
            if name == "commonName":
                return str(value)
    return None


class Authenticator:
    """Proves who a caller is. `principals` gives a principal by its name, or None; it is asked at every login."""

    def __init__(self, principals: Callable[[str], Principal | None], tls: ServerContext | None, mock: Mock) -> None:
        self._principals = principals
        self._mock = mock
        self._binding: bytes | None = None
        if tls is not None and tls.hash_name:
            self._binding = end_point_binding(tls.certificate, tls.hash_name)

    async def authenticate(self, caller: Caller, opening: Startup) -> tuple[Principal, FrameBuffer]:
        """The principal, and what the client sent behind its last message. AuthenticationFailed says no more than
        PostgreSQL does."""
        principal = self._principals(opening.user)
        frames = FrameBuffer(_AUTH_LIMIT)
        if principal is not None and caller.certificate_name and principal.certificate == caller.certificate_name:
            return principal, frames
        verifier, known = self._verifier(opening.user, principal)
        server = ScramServer(
            verifier,
            known=known,
            nonce=secrets.token_urlsafe(18),
            binding=self._binding if caller.tls else None,
        )
        await self._scram(caller, server, frames, opening.user)
        if principal is None:
            raise AuthenticationFailed(f'password authentication failed for user "{opening.user}"')
        return principal, frames

    def _verifier(self, user: str, principal: Principal | None) -> tuple[Verifier, bool]:
        mock = self._mock.verifier(user)
        if principal is None or principal.verifier is None:
            return mock, False
        try:
            return parse_verifier(principal.verifier), True
        except ValueError:
            # The bundle's own check reports it; here it must not tell that the name exists.
            return mock, False

    async def _scram(self, caller: Caller, server: ScramServer, frames: FrameBuffer, user: str) -> None:
        write = caller.transport.write
        write(auth.sasl(server.mechanisms))
        opening = auth.decode_initial_response(await _password_message(caller.inbox, frames))
        write(auth.sasl_continue(server.first(opening.mechanism, opening.data)))
        proof = await _password_message(caller.inbox, frames)
        try:
            write(auth.sasl_final(server.final(proof)))
        except AuthenticationFailed:
            raise AuthenticationFailed(f'password authentication failed for user "{user}"') from None


async def _password_message(inbox: Inbox, frames: FrameBuffer) -> bytes:
    while True:
        # The type is judged before the length: garbage must not make us wait for the rest of it.
        if frames.kind not in (None, ord("p")):
            raise ProtocolViolation(f"expected password response, got message type {frames.kind}")
        if (found := frames.pop()) is not None:
            return found[1]
        data = await inbox.read()
        if not data:
            raise ConnectionResetError("the client left while it logged in")
        frames.feed(data)


def opening_of(caller: Caller) -> Startup:
    """The startup parameters, read. Raises InvalidLoginError and Denied."""
    return read(caller.message.parameters)
