"""Messages of a server in the steady state: decode beside encode. PostgreSQL documentation, "Message Formats"."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final, TypeAlias

from adapters.postgres.wire.framing import Fields, frame
from gateway.errors import ProtocolViolation

ErrorFields: TypeAlias = list[tuple[str, str]]
"""Field codes and values of an ErrorResponse or NoticeResponse, in their order ("Error and Notice Message Fields")."""

READY_IDLE: Final = frame(b"Z", b"I")


def decode_error(body: bytes) -> ErrorFields:
    """Also of a NoticeResponse. Texts come in the client's encoding; what is not UTF-8 keeps its bytes."""
    fields = Fields(body)
    result: ErrorFields = []
    while code := fields.byte():
        result.append((chr(code), fields.cstring().decode("utf-8", "surrogateescape")))
    fields.end()
    return result


def encode_error(fields: Iterable[tuple[str, str]], kind: bytes = b"E") -> bytes:
    body = b"".join(
        code.encode("latin-1") + value.replace("\0", "").encode("utf-8", "surrogateescape") + b"\0"
        for code, value in fields
    )
    return frame(kind, body + b"\0")


def error_response(
    message: str, sqlstate: str, *, severity: str = "ERROR", hint: str = "", detail: str = "", position: int = 0
) -> bytes:
    """An ErrorResponse of the gateway's own."""
    fields = [("S", severity), ("V", severity), ("C", sqlstate), ("M", message)]
    fields += [("D", detail)] if detail else []
    fields += [("H", hint)] if hint else []
    fields += [("P", str(position))] if position else []
    return encode_error(fields)


def sqlstate_of(body: bytes) -> str:
    """The `C` field of an ErrorResponse, without decoding the rest; `XX000` where it is missing."""
    position = 0
    while position < len(body) and body[position]:
        end = body.find(0, position)
        if end < 0:
            break
        if body[position] == 0x43:
            return body[position + 1 : end].decode("ascii", "replace")
        position = end + 1
    return "XX000"


def decode_parameter_status(body: bytes) -> tuple[str, str]:
    fields = Fields(body)
    name, value = fields.cstring(), fields.cstring()
    fields.end()
    return name.decode("utf-8", "replace"), value.decode("utf-8", "replace")


def parameter_status(name: str, value: str) -> bytes:
    return frame(b"S", name.encode() + b"\0" + value.encode() + b"\0")


def decode_key(body: bytes) -> tuple[int, bytes]:
    """BackendKeyData: process id, and a secret of 4 to 256 bytes."""
    fields = Fields(body)
    pid, secret = fields.uint32(), fields.rest()
    if not 4 <= len(secret) <= 256:
        raise ProtocolViolation(f"a cancel key of {len(secret)} bytes")
    return pid, secret


def key_data(pid: int, secret: bytes) -> bytes:
    return frame(b"K", struct.pack("!I", pid) + secret)


def rows_of_tag(tag: bytes) -> int:
    """The count at the end of a CommandComplete tag (`SELECT 5`, `INSERT 0 1`); 0 where it has none."""
    last = tag.rsplit(b" ", 1)[-1].rstrip(b"\0")
    return int(last) if last.isdigit() else 0
