"""A raw client of the PostgreSQL protocol for dialogues: frames in, tokens out (`1 2 D:7 C:SELECT_1 Z:I`)."""

from __future__ import annotations

import secrets
import socket
import struct
from types import TracebackType

from adapters.postgres.wire import auth, startup
from adapters.postgres.wire.framing import Fields, FrameBuffer
from adapters.postgres.wire.requests import (
    Bind,
    Execute,
    Target,
    encode_bind,
    encode_close,
    encode_describe,
    encode_execute,
    encode_parse,
    encode_query,
)
from adapters.postgres.wire.responses import decode_error
from adapters.postgres.wire.scram import ScramClient


def query(text: str) -> bytes:
    return encode_query(text.encode())


def parse(text: str, name: str = "") -> bytes:
    return encode_parse(name.encode(), text.encode())


def bind(*values: str | None, name: str = "", portal: str = "") -> bytes:
    encoded = tuple(None if v is None else v.encode() for v in values)
    return encode_bind(Bind(portal.encode(), name.encode(), (), encoded, ()))


def describe(kind: str = "P", name: str = "") -> bytes:
    return encode_describe(Target(ord(kind), name.encode()))


def execute(limit: int = 0, portal: str = "") -> bytes:
    return encode_execute(Execute(portal.encode(), limit))


def close(kind: str = "S", name: str = "") -> bytes:
    return encode_close(Target(ord(kind), name.encode()))


class RawClient:
    """One connection; `talk` sends frames and compares the answer with a pattern."""

    def __init__(self, port: int, *, receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        self.frames = FrameBuffer(1 << 30)
        self.parameters: dict[str, str] = {}
        self.key = (0, b"")
        self.negotiated: list[bytes] = []
        """Bodies of NegotiateProtocolVersion."""
        self.errors: list[dict[str, str]] = []

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.socket.close()

    def send(self, *frames: bytes) -> None:
        self.socket.sendall(b"".join(frames))

    def receive(self) -> tuple[str, bytes] | None:
        """The next message; None at the end of the stream."""
        while (found := self.frames.pop()) is None:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.frames.feed(data)
        return chr(found[0]), found[1]

    def login(
        self, user: str, password: str, database: str, *, protocol: int = startup.PROTOCOL_3_0, **parameters: str
    ) -> RawClient:
        message = {"user": user, "database": database}
        message.update({name.replace("__", "."): value for name, value in parameters.items()})
        self.send(startup.encode_startup(message, protocol))
        scram: ScramClient | None = None
        while True:
            found = self.receive()
            assert found is not None, f"closed; errors {self.errors}"
            kind, body = found
            if kind == "E":
                self.errors.append(dict(decode_error(body)))
                raise PermissionError(self.errors[-1]["C"])
            if kind == "R":
                match auth.decode(body):
                    case auth.SASL(mechanisms):
                        scram = ScramClient(mechanisms, password, nonce=secrets.token_hex(8), binding=None)
                        self.send(auth.encode_initial_response(scram.mechanism, scram.first()))
                    case auth.SASLContinue(data) if scram:
                        self.send(auth.encode_response(scram.final(data)))
                    case auth.SASLFinal(data) if scram:
                        scram.verify(data)
            elif kind == "v":
                self.negotiated.append(body)
            elif kind == "K":
                self.key = struct.unpack("!I", body[:4])[0], body[4:]
            elif kind == "Z":
                return self

    def talk(self, frames: bytes | list[bytes], pattern: str) -> None:
        """`pattern`: tokens; a token without `:` fits any detail of its kind. ParameterStatus is skipped."""
        self.send(*([frames] if isinstance(frames, bytes) else frames))
        expected = pattern.split()
        got: list[str] = []
        for want in expected:
            token = self.token()
            got.append(token)
            assert token == want or token.startswith(f"{want}:"), f"wanted {pattern!r}, got {' '.join(got)!r}"

    def token(self) -> str:
        while (found := self.receive()) is not None:
            kind, body = found
            if kind != "S":
                return self._token(kind, body)
        return "EOF"

    def _token(self, kind: str, body: bytes) -> str:
        if kind in "EN":
            fields = dict(decode_error(body))
            if kind == "E":
                self.errors.append(fields)
            return f"{kind}:{fields['C']}"
        if kind == "C":
            return "C:" + body.rstrip(b"\0").decode().replace(" ", "_")
        if kind == "Z":
            return f"Z:{body.decode()}"
        if kind == "D":
            fields_ = Fields(body)
            values = []
            for _ in range(fields_.int16()):
                size = fields_.int32()
                values.append("~" if size < 0 else fields_.take(size).decode("utf-8", "replace")[:60])
            return "D:" + ",".join(values).replace(" ", "_")
        if kind == "d":
            return "d:" + body.decode("utf-8", "replace").rstrip("\n").replace("\t", ",")
        return kind
