"""Authentication messages, both directions. PostgreSQL documentation, "SASL Authentication" and "Message Formats"."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

from adapters.postgres.wire.framing import Fields, frame
from gateway.errors import ProtocolViolation

OK: Final = frame(b"R", struct.pack("!i", 0))


@dataclass(frozen=True, slots=True)
class AuthenticationOk:
    pass


@dataclass(frozen=True, slots=True)
class CleartextPassword:
    pass


@dataclass(frozen=True, slots=True)
class MD5Password:
    salt: bytes


@dataclass(frozen=True, slots=True)
class SASL:
    mechanisms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SASLContinue:
    data: bytes


@dataclass(frozen=True, slots=True)
class SASLFinal:
    data: bytes


@dataclass(frozen=True, slots=True)
class Other:
    """A method that we do not speak (GSSAPI, SSPI, …)."""

    code: int


Authentication: TypeAlias = AuthenticationOk | CleartextPassword | MD5Password | SASL | SASLContinue | SASLFinal | Other


def decode(body: bytes) -> Authentication:
    """The body of an `R` message of a server."""
    fields = Fields(body)
    match fields.int32():
        case 0:
            return AuthenticationOk()
        case 3:
            return CleartextPassword()
        case 5:
            return MD5Password(fields.take(4))
        case 10:
            names = []
            while name := fields.cstring():
                names.append(name.decode("ascii", "replace"))
            return SASL(tuple(names))
        case 11:
            return SASLContinue(fields.rest())
        case 12:
            return SASLFinal(fields.rest())
        case code:
            return Other(code)


def sasl(mechanisms: tuple[str, ...]) -> bytes:
    names = b"".join(name.encode() + b"\0" for name in mechanisms)
    return frame(b"R", struct.pack("!i", 10) + names + b"\0")


def sasl_continue(data: bytes) -> bytes:
    return frame(b"R", struct.pack("!i", 11) + data)


def sasl_final(data: bytes) -> bytes:
    return frame(b"R", struct.pack("!i", 12) + data)


@dataclass(frozen=True, slots=True)
class SASLInitialResponse:
    mechanism: str
    data: bytes


def decode_initial_response(body: bytes) -> SASLInitialResponse:
    """The first `p` message of a client."""
    fields = Fields(body)
    mechanism = fields.cstring()
    size = fields.int32()
    # -1 announces no initial response, which SCRAM always has.
    if size != len(body) - fields.position:
        raise ProtocolViolation("malformed SASLInitialResponse")
    return SASLInitialResponse(mechanism.decode("ascii", "replace"), fields.rest())


def encode_initial_response(mechanism: str, data: bytes) -> bytes:
    return frame(b"p", mechanism.encode() + b"\0" + struct.pack("!i", len(data)) + data)


def encode_response(data: bytes) -> bytes:
    return frame(b"p", data)


def encode_password(password: str) -> bytes:
    return frame(b"p", password.encode() + b"\0")


def md5_password(user: str, password: str, salt: bytes) -> str:
    """`"md5" + md5(md5(password + user) + salt)`: the documentation's formula; weak, but some databases still ask."""
    inner = hashlib.md5((password + user).encode(), usedforsecurity=False).hexdigest()
    return "md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest()
