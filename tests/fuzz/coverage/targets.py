"""What is fuzzed, and what must hold: each target takes bytes and raises AssertionError where something is wrong.

They need no fuzzer: the seeds and every input that ever failed are replayed by `tests/fuzz/test_coverage_guided.py` too.

* Only the documented errors: ProtocolViolation (and Unsupported for another major version) from decoders, MenshenError
  from what reads a startup message; a planner answers with a plan or a denial, never with one for a mistake of ours.
* A message that was decoded is encoded to the same bytes again.
* However the input is cut into pieces, the same bytes come out and the session is in the same state.
* Nothing is kept that is longer than the limits.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Final

from adapters.postgres.plan import SessionState
from adapters.postgres.session import startup as session_startup
from adapters.postgres.session.channel import Checks, Limits
from adapters.postgres.session.conversation import Conversation
from adapters.postgres.wire import auth, requests, responses, startup
from adapters.postgres.wire.framing import FrameBuffer, frame
from gateway.errors import MenshenError, ProtocolViolation, Unsupported
from gateway.model import Principal
from tests.support.stub_planner import StubPlanner

LIMIT: Final = 4096
"""Bytes of one message in the sessions that are fuzzed."""


# -- startup -----------------------------------------------------------------------------------------------------------
def startup_packets(data: bytes) -> None:
    """The startup family, and what is read from a StartupMessage."""
    if len(data) >= 4:
        with contextlib.suppress(startup.NotStartupError):
            assert 8 <= startup.packet_length(data[:4]) <= startup.STARTUP_LIMIT
    try:
        packet = startup.decode(data)
    except (ProtocolViolation, Unsupported):
        return
    if isinstance(packet, startup.CancelRequest):
        assert startup.encode_cancel(packet.pid, packet.secret)[4:] == data
    elif isinstance(packet, startup.SSLRequest):
        assert startup.SSL_REQUEST[4:] == data
    elif isinstance(packet, startup.GSSENCRequest):
        assert startup.GSSENC_REQUEST[4:] == data
    else:
        _startup_message(packet, data)


def _startup_message(packet: startup.StartupMessage, data: bytes) -> None:
    again = startup.encode_startup(packet.parameters, packet.protocol)
    assert startup.decode(again[4:]) == startup.StartupMessage(packet.protocol, packet.parameters)
    assert packet.spoken in range(startup.PROTOCOL_3_0, startup.NEWEST_PROTOCOL + 1)
    assert packet.key_length in (4, 32)
    if packet.negotiation:
        (kind, _), *more = _frames(packet.negotiation)
        assert (kind, more) == (ord("v"), [])
    try:
        read = session_startup.read(packet.parameters)
    except MenshenError:
        return
    for unrestricted in (True, False):
        try:
            admitted = session_startup.admit(read, unrestricted=unrestricted)
        except MenshenError:
            continue
        startup.encode_startup({**admitted, "user": "gateway"})
        if unrestricted and read.switches:
            assert session_startup.read_options(admitted["options"]) == ({}, list(read.switches))
        if not unrestricted:
            assert admitted["client_encoding"] == "UTF8"
            assert "options" not in admitted
            assert not {"user", "database", "replication"} & admitted.keys()


# -- messages ----------------------------------------------------------------------------------------------------------
MESSAGES: Final[tuple[tuple[Callable[[bytes], object], Callable[..., bytes] | None], ...]] = (
    (requests.decode_parse, lambda m: requests.encode_parse(m.name, m.text, m.types)[5:]),
    (requests.decode_bind, lambda m: requests.encode_bind(m)[5:]),
    (requests.decode_target, lambda m: requests.encode_describe(m)[5:]),
    (requests.decode_execute, lambda m: requests.encode_execute(m)[5:]),
    (requests.decode_query, lambda m: requests.encode_query(m)[5:]),
    (requests.decode_function_call, None),
    (responses.decode_error, lambda m: responses.encode_error(m)[5:]),
    (responses.decode_parameter_status, None),
    (responses.decode_key, lambda m: responses.key_data(*m)[5:]),
    (responses.sqlstate_of, None),
    (responses.rows_of_tag, None),
    (auth.decode, None),
    (auth.decode_initial_response, None),
    (lambda body: startup.negotiated(body, startup.NEWEST_PROTOCOL), None),
)
"""A decoder, and what makes its bytes again."""


def messages(data: bytes) -> None:
    """One message of either side: the first byte says which."""
    if not data:
        return
    decode, encode = MESSAGES[data[0] % len(MESSAGES)]
    body = data[1:]
    try:
        message = decode(body)
    except ProtocolViolation:
        return
    if encode is not None:
        assert encode(message) == body, message
    if isinstance(message, requests.Parse):
        assert len(requests.type_oids(message.types)) == int.from_bytes(message.types[:2], "big")
    elif isinstance(message, requests.Bind):
        assert all(message.format_of(n) in range(0x10000) for n in range(1, len(message.values) + 1))


# -- frames ------------------------------------------------------------------------------------------------------------
def _frames(data: bytes, limit: int = 1 << 20) -> list[tuple[int, bytes]]:
    buffer = FrameBuffer(limit)
    buffer.feed(data)
    return list(buffer)


def frames(data: bytes) -> None:
    """The buffer of the rare phases. The first byte is the length of the pieces."""
    if not data:
        return
    size, data = 1 + data[0], data[1:]
    whole, wrong = _taken(data, max(len(data), 1))
    assert (whole, wrong) == _taken(data, size)
    for kind, body in whole:
        assert len(body) + 5 <= 64
        assert data.startswith(frame(bytes((kind,)), body))
        data = data[len(body) + 5 :]


def _taken(data: bytes, size: int) -> tuple[list[tuple[int, bytes]], bool]:
    buffer, taken = FrameBuffer(64), []
    try:
        for start in range(0, len(data), size):
            buffer.feed(data[start : start + size])
            for one in buffer:
                taken.append(one)
    except ProtocolViolation:
        return taken, True
    assert sum(len(body) + 5 for _, body in taken) + len(buffer.rest()) == len(data)
    return taken, False


# -- sessions ----------------------------------------------------------------------------------------------------------
CLIENT, SERVER = 0, 1


def turns(data: bytes) -> list[tuple[int, bytes]]:
    """Who says what: a byte (1: the server), a length of two bytes, the bytes; what is cut is taken as it is."""
    out = []
    while len(data) >= 3:
        size = int.from_bytes(data[1:3], "big")
        out.append((data[0] & 1, data[3 : 3 + size]))
        data = data[3 + size :]
    return out


def packed(dialogue: list[tuple[int, bytes]]) -> bytes:
    """The bytes that `turns` takes apart."""
    return b"".join(bytes((who,)) + len(said).to_bytes(2, "big") + said for who, said in dialogue)


class Ended(Exception):
    """A side broke the protocol."""


class Relay:
    """A session, and the little that its caller does: hold the client where it stalls, go on where replies have come."""

    def __init__(self) -> None:
        checks = Checks(lambda: True, lambda mask, value: "*" in value, lambda c, v: "h", self._broke)
        state = SessionState(Principal("p", "d", "job"), "app", None)
        limits = Limits(message=LIMIT, statement=LIMIT // 2, prepared=8)
        self.talk = Conversation(StubPlanner(unrestricted=False), state, checks, limits, {"client_encoding": "UTF8"})
        self.to_server, self.to_client = bytearray(), bytearray()
        self.records: dict[int, tuple[int, str]] = {}
        self._held = bytearray()

    def _broke(self, exc: Exception) -> None:
        raise AssertionError("a mistake of ours") from exc

    def say(self, who: int, data: bytes) -> None:
        try:
            if who == CLIENT:
                self._held += data
            else:
                self.talk.from_server(data, 1)
            self._go_on()
        except ProtocolViolation as exc:
            raise Ended from exc
        finally:
            self._take()

    def _go_on(self) -> None:
        talk = self.talk
        if talk.requests.ended or (talk.stalled and not talk.resume(1)):
            return
        if self._held:
            held = bytes(self._held)
            self._held.clear()
            talk.from_client(held, 1)

    def _take(self) -> None:
        self.to_server += b"".join(self.talk.take_to_server())
        self.to_client += b"".join(self.talk.take_to_client())
        for done in self.talk.take_completions():
            rows, _ = self.records.get(done.number, (0, ""))
            self.records[done.number] = max(rows, done.rows), done.statement.kind
        requests_ = self.talk.requests
        if not self.talk.stalled:
            assert requests_._have <= LIMIT + 1, "more is kept than a message may be long"

    def state(self) -> tuple[object, ...]:
        channel = self.talk.channel
        channel.spread()
        return (
            bytes(self.to_server), bytes(self.to_client), len(channel.queue), sorted(channel.prepared), sorted(channel.portals),
            channel.status, channel.discarding, channel.copying, self.records, self.talk.requests.ended, self.talk.stalled,
        )  # fmt: skip


def sessions(data: bytes) -> None:
    """Both sides of a session. The first byte is the length of the pieces of the second run."""
    if not data:
        return
    size, dialogue = 1 + data[0], turns(data[1:])
    whole, whole_ended = _spoken(dialogue, 1 << 30)
    cut, cut_ended = _spoken(dialogue, size)
    assert whole_ended == cut_ended
    if whole_ended:  # what came before the mistake may have left in one run and not in the other
        for one, other in ((whole.to_server, cut.to_server), (whole.to_client, cut.to_client)):
            short, long = sorted((bytes(one), bytes(other)), key=len)
            assert long.startswith(short)
    else:
        assert whole.state() == cut.state()


def _spoken(dialogue: list[tuple[int, bytes]], size: int) -> tuple[Relay, bool]:
    relay = Relay()
    try:
        for who, said in dialogue:
            for start in range(0, len(said), size):
                relay.say(who, said[start : start + size])
    except Ended:
        return relay, True
    return relay, False


logging.getLogger("adapters").setLevel(logging.CRITICAL)  # a session that is fuzzed complains all the time

TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "startup": startup_packets,
    "messages": messages,
    "frames": frames,
    "sessions": sessions,
}
"""The decoders; those of statements are in `statements`, which takes longer to import."""
