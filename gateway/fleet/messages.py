"""What the supervisor and its children say to each other, sans-IO: bytes in, messages out, and back.

A frame is four bytes of length and one JSON object:

    {"ask": name, "id": n, "with": {…}}      a question, answered once
    {"id": n, "answer": value}               its answer
    {"id": n, "error": {…}}                  its answer, where it failed
    {"tell": name, "with": {…}}              news, not answered

Both ends are processes of one gateway over a socket pair that nobody else has. What is none of the four ends the
connection all the same: a peer that cannot be understood is not served.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import orjson

from gateway.errors import MenshenError, Problem, ProblemsFound

MAX_FRAME: Final = 64 << 20
"""Bytes; the largest message is a worker's metrics or list of sessions."""
_LENGTH: Final = struct.Struct(">I")

Members: TypeAlias = dict[str, Any]


class BusBroken(Exception):
    """The peer sent what is no message, or something beyond all measure."""


@dataclass(frozen=True, slots=True)
class Ask:
    id: int
    name: str
    members: Members = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    id: int
    value: Any = None


@dataclass(frozen=True, slots=True)
class Failure:
    id: int
    error: Members


@dataclass(frozen=True, slots=True)
class Tell:
    name: str
    members: Members = field(default_factory=dict)


Message: TypeAlias = Ask | Answer | Failure | Tell


def encode(message: Message) -> bytes:
    """One frame. Raises BusBroken where it would be too long, or its members are no JSON."""
    document: Members
    match message:
        case Ask(id, name, members):
            document = {"ask": name, "id": id, "with": members}
        case Answer(id, value):
            document = {"id": id, "answer": value}
        case Failure(id, failed):
            document = {"id": id, "error": failed}
        case Tell(name, members):
            document = {"tell": name, "with": members}
    try:
        data = orjson.dumps(document, option=orjson.OPT_SERIALIZE_DATACLASS)
    except TypeError as wrong:
        raise BusBroken(f"a message holds what is no JSON: {wrong}") from wrong
    if len(data) > MAX_FRAME:
        raise BusBroken(f"a message of {len(data)} bytes is longer than the bus takes")
    return _LENGTH.pack(len(data)) + data


class Decoder:
    """Feed it what arrives, in pieces of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete now. Raises BusBroken; the connection is of no use afterwards."""
        buffer = self._buffer
        buffer += data
        found: list[Message] = []
        start = 0
        while len(buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > MAX_FRAME:
                raise BusBroken(f"a message of {length} bytes is longer than the bus takes")
            end = start + _LENGTH.size + length
            if len(buffer) < end:
                break
            found.append(_message(bytes(buffer[start + _LENGTH.size : end])))
            start = end
        del buffer[:start]
        return found


def _message(data: bytes) -> Message:
    try:
        document = orjson.loads(data)
    except ValueError as wrong:
        raise BusBroken("a message is no JSON") from wrong
    match document:
        case {"ask": str(name), "id": int(id), "with": dict(members)}:
            return Ask(id, name, members)
        case {"id": int(id), "error": dict(error)}:
            return Failure(id, error)
        case {"id": int(id), "answer": value}:
            return Answer(id, value)
        case {"tell": str(name), "with": dict(members)}:
            return Tell(name, members)
    raise BusBroken("a message has a shape that nobody knows")


# -- errors that cross the bus ----------------------------------------------------------------------------------------
class Remote(MenshenError):
    """An error of another process of this gateway; it looks as it looked there."""

    def __init__(self, message: str, *, hint: str, sqlstate: str, http_status: int) -> None:
        super().__init__(message, hint=hint, sqlstate=sqlstate)
        self.http_status = http_status


def from_error(error: MenshenError) -> Members:
    """The members of a Failure."""
    if isinstance(error, ProblemsFound):
        return {"problems": [[p.file, p.line, p.message, p.remedy, p.severity] for p in error.problems]}
    return {
        "message": error.message,
        "hint": error.hint,
        "sqlstate": error.sqlstate,
        "http_status": error.http_status,
    }


def to_error(members: Mapping[str, Any]) -> MenshenError:
    """The error that a Failure tells of."""
    match members:
        case {"problems": list(problems)}:
            return ProblemsFound(Problem(*problem) for problem in problems)
        case {"message": str(message), "hint": str(hint), "sqlstate": str(sqlstate), "http_status": int(status)}:
            return Remote(message, hint=hint, sqlstate=sqlstate, http_status=status)
    return Remote("another process of the gateway failed", hint="See the log.", sqlstate="XX000", http_status=500)
