"""The startup family: packets without a type byte, before a session exists.

PostgreSQL documentation, "Message Flow / Start-up" and "Message Formats": SSLRequest, GSSENCRequest, CancelRequest,
StartupMessage, and NegotiateProtocolVersion that answers a StartupMessage. A client may send several of them in turn.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from adapters.postgres.wire.framing import Fields, frame
from gateway.errors import ProtocolViolation, Unsupported

PROTOCOL_3_0: Final = 0x30000
PROTOCOL_3_2: Final = 0x30002
"""PostgreSQL 18. It differs in the length of cancel keys only."""
NEWEST_PROTOCOL: Final = PROTOCOL_3_2

TLS_RECORD: Final = 0x16
"""First byte of a TLS handshake record: a client of PostgreSQL 17+ with `sslnegotiation=direct`."""
ALPN_PROTOCOL: Final = "postgresql"

STARTUP_LIMIT: Final = 10_000
"""PostgreSQL's own MAX_STARTUP_PACKET_LENGTH: known before anybody is authenticated, so it is short."""

_CANCEL: Final = 80877102
_SSL: Final = 80877103
_GSS: Final = 80877104


@dataclass(frozen=True, slots=True)
class SSLRequest:
    pass


@dataclass(frozen=True, slots=True)
class GSSENCRequest:
    pass


@dataclass(frozen=True, slots=True)
class CancelRequest:
    pid: int
    secret: bytes


@dataclass(frozen=True, slots=True)
class StartupMessage:
    protocol: int
    parameters: Mapping[str, str]
    """Without the `_pq_.` protocol options; a repeated name keeps its last value, as in PostgreSQL."""
    protocol_options: tuple[str, ...] = ()

    @property
    def spoken(self) -> int:
        """The version that both sides speak from here on."""
        return min(self.protocol, NEWEST_PROTOCOL)

    @property
    def key_length(self) -> int:
        """Bytes of the cancel key that the client is given: what PostgreSQL 18 gives (MyCancelKeyLength)."""
        return 32 if self.spoken >= PROTOCOL_3_2 else 4

    @property
    def negotiation(self) -> bytes:
        """NegotiateProtocolVersion where the client asks for more than we speak, else nothing."""
        if self.protocol <= NEWEST_PROTOCOL and not self.protocol_options:
            return b""
        return negotiate_protocol_version(self.spoken, self.protocol_options)


class NotStartupError(ProtocolViolation):
    """Whoever it is, he does not speak PostgreSQL: PostgreSQL closes without a word."""


StartupPacket: TypeAlias = SSLRequest | GSSENCRequest | CancelRequest | StartupMessage


def packet_length(header: bytes) -> int:
    """Length of the whole packet from its first four bytes; raises NotStartupError where it cannot be one."""
    length: int = struct.unpack("!i", header)[0]
    if not 8 <= length <= STARTUP_LIMIT:
        raise NotStartupError("invalid length of startup packet")
    return length


def decode(body: bytes) -> StartupPacket:
    """A packet without its length. Raises ProtocolViolation, or Unsupported for another major version."""
    fields = Fields(body)
    code = fields.int32()
    if code in (_SSL, _GSS):
        fields.end()
        return SSLRequest() if code == _SSL else GSSENCRequest()
    if code == _CANCEL:
        pid, secret = fields.uint32(), fields.rest()
        if not 4 <= len(secret) <= 256:
            raise ProtocolViolation("invalid length of cancel request packet")
        return CancelRequest(pid, secret)
    if code >> 16 != 3:
        raise Unsupported(
            f"unsupported frontend protocol {code >> 16}.{code & 0xFFFF}: this server supports 3.0 to 3.2",
            hint="Use a client that speaks protocol 3 (PostgreSQL 7.4 or later).",
        )
    return _startup(code, fields)


def _startup(protocol: int, fields: Fields) -> StartupMessage:
    parameters: dict[str, str] = {}
    options: list[str] = []
    while name := fields.cstring():
        value = fields.cstring()
        try:
            key, text = name.decode(), value.decode()
        except UnicodeDecodeError:
            raise ProtocolViolation("a startup parameter is not valid UTF-8") from None
        if key.startswith("_pq_."):
            options.append(key)
        else:
            parameters[key] = text
    fields.end()
    return StartupMessage(protocol, parameters, tuple(options))


def negotiate_protocol_version(version: int, unknown: Sequence[str]) -> bytes:
    """The version that will be spoken, and the protocol options that we do not know."""
    body = struct.pack("!ii", version, len(unknown)) + b"".join(name.encode() + b"\0" for name in unknown)
    return frame(b"v", body)


def negotiated(body: bytes, asked: int) -> int:
    """The version that a server answers with NegotiateProtocolVersion. Raises ProtocolViolation for one that is not
    older than what was asked for, and where it names options: we ask for none."""
    fields = Fields(body)
    version, unknown = fields.int32(), fields.int32()
    if not PROTOCOL_3_0 <= version < asked or unknown:
        raise ProtocolViolation("it negotiates a protocol that was not asked for")
    fields.end()
    return version


def encode_startup(parameters: Mapping[str, str], protocol: int = PROTOCOL_3_0) -> bytes:
    """A StartupMessage; a NUL in a name or value raises ProtocolViolation."""
    parts = [struct.pack("!i", protocol)]
    for name, value in parameters.items():
        if "\0" in name or "\0" in value:
            raise ProtocolViolation("a startup parameter holds a NUL")
        parts.append(name.encode() + b"\0" + value.encode() + b"\0")
    parts.append(b"\0")
    body = b"".join(parts)
    return struct.pack("!i", len(body) + 4) + body


def encode_cancel(pid: int, secret: bytes) -> bytes:
    return struct.pack("!iiI", 12 + len(secret), _CANCEL, pid) + secret


SSL_REQUEST: Final = struct.pack("!ii", 8, _SSL)
GSSENC_REQUEST: Final = struct.pack("!ii", 8, _GSS)
