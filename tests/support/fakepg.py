"""A PostgreSQL that only knows its protocol: what it answers follows the documentation's message flow.

It is the measure for dialogues: a client that talks to it through a conversation must see what it sees directly.
A text fails when it contains `fail` (42601 at once) or `late` (22012 when executed); `begin`, `commit`, `rollback` do.
"""

from __future__ import annotations

from adapters.postgres.wire import requests
from adapters.postgres.wire.framing import FrameBuffer, frame
from adapters.postgres.wire.responses import error_response

_ROW = frame(b"D", b"\0\1\0\0\0\1x")
_COLUMNS = frame(b"T", b"\0\0")


class FakePostgres:
    def __init__(self, denied: str = "") -> None:
        self._frames = FrameBuffer(1 << 20)
        self._denied = denied
        self._prepared: dict[bytes, bytes] = {}
        self._portals: dict[bytes, bytes] = {}
        self._skipping = False
        self._status = b"I"
        self._implicit = False
        self.out = b""

    def feed(self, data: bytes) -> None:
        self._frames.feed(data)
        for kind, body in self._frames:
            if self._skipping and kind != ord("S"):
                continue
            getattr(self, f"_on_{chr(kind)}")(body)

    def _fail(self, sqlstate: str, *, extended: bool = True) -> None:
        self.out += error_response("failed", sqlstate)
        if self._status == b"T":
            self._status = b"E"
        self._skipping = extended

    def _judge(self, text: bytes) -> str:
        if self._denied and self._denied.encode() in text:
            # A denial is a failure of the analysis, which comes after the test for an aborted transaction.
            return "25P02" if self._status == b"E" else "42501"
        if b"menshen refuses" in text:
            return "25P02" if self._status == b"E" else "42883"
        if self._status == b"E" and text not in (b"rollback", b"commit"):
            return "25P02"
        return "42601" if b"fail" in text else ""

    def _on_P(self, body: bytes) -> None:
        message = requests.decode_parse(body)
        if not message.name:
            self._prepared.pop(b"", None)
        sqlstate = self._judge(message.text)
        if not sqlstate and message.name in self._prepared:
            sqlstate = "42P05"
        if sqlstate:
            self._fail(sqlstate)
            return
        self._prepared[message.name] = message.text
        self.out += frame(b"1")

    def _on_B(self, body: bytes) -> None:
        message = requests.decode_bind(body)
        text = self._prepared.get(message.statement)
        if text is None:
            self._fail("26000")
        elif self._status == b"E" and text not in (b"rollback", b"commit"):
            self._fail("25P02")
        elif message.portal and message.portal in self._portals:
            self._fail("42P03")
        else:
            self._portals[message.portal] = text
            self.out += frame(b"2")

    def _on_D(self, body: bytes) -> None:
        target = requests.decode_target(body)
        if target.kind == requests.STATEMENT:
            if target.name not in self._prepared:
                self._fail("26000")
                return
            self.out += frame(b"t", b"\0\0")
        elif target.name not in self._portals:
            self._fail("34000")
            return
        self.out += _COLUMNS

    def _on_E(self, body: bytes) -> None:
        message = requests.decode_execute(body)
        text = self._portals.get(message.portal)
        if text is None:
            self._fail("34000")
        elif b"late" in text:
            self._fail("22012")
        elif message.limit == 1:
            self.out += _ROW + frame(b"s")
        else:
            self._run(text)

    def _on_C(self, body: bytes) -> None:
        target = requests.decode_target(body)
        (self._prepared if target.kind == requests.STATEMENT else self._portals).pop(target.name, None)
        self.out += frame(b"3")

    def _run(self, text: bytes) -> None:
        if text == b"begin":
            self._status = b"T"
            self.out += frame(b"C", b"BEGIN\0")
        elif text in (b"commit", b"rollback"):
            self._status = b"I"
            self.out += frame(b"C", b"ROLLBACK\0")
        else:
            self.out += _ROW + frame(b"C", b"SELECT 1\0")

    def _ready(self) -> None:
        if self._status == b"I":
            self._portals.clear()
        self.out += frame(b"Z", self._status)

    def _on_S(self, body: bytes) -> None:
        self._skipping = False
        self._ready()

    def _on_H(self, body: bytes) -> None:
        pass

    def _on_Q(self, body: bytes) -> None:
        text = requests.decode_query(body)
        self._prepared.pop(b"", None)
        self._portals.pop(b"", None)
        # A text of which one statement is denied is denied as a whole.
        denied = bool(self._denied) and self._denied.encode() in text
        for part in [text] if denied else text.split(b";"):
            sqlstate = self._judge(part) or ("22012" if b"late" in part else "")
            if sqlstate:
                self._fail(sqlstate, extended=False)
                break
            if part not in (b"begin", b"commit", b"rollback"):
                self.out += _COLUMNS
            self._run(part)
        self._ready()

    def take(self) -> bytes:
        out, self.out = self.out, b""
        return out
