"""What crosses the bus arrives as it was, in pieces of any size; what is none of it ends the connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Denied, Problem, ProblemsFound
from gateway.fleet.messages import Answer, Ask, BusBroken, Decoder, Failure, Message, Tell, encode, from_error, to_error

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = st.dictionaries(st.text(), JSON, max_size=3)
MESSAGES = st.one_of(
    st.builds(Ask, st.integers(0, 2**31), st.text(), MEMBERS),
    st.builds(Answer, st.integers(0, 2**31), JSON),
    st.builds(Failure, st.integers(0, 2**31), MEMBERS),
    st.builds(Tell, st.text(), MEMBERS),
)


@given(st.lists(MESSAGES, max_size=6), st.integers(1, 40))
def test_messages_arrive_as_they_were(messages: list[Message], size: int) -> None:
    stream = b"".join(encode(one) for one in messages)
    decoder = Decoder()
    found = [one for at in range(0, len(stream), size) for one in decoder.feed(stream[at : at + size])]
    assert found == messages


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff", b"\0\0\0\1{", b"\0\0\0\2[]", b"\0\0\0\2{}", b'\0\0\0\x0a{"ask":"a"}'[:14],
        b'\0\0\0\x16{"tell":1,"with":{}}  ',
    ],
)  # fmt: skip
def test_what_is_no_message_breaks_the_bus(data: bytes) -> None:
    with pytest.raises(BusBroken):
        Decoder().feed(data)


def test_what_is_no_json_is_not_sent() -> None:
    with pytest.raises(BusBroken, match="no JSON"):
        encode(Tell("a", {"b": object()}))


def test_errors_look_as_they_looked_there() -> None:
    there = Denied("no rule", hint="Ask.", sqlstate="42501")
    here = to_error(from_error(there))
    assert (here.message, here.hint, here.sqlstate, here.http_status) == ("no rule", "Ask.", "42501", 403)
    problems = ProblemsFound([Problem("rules.csv", 3, "unknown class", "name one of …")])
    again = to_error(from_error(problems))
    assert isinstance(again, ProblemsFound)
    assert [str(one) for one in again.problems] == [str(one) for one in problems.problems]
    assert to_error({"what": 1}).http_status == 500
