"""The conversation must be invisible: through it, a client sees what it would see from the database itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.postgres.plan import SessionState
from adapters.postgres.session.channel import Checks, Limits
from adapters.postgres.session.conversation import Conversation
from adapters.postgres.wire.framing import FrameBuffer
from adapters.postgres.wire.requests import FLUSH, SYNC
from adapters.postgres.wire.responses import sqlstate_of
from gateway.model import Principal
from tests.support.fakepg import FakePostgres
from tests.support.rawpg import bind, close, describe, execute, parse, query
from tests.support.stub_planner import StubPlanner

NAMES = st.sampled_from(["", "s", "t"])
TEXTS = st.sampled_from(
    ["select 1", "select 2", "fail", "late", "/*deny*/", "begin", "commit", "rollback", "x /*purpose=a*/",
     "fail /*purpose=b*/", "late /*purpose=c*/"]
)  # fmt: skip
MESSAGES = st.one_of(
    st.builds(parse, TEXTS, NAMES),
    st.builds(lambda s, p: bind(name=s, portal=p), NAMES, NAMES),
    st.builds(describe, st.sampled_from(["S", "P"]), NAMES),
    st.builds(execute, st.sampled_from([0, 1]), NAMES),
    st.builds(close, st.sampled_from(["S", "P"]), NAMES),
    st.builds(query, TEXTS),
    st.builds(lambda a, b: query(f"{a};{b}"), TEXTS, TEXTS),
    st.sampled_from([SYNC, SYNC, SYNC, FLUSH]),
)


def conversation(*, unrestricted: bool) -> Conversation:
    state = SessionState(Principal("p", "d", "job"), "app", None)
    checks = Checks(lambda: True, lambda mask, value: False, lambda c, v: "hash")
    return Conversation(StubPlanner(unrestricted=unrestricted), state, checks, Limits(), {"client_encoding": "UTF8"})


def tokens(stream: bytes) -> list[str]:
    frames = FrameBuffer(1 << 20)
    frames.feed(stream)
    return [chr(kind) + (sqlstate_of(body) if kind == ord("E") else body.decode("latin1")) for kind, body in frames]


def through(talk: Conversation, blob: bytes, data: st.DataObject) -> bytes:
    """Move bytes in chunks of any size, in any order that sockets could."""
    server = FakePostgres()
    to_server, to_gateway, seen = b"", b"", b""
    clock = 0
    while blob or to_server or to_gateway or talk.stalled:
        clock += 1
        moves = []
        if blob and not talk.stalled:
            moves.append("client")
        if to_server:
            moves.append("server")
        if to_gateway:
            moves.append("gateway")
        assert moves, "stalled for ever"
        move = data.draw(st.sampled_from(moves))
        if move == "client":
            size = data.draw(st.integers(1, len(blob)))
            talk.from_client(blob[:size], clock)
            blob = blob[size:]
        elif move == "server":
            server.feed(to_server)
            to_server = b""
        else:
            size = data.draw(st.integers(1, len(to_gateway)))
            talk.from_server(to_gateway[:size], clock)
            to_gateway = to_gateway[size:]
            if talk.stalled:
                talk.resume(clock)
        to_server += b"".join(talk.take_to_server())
        seen += b"".join(talk.take_to_client())
        to_gateway += server.take()
    return seen


@settings(max_examples=400, deadline=None)
@given(st.lists(MESSAGES, min_size=1, max_size=12), st.booleans(), st.data())
def test_client_sees_what_the_database_says(messages: list[bytes], unrestricted: bool, data: st.DataObject) -> None:
    blob = b"".join(messages) + SYNC
    direct = FakePostgres(denied="/*deny*/")
    direct.feed(blob)
    talk = conversation(unrestricted=unrestricted)
    assert tokens(through(talk, blob, data)) == tokens(direct.take())
    assert not talk.in_flight
    assert talk.channel.unsettled == 0
    assert not talk.requests.partial


@settings(max_examples=150, deadline=None)
@given(st.lists(MESSAGES, min_size=1, max_size=12), st.data())
def test_every_row_has_a_record(messages: list[bytes], data: st.DataObject) -> None:
    talk = conversation(unrestricted=False)
    seen = tokens(through(talk, b"".join(messages) + SYNC, data))
    done = talk.take_completions()
    closed = [one for one in done if one.phase != "open"]
    rows = sum(token.startswith("D") for token in seen)
    assert sum(one.rows for one in closed if one.sqlstate == "00000") >= rows
    assert len({(one.number, one.phase) for one in done}) == len(done)
    opened = {one.number for one in done if one.phase == "open"}
    assert opened == {one.number for one in done if one.phase == "close"}


@pytest.mark.parametrize("drops", [query("select 2"), close("S", "")])
@pytest.mark.parametrize("asks", [describe("S", ""), bind() + execute()])
def test_a_statement_whose_end_was_skipped_is_still_there(drops: bytes, asks: bytes) -> None:
    """What drops it follows a message that fails, so it is skipped; the next batch must not be judged before that."""
    blob = parse("select 1") + SYNC + bind(name="none") + drops + SYNC + asks + SYNC
    direct, server, talk = FakePostgres(), FakePostgres(), conversation(unrestricted=False)
    direct.feed(blob)
    talk.from_client(blob, 1)
    seen = b""
    while asked := b"".join(talk.take_to_server()):
        server.feed(asked)
        talk.from_server(server.take(), 2)
        talk.resume(2)
        seen += b"".join(talk.take_to_client())
    assert tokens(seen) == tokens(direct.take())
