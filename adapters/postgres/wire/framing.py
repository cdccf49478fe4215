"""Typed messages out of a byte stream, for the rare phases: login, authentication, start of an upstream session.

PostgreSQL documentation, "Message Formats": after the startup phase a message is one byte of type, then an Int32 length
that counts itself and not the type. The steady state walks the same headers in place (`session/`), without a buffer.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from gateway.errors import ProtocolViolation

HEADER: Final = struct.Struct("!i")
HEADER_SIZE: Final = 5


class FrameBuffer:
    """Bytes in by `feed`, `(type, body)` out by iteration; what is incomplete stays for the next `feed`.

    `limit`: bytes of one message, header included; a longer one raises `ProtocolViolation` (08P01) as soon as its
    length is known, so that nobody makes us allocate what he only announces.
    """

    __slots__ = ("_buffer", "_limit")

    def __init__(self, limit: int) -> None:
        self._buffer = bytearray()
        self._limit = limit

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def kind(self) -> int | None:
        """Type of the next message, complete or not; None where nothing has come."""
        return self._buffer[0] if self._buffer else None

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        while (frame := self.pop()) is not None:
            yield frame

    def pop(self) -> tuple[int, bytes] | None:
        """The next complete message, None where more bytes are needed."""
        if len(self._buffer) < HEADER_SIZE:
            return None
        size: int = HEADER.unpack_from(self._buffer, 1)[0]
        if size < 4:
            raise ProtocolViolation(f"invalid message length {size}")
        if size + 1 > self._limit:
            raise ProtocolViolation(
                f"a message of {size} bytes is longer than the limit of {self._limit} bytes at this place"
            )
        if len(self._buffer) < size + 1:
            return None
        frame = self._buffer[0], bytes(self._buffer[HEADER_SIZE : size + 1])
        del self._buffer[: size + 1]
        return frame

    def rest(self) -> bytes:
        """What was not consumed; the buffer is empty afterwards."""
        data = bytes(self._buffer)
        self._buffer.clear()
        return data


def frame(kind: bytes, body: bytes = b"") -> bytes:
    """One message: `kind` is its type, one byte."""
    return kind + HEADER.pack(len(body) + 4) + body


class Fields:
    """Reads the fields of one message body in order; too few bytes raise `ProtocolViolation`, never IndexError."""

    __slots__ = ("body", "position")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.position = 0

    def cstring(self) -> bytes:
        end = self.body.find(0, self.position)
        if end < 0:
            raise ProtocolViolation("invalid string in message")
        value = self.body[self.position : end]
        self.position = end + 1
        return value

    def take(self, size: int) -> bytes:
        end = self.position + size
        if size < 0 or end > len(self.body):
            raise ProtocolViolation("insufficient data left in message")
        value = self.body[self.position : end]
        self.position = end
        return value

    def byte(self) -> int:
        return self.take(1)[0]

    def int16(self) -> int:
        """Unsigned: counts and format codes."""
        return int.from_bytes(self.take(2), "big")

    def int32(self) -> int:
        return int.from_bytes(self.take(4), "big", signed=True)

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def rest(self) -> bytes:
        value = self.body[self.position :]
        self.position = len(self.body)
        return value

    def end(self) -> None:
        """The message must be used up: what we do not read we would not have judged."""
        if self.position != len(self.body):
            raise ProtocolViolation("invalid message format")
