"""Messages of a client in the steady state: decode beside encode.

PostgreSQL documentation, "Message Formats". Texts and names stay bytes: the session decodes what it judges, in the
client's encoding, and forwards the rest untouched.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

from adapters.postgres.wire.framing import Fields, frame
from gateway.errors import ProtocolViolation

SYNC: Final = frame(b"S")
FLUSH: Final = frame(b"H")
TERMINATE: Final = frame(b"X")
COPY_DONE: Final = frame(b"c")

_INT16: Final = struct.Struct("!H").unpack_from
_INT32: Final = struct.Struct("!i").unpack_from


@dataclass(frozen=True, slots=True)
class Parse:
    name: bytes
    text: bytes
    types: bytes
    """Count and OIDs as they came."""


def decode_parse(body: bytes) -> Parse:
    fields = Fields(body)
    name, text = fields.cstring(), fields.cstring()
    start = fields.position
    fields.take(4 * fields.int16())
    fields.end()
    return Parse(name, text, body[start:])


def type_oids(types: bytes) -> tuple[int, ...]:
    """The OIDs in `Parse.types`; 0 stands for one that the database has to find out."""
    return struct.unpack(f"!{(len(types) - 2) // 4}I", types[2:])


def encode_parse(name: bytes, text: bytes, types: bytes = b"\0\0") -> bytes:
    return frame(b"P", name + b"\0" + text + b"\0" + types)


class Bind(NamedTuple):
    portal: bytes
    statement: bytes
    formats: tuple[int, ...]
    values: tuple[bytes | None, ...]
    result_formats: tuple[int, ...]

    def format_of(self, number: int) -> int:
        """0 text, 1 binary, of the 1-based parameter `number`."""
        if not self.formats:
            return 0
        return self.formats[0] if len(self.formats) == 1 else self.formats[number - 1]


def decode_bind(body: bytes) -> Bind:
    """The whole message; the session calls this only where it must look at a value, which is on the hot path.

    Raises ProtocolViolation.
    """
    first = body.find(0)
    second = body.find(0, first + 1)
    if first < 0 or second < 0:
        raise ProtocolViolation("invalid string in message")
    try:
        formats, at = _codes(body, second + 1)
        values, at = _values(body, at)
        result_formats, at = _codes(body, at)
    except struct.error:
        raise ProtocolViolation("insufficient data left in message") from None
    if at != len(body):
        raise ProtocolViolation("invalid message format")
    if len(formats) > 1 and len(formats) != len(values):
        raise ProtocolViolation(f"bind message has {len(formats)} parameter formats but {len(values)} parameters")
    return Bind(body[:first], body[first + 1 : second], formats, values, result_formats)


def _codes(body: bytes, at: int) -> tuple[tuple[int, ...], int]:
    """A counted list of format codes, and the place behind it. Raises struct.error where it is cut."""
    count: int = _INT16(body, at)[0]
    at += 2
    if not count:
        return (), at
    if count == 1:
        return _INT16(body, at), at + 2
    return struct.unpack_from(f"!{count}H", body, at), at + 2 * count


def _values(body: bytes, at: int) -> tuple[tuple[bytes | None, ...], int]:
    """Likewise the values. What is behind a value that is cut cannot be read, so its place needs no check here."""
    count: int = _INT16(body, at)[0]
    at += 2
    values: list[bytes | None] = []
    for _ in range(count):
        size: int = _INT32(body, at)[0]
        at += 4
        if size >= 0:
            values.append(body[at : at + size])
            at += size
        elif size == -1:
            values.append(None)
        else:
            raise ProtocolViolation("invalid length of a parameter")
    return tuple(values), at


def encode_bind(message: Bind) -> bytes:
    parts = [message.portal, b"\0", message.statement, b"\0"]
    parts.append(struct.pack(f"!H{len(message.formats)}H", len(message.formats), *message.formats))
    parts.append(struct.pack("!H", len(message.values)))
    for value in message.values:
        parts.append(struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value)
    parts.append(struct.pack(f"!H{len(message.result_formats)}H", len(message.result_formats), *message.result_formats))
    return frame(b"B", b"".join(parts))


@dataclass(frozen=True, slots=True)
class Target:
    """What Describe and Close are about: `kind` is `S` (statement) or `P` (portal), as a byte's value."""

    kind: int
    name: bytes


STATEMENT: Final = ord("S")
PORTAL: Final = ord("P")


def decode_target(body: bytes, message: str = "DESCRIBE") -> Target:
    """`message`: its name, for the error."""
    fields = Fields(body)
    kind, name = fields.byte(), fields.cstring()
    fields.end()
    if kind not in (STATEMENT, PORTAL):
        raise ProtocolViolation(f"invalid {message} message subtype {kind}")
    return Target(kind, name)


def encode_describe(target: Target) -> bytes:
    return frame(b"D", bytes((target.kind,)) + target.name + b"\0")


def encode_close(target: Target) -> bytes:
    return frame(b"C", bytes((target.kind,)) + target.name + b"\0")


@dataclass(frozen=True, slots=True)
class Execute:
    portal: bytes
    limit: int


def decode_execute(body: bytes) -> Execute:
    fields = Fields(body)
    portal, limit = fields.cstring(), fields.int32()
    fields.end()
    return Execute(portal, limit)


def encode_execute(message: Execute) -> bytes:
    return frame(b"E", message.portal + b"\0" + struct.pack("!i", message.limit))


def decode_query(body: bytes) -> bytes:
    """The text of a Query."""
    fields = Fields(body)
    text = fields.cstring()
    fields.end()
    return text


def encode_query(text: bytes) -> bytes:
    return frame(b"Q", text + b"\0")


def decode_function_call(body: bytes) -> int:
    """The function's OID; the arguments are the database's business."""
    return Fields(body).uint32()
