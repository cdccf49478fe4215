"""A raw client that keeps every byte of the server side, and sends what no driver would send.

It shares no code with the gateway: a mistake in the house's own codec would hide itself here.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache


class Lost(Exception):
    """The server side closed the connection."""


class Hang(Exception):
    """No answer in time."""


def text(value: str | bytes) -> bytes:
    return (value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")) + b"\0"


def messages(stream: bytes) -> Iterator[tuple[str, bytes]]:
    """The messages of a server's byte stream; junk and a cut tail end the walk."""
    at = 0
    while at + 5 <= len(stream):
        size = struct.unpack_from("!i", stream, at + 1)[0]
        if size < 4 or at + 1 + size > len(stream):
            return
        yield chr(stream[at]), stream[at + 5 : at + 1 + size]
        at += 1 + size


def fields(body: bytes) -> list[bytes | None]:
    """The values of a DataRow."""
    out: list[bytes | None] = []
    at = 2
    for _ in range(struct.unpack_from("!h", body)[0]):
        size = struct.unpack_from("!i", body, at)[0]
        at += 4
        out.append(None if size < 0 else body[at : at + size])
        at += max(size, 0)
    return out


def error(body: bytes) -> dict[str, str]:
    """Code letter → text of an ErrorResponse or NoticeResponse."""
    return {p[:1].decode(): p[1:].decode(errors="replace") for p in body.split(b"\0") if p}


@lru_cache(maxsize=64)
def _salted(password: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)


class Client:
    """One connection. `down`: all bytes received; `up`: all bytes sent."""

    def __init__(
        self,
        port: int,
        user: str,
        password: str,
        database: str,
        *,
        limit: float,
        startup: Mapping[str, str] | None = None,
    ) -> None:
        self.deadline = time.monotonic() + limit
        self.down, self.up = bytearray(), bytearray()
        self._read = 0
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=limit)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.user, self.password, self.key = user, password, b""
        self._extended_copy = False
        parameters = {"user": user, "database": database, "client_encoding": "UTF8", **(startup or {})}
        body = b"".join(text(k) + text(v) for k, v in parameters.items()) + b"\0"
        self.raw(struct.pack("!ii", len(body) + 8, 196608) + body)
        self._authenticate()

    # -- plumbing
    def raw(self, data: bytes) -> None:
        self.up += data
        try:
            self.socket.sendall(data)
        except TimeoutError as late:
            raise Hang from late
        except OSError as gone:
            raise Lost(str(gone)) from gone

    def send(self, kind: str, body: bytes = b"") -> None:
        self.raw(kind.encode() + struct.pack("!i", len(body) + 4) + body)

    def receive(self) -> tuple[str, bytes]:
        while True:
            have = len(self.down) - self._read
            if have >= 5:
                size = int(struct.unpack_from("!i", self.down, self._read + 1)[0]) + 1
                if have >= size:
                    kind, body = chr(self.down[self._read]), bytes(self.down[self._read + 5 : self._read + size])
                    self._read += size
                    return kind, body
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise Hang
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError as late:
                raise Hang from late
            except OSError as gone:
                raise Lost(str(gone)) from gone
            if not data:
                raise Lost("end of stream")
            self.down += data

    def ready(self, copy: bytes | None = None) -> None:
        """Read up to ReadyForQuery. CopyInResponse is answered with `copy`, or failed."""
        while True:
            kind, _ = self.receive()
            if kind == "Z":
                return
            if kind == "G":
                if copy is None:
                    self.send("f", text("no data"))
                else:
                    self.send("d", copy)
                    self.send("c")
                if self._extended_copy:
                    self.send("S")
                copy = None
            if kind == "W":
                return

    def drain(self, seconds: float) -> None:
        """Take whatever arrives within so many seconds."""
        keep, self.deadline = self.deadline, time.monotonic() + seconds
        try:
            while True:
                self.receive()
        except Hang:
            self.deadline = keep

    def _authenticate(self) -> None:
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n=,r={nonce}"
        while True:
            kind, body = self.receive()
            if kind == "E":
                raise Lost("refused: " + error(body).get("M", "?"))
            if kind == "K":
                self.key = body
            if kind == "Z":
                return
            if kind != "R":
                continue
            code, rest = struct.unpack_from("!i", body)[0], body[4:]
            if code == 10:
                self.send("p", text("SCRAM-SHA-256") + struct.pack("!i", len(first) + 3) + b"n,," + first.encode())
            elif code == 11:
                self.send("p", self._proof(first, rest.decode()))

    def _proof(self, first: str, challenge: str) -> bytes:
        part = dict(p.split("=", 1) for p in challenge.split(","))
        key = hmac.digest(_salted(self.password, base64.b64decode(part["s"]), int(part["i"])), b"Client Key", "sha256")
        bare = f"c=biws,r={part['r']}"
        signed = hmac.digest(hashlib.sha256(key).digest(), f"{first},{challenge},{bare}".encode(), "sha256")
        return f"{bare},p={base64.b64encode(bytes(a ^ b for a, b in zip(key, signed, strict=True))).decode()}".encode()

    # -- conversation
    def simple(self, sql: str, copy: bytes | None = None) -> None:
        self._extended_copy = False
        self.send("Q", text(sql))
        self.ready(copy)

    def parse(self, name: str, sql: str, types: Sequence[int] = ()) -> None:
        self.send("P", text(name) + text(sql) + struct.pack(f"!h{len(types)}i", len(types), *types))

    def bind(self, portal: str, name: str, values: Sequence[object] = (), binary: bool = False) -> None:
        cells = b""
        for value in values:
            data = None if value is None else str(value).encode()
            cells += struct.pack("!i", -1) if data is None else struct.pack("!i", len(data)) + data
        head = text(portal) + text(name) + struct.pack("!hh", 0, len(values))
        self.send("B", head + cells + struct.pack("!hh", 1, int(binary)))

    def describe(self, kind: str, name: str) -> None:
        self.send("D", kind.encode() + text(name))

    def execute(self, portal: str = "", rows: int = 0) -> None:
        self.send("E", text(portal) + struct.pack("!i", rows))

    def close(self, kind: str, name: str) -> None:
        self.send("C", kind.encode() + text(name))

    def sync(self) -> None:
        self.send("S")
        self.ready()

    def extended(
        self, sql: str, values: Sequence[object] = (), binary: bool = False, copy: bytes | None = None
    ) -> None:
        self._extended_copy = True
        self.parse("", sql)
        self.bind("", "", values, binary)
        self.describe("P", "")
        self.execute()
        self.send("S")
        self.ready(copy)

    def call(self, oid: int, values: Sequence[str], binary: bool) -> None:
        """The function-call message."""
        body = struct.pack("!ihh", oid, 0, len(values))
        for value in values:
            body += struct.pack("!i", len(value.encode())) + value.encode()
        self.send("F", body + struct.pack("!h", int(binary)))
        self.ready()

    def quit(self) -> None:
        with contextlib.suppress(Lost, Hang):
            self.send("X")
        self.socket.close()
