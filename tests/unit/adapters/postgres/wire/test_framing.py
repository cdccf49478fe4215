from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.wire.framing import Fields, FrameBuffer, frame
from gateway.errors import ProtocolViolation

FRAMES = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=50)), max_size=8)


@given(FRAMES, st.data())
def test_any_chunking_gives_the_same_frames(frames: list[tuple[int, bytes]], data: st.DataObject) -> None:
    blob = b"".join(frame(bytes([kind]), body) for kind, body in frames)
    buffer, got = FrameBuffer(1000), []
    while blob:
        step = data.draw(st.integers(1, len(blob)))
        buffer.feed(blob[:step])
        blob = blob[step:]
        got += list(buffer)
    assert got == frames
    assert buffer.rest() == b""


def test_length_is_judged_before_the_body_comes() -> None:
    for announced in (b"\0\0\0\3", b"\xff\xff\xff\xff", b"\0\0\3\xe8"):
        buffer = FrameBuffer(1000)
        buffer.feed(b"Q" + announced)
        with pytest.raises(ProtocolViolation):
            buffer.pop()


def test_kind_is_known_before_the_length() -> None:
    buffer = FrameBuffer(1000)
    assert buffer.kind is None
    buffer.feed(b"p\0")
    assert buffer.kind == ord("p")
    assert buffer.pop() is None
    assert buffer.rest() == b"p\0"


def test_fields_never_read_beyond_the_body() -> None:
    fields = Fields(b"ab\0\0\1\xff\xff\xff\xffrest")
    assert fields.cstring() == b"ab"
    assert fields.int16() == 1
    assert fields.int32() == -1
    with pytest.raises(ProtocolViolation):
        fields.end()
    assert fields.rest() == b"rest"
    fields.end()
    for read in (fields.byte, fields.int16, fields.uint32, fields.cstring):
        with pytest.raises(ProtocolViolation):
            read()
    with pytest.raises(ProtocolViolation):
        Fields(b"abc").take(-1)
