"""The usual exchange is a short cut: what the walk over messages does and records, it does and records too."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.postgres.plan import SessionState, StatementPlan, SubjectSource
from adapters.postgres.session import usual
from adapters.postgres.session.channel import Checks, Limits
from adapters.postgres.session.conversation import Conversation
from adapters.postgres.session.subjects import KeyHashes, Keys
from adapters.postgres.wire.framing import frame
from adapters.postgres.wire.requests import SYNC
from gateway.model import Outcome, Principal
from tests.support.fakepg import FakePostgres
from tests.support.rawpg import bind, describe, execute, parse, query
from tests.support.stub_planner import StubPlanner

EXCHANGE = bind(name="s") + describe("P", "") + execute() + SYNC
SHORT = bind(name="s") + execute() + SYNC
READY = frame(b"Z", b"I")
ROW = frame(b"D", b"\0\1\0\0\0\1x")


class Pair:
    """A conversation with a database of its own, fed chunk by chunk."""

    def __init__(self, *, healthy: bool = True) -> None:
        self.planner = StubPlanner(unrestricted=False)
        self.healthy = healthy
        checks = Checks(lambda: self.healthy, lambda mask, value: False, lambda c, v: "hash")
        state = SessionState(Principal("p", "d", "job"), "app", None)
        self.talk = Conversation(self.planner, state, checks, Limits(), {"client_encoding": "UTF8"})
        self.server = FakePostgres()
        self.shortened = 0

    def send(self, blob: bytes, *, asked: int = 0, answered: int = 0) -> bytes:
        """What the client sees of it; `asked`, `answered`: sizes of the chunks of either direction, 0: one chunk."""
        for chunk in _cut(blob, asked):
            self.talk.from_client(chunk, 1)
            self.shortened += self.talk.channel.usual is not None
            self.server.feed(b"".join(self.talk.take_to_server()))
        seen = b""
        for chunk in _cut(self.server.take(), answered):
            self.talk.from_server(chunk, 2)
            seen += b"".join(self.talk.take_to_client())
            if self.talk.stalled:
                self.talk.resume(2)
                self.server.feed(b"".join(self.talk.take_to_server()))
        return seen

    def records(self) -> list[tuple[object, ...]]:
        return [
            (one.phase, one.number, one.rows, one.size, one.sqlstate, one.subjects, one.statement.fragment)
            for one in self.talk.take_completions()
        ]


def _cut(blob: bytes, size: int) -> list[bytes]:
    size = size or len(blob)
    return [blob[at : at + size] for at in range(0, len(blob), size)] if blob else []


def prepared(text: str = "select 1", **options: bool) -> Pair:
    pair = Pair(**options)
    pair.send(parse(text, "s") + SYNC)
    pair.records()
    return pair


@pytest.mark.parametrize("exchange", [EXCHANGE, SHORT])
def test_an_exchange_that_comes_again_is_taken_as_a_whole(exchange: bytes) -> None:
    pair, walked = prepared(), prepared()
    for _ in range(3):
        assert pair.send(exchange) == walked.send(exchange, asked=1, answered=1)
        assert not pair.talk.in_flight
    assert (pair.shortened, walked.shortened) == (3, 0)
    found, want = pair.records(), [one for one in walked.records() if one[0] != "open"]
    assert [one[1:] for one in found] == [one[1:] for one in want]
    assert len(found) == 3


STEPS = st.sampled_from(
    [
        EXCHANGE, EXCHANGE, SHORT, parse("select 2", "s") + EXCHANGE, parse("fail", "") + EXCHANGE,
        query("begin"), query("commit"), query("late"), query("select 1"), EXCHANGE + EXCHANGE,
        bind(name="late") + execute() + SYNC, bind(name="none") + execute() + SYNC, EXCHANGE[:-5], SYNC,
        bind(portal="p", name="s") + execute(portal="p") + SYNC, execute() + SYNC, describe("P", "") + SYNC,
        query("x /*purpose=a*/"), query("x /*purpose=b*/"),
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=10), st.sampled_from([0, 0, 1, 7]))
def test_with_and_without_the_short_cut_the_client_and_the_trail_see_the_same(
    steps: list[bytes], answered: int
) -> None:
    pair, walked = prepared(), prepared()
    for one in (pair, walked):
        one.send(parse("late", "late") + SYNC)
    for step in steps:
        assert pair.send(step, answered=answered) == walked.send(step, asked=1, answered=1)
    assert pair.send(SYNC) == walked.send(SYNC)
    assert pair.talk.in_flight == walked.talk.in_flight
    assert set(pair.talk.channel.portals) == set(walked.talk.channel.portals)
    assert [one[1:] for one in pair.records() if one[0] != "open"] == [
        one[1:] for one in walked.records() if one[0] != "open"
    ]


def test_a_statement_that_was_judged_under_another_policy_is_judged_again() -> None:
    pair = prepared()
    pair.send(EXCHANGE)
    pair.planner.bundle = "another"
    before = len(pair.planner.asked)
    pair.send(EXCHANGE)
    assert len(pair.planner.asked) == before + 1


def test_without_a_trail_what_is_governed_is_refused() -> None:
    pair = prepared("select /*governed*/ 1")
    pair.send(EXCHANGE)
    shortened, pair.healthy = pair.shortened, False
    assert b"58030" in pair.send(EXCHANGE)
    assert pair.shortened == shortened


def test_what_has_to_look_at_its_values_is_walked() -> None:
    pair = prepared("update /*guard*/ t")
    pair.send(EXCHANGE)
    assert pair.shortened == 0


@pytest.mark.parametrize(
    "chunk",
    [
        b"", EXCHANGE[:-1], EXCHANGE + b"S", bind(name="s") + execute(limit=1) + SYNC, bind(name="s") + SYNC, b"B", b"B\0\0\0\4",
        bind(portal="p", name="s") + execute() + SYNC, frame(b"B", b"\0s") + execute() + SYNC, b"S" + EXCHANGE,
    ],
)  # fmt: skip
def test_what_is_no_usual_exchange(chunk: bytes) -> None:
    assert usual.statement_name(chunk) is None


def test_the_name_the_end_and_the_describe() -> None:
    assert usual.statement_name(EXCHANGE) == (b"s", len(bind(name="s")), True)
    assert usual.statement_name(SHORT) == (b"s", len(bind(name="s")), False)


COMPLETE = frame(b"C", b"SELECT 1\0")


@pytest.mark.parametrize(
    ("tail", "rows"),
    [
        (COMPLETE + READY, 0),
        (ROW + ROW + COMPLETE + frame(b"Z", b"T"), 2),
        (ROW + COMPLETE + frame(b"Z", b"E"), None),
        (ROW + COMPLETE, None),
        (ROW + READY, None),
        (COMPLETE + frame(b"N", b"\0") + READY, None),
        (frame(b"D", READY), None),
        (b"D\0\0\0\4" + COMPLETE + READY, None),
        (ROW + frame(b"E", b"\0") + READY, None),
        (READY, None),
        (b"", None),
    ],
)
def test_rows_are_walked_to_their_very_end(tail: bytes, rows: int | None) -> None:
    head = b"2\0\0\0\4"
    found = usual.rows_end(head + tail, len(head))
    assert (None if found is None else found[1]) == rows
    if found is not None:
        assert (head + tail)[found[0] :].startswith(COMPLETE)
    statement = StatementPlan("SELECT", Outcome.VEIL, "p", None, b"", subjects=(SubjectSource("t.a", 0),))
    assert usual.rows_end(head + tail, len(head), Keys(statement, KeyHashes(str), (), ())) == found, (
        "the same with keys read"
    )


def test_how_an_answer_begins() -> None:
    described = b"2\0\0\0\4" + frame(b"T", b"\0\1")
    assert usual.answer_of(described + ROW, described=True) == described
    assert usual.answer_of(described + ROW, described=False) == b"2\0\0\0\4"
    assert usual.answer_of(described[:-1], described=True) == b""
    assert usual.answer_of(b"2\0\0\0\4", described=True) == b""
    assert usual.answer_of(b"2\0\0\0\4" + READY, described=True) == b""
    assert usual.answer_of(b"2\0\0\0\4" + frame(b"T", b"x" * 2_000), described=True) == b""
    assert usual.answer_of(b"1\0\0\0\4", described=False) == b""
