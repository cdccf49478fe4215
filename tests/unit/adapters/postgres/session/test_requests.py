"""Client to database, message by message."""

from __future__ import annotations

import pytest

from adapters.postgres.plan import SessionState
from adapters.postgres.session.channel import Checks, Limits
from adapters.postgres.session.conversation import Conversation
from adapters.postgres.session.refuse import REFUSED_MESSAGE, REFUSED_QUERY, refused_parse
from adapters.postgres.wire.framing import HEADER, frame
from adapters.postgres.wire.requests import SYNC, TERMINATE
from gateway.errors import ProtocolViolation
from gateway.model import Principal
from tests.support.rawpg import bind, execute, parse, query
from tests.support.stub_planner import StubPlanner


def conversation(limits: Limits | None = None, *, healthy: bool = True, unrestricted: bool = False) -> Conversation:
    state = SessionState(Principal("p", "d", "job"), "app", None)
    checks = Checks(lambda: healthy, lambda mask, value: "*" in value, lambda c, v: "h")
    planner = StubPlanner(unrestricted=unrestricted)
    return Conversation(planner, state, checks, limits or Limits(), {"client_encoding": "UTF8"})


def sent(talk: Conversation, *frames: bytes) -> list[bytes]:
    talk.from_client(b"".join(frames), 1)
    return talk.take_to_server()


def test_a_chunk_that_needs_no_change_leaves_as_the_same_object() -> None:
    talk = conversation()
    chunk = parse("select 1") + bind() + execute() + SYNC
    talk.from_client(chunk, 1)
    assert talk.take_to_server()[0] is chunk


def test_only_the_refused_message_is_replaced() -> None:
    talk = conversation()
    before, after = parse("select 1") + bind(), bind(name="x") + SYNC
    assert b"".join(sent(talk, before, parse("/*deny*/", "n"), SYNC)) == before + refused_parse(b"n") + SYNC
    assert sent(talk, query("/*deny*/")) == [REFUSED_QUERY]
    assert b"".join(sent(talk, after)) != after


def test_governed_statements_wait_for_a_healthy_trail() -> None:
    talk = conversation(healthy=False)
    assert sent(talk, query("select 1 /*governed*/")) == [REFUSED_QUERY]
    assert b"".join(sent(talk, parse("select 1 /*governed*/"), bind())).endswith(REFUSED_MESSAGE)
    assert sent(talk, query("select 1")) == [query("select 1")]


def test_limits() -> None:
    talk = conversation(Limits(message=100, statement=20, prepared=1))
    assert sent(talk, query("select " + "1" * 30)) == [REFUSED_QUERY]
    assert sent(talk, parse("select 1", "a")) == [parse("select 1", "a")]
    assert sent(talk, parse("select 1", "b")) == [refused_parse(b"b")]
    with pytest.raises(ProtocolViolation):
        sent(talk, b"B" + HEADER.pack(101))


@pytest.mark.parametrize(
    "garbage",
    [b"!\0\0\0\4", b"Q\0\0\0\3", b"Q\xff\xff\xff\xff", b"p\0\0\0\4"],
)
def test_garbage_ends_the_session(garbage: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        sent(conversation(), garbage)


@pytest.mark.parametrize(
    "malformed",
    [frame(b"P", b"a\0b"), frame(b"B", b"no end"), frame(b"D", b"X\0"), frame(b"E", b"\0\0\0"), frame(b"C", b"S"),
     frame(b"Q", b"no end"), frame(b"F", b"\0")],
)  # fmt: skip
def test_a_message_without_a_meaning_fails_alone(malformed: bytes) -> None:
    assert sent(conversation(), malformed + SYNC) == [malformed[:1] + HEADER.pack(4), SYNC]


def test_messages_in_front_of_garbage_are_still_sent() -> None:
    talk = conversation()
    with pytest.raises(ProtocolViolation):
        talk.from_client(query("select 1") + b"!\0\0\0\4", 1)


def test_copy_data_passes_in_parts() -> None:
    talk = conversation()
    head, body = b"d" + HEADER.pack(10_004), b"x" * 10_000
    assert b"".join(sent(talk, head[:3])) == b""
    assert b"".join(sent(talk, head[3:])) == head
    assert sent(talk, body[:7000]) == [body[:7000]]
    assert talk.requests.partial
    assert b"".join(sent(talk, body[7000:], query("select 1"))) == body[7000:] + query("select 1")
    assert not talk.requests.partial


def test_goodbye() -> None:
    talk = conversation()
    sent(talk, TERMINATE)
    assert talk.requests.ended


def test_masked_value_in_a_bind_is_refused_and_null_is_not() -> None:
    talk = conversation()
    sent(talk, parse("update c /*guard*/", "u"))
    assert sent(talk, bind("138****5678", name="u")) == [REFUSED_MESSAGE]
    assert sent(talk, bind(None, name="u")) == [bind(None, name="u")]


def test_unrestricted_uses_what_sql_prepared() -> None:
    talk = conversation(unrestricted=True)
    assert sent(talk, bind(name="by sql"), execute()) == [bind(name="by sql") + execute()]
    assert 'EXECUTE "by sql"' in talk.channel.planner.planned  # type: ignore[attr-defined]


def test_a_later_actor_is_not_in_an_earlier_record() -> None:
    talk = conversation()
    talk.channel.state.actor = "first"
    sent(talk, query("select 1"))
    talk.channel.state.actor = "second"
    talk.from_server(frame(b"C", b"SELECT 0\0") + frame(b"Z", b"I"), 2)
    assert [done.actor for done in talk.take_completions()] == ["first"]
