"""No bytes of a peer may end in anything but a ProtocolViolation (or an Unsupported major version)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.postgres.wire import auth, requests, responses, startup
from adapters.postgres.wire.framing import FrameBuffer
from gateway.errors import ProtocolViolation, Unsupported
from tests.unit.adapters.postgres.session.test_requests import conversation

DECODERS: list[Callable[[bytes], object]] = [
    startup.decode, auth.decode, auth.decode_initial_response, requests.decode_parse, requests.decode_bind,
    requests.decode_target, requests.decode_execute, requests.decode_query, requests.decode_function_call,
    responses.decode_error, responses.decode_parameter_status, responses.decode_key, responses.sqlstate_of,
    responses.rows_of_tag,
]  # fmt: skip
KINDS = st.sampled_from(b"PBDECSHQFXdcfp!\0")
FRAMES = st.lists(
    st.tuples(KINDS, st.binary(max_size=30)).map(
        lambda f: bytes([f[0]]) + (len(f[1]) + 4).to_bytes(4, "big") + f[1]
    ),
    max_size=6,
).map(b"".join)  # fmt: skip
SERVER_KINDS = st.sampled_from(b"RSKZTtDdCIsEN123nGHWcVAv!")
SERVER_FRAMES = st.lists(
    st.tuples(SERVER_KINDS, st.binary(max_size=30)).map(
        lambda f: bytes([f[0]]) + (len(f[1]) + 4).to_bytes(4, "big") + f[1]
    ),
    max_size=6,
).map(b"".join)


@pytest.mark.parametrize("decode", DECODERS, ids=lambda d: d.__module__.rpartition(".")[2] + "." + d.__name__)
@settings(max_examples=150, deadline=None)
@given(body=st.binary(max_size=60))
def test_decoders(decode: Callable[[bytes], object], body: bytes) -> None:
    with contextlib.suppress(ProtocolViolation, Unsupported):
        decode(body)


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_frames(data: bytes) -> None:
    buffer = FrameBuffer(64)
    buffer.feed(data)
    with contextlib.suppress(ProtocolViolation):
        assert sum(len(body) + 5 for _, body in buffer) + len(buffer.rest()) == len(data)


@settings(max_examples=400, deadline=None)
@given(FRAMES | st.binary(max_size=60), st.integers(1, 40))
def test_client_garbage(data: bytes, size: int) -> None:
    talk = conversation()
    with contextlib.suppress(ProtocolViolation):
        for start in range(0, len(data), size):
            if talk.stalled:
                break
            talk.from_client(data[start : start + size], 1)


@settings(max_examples=400, deadline=None)
@given(SERVER_FRAMES | st.binary(max_size=60), FRAMES, st.integers(1, 40))
@example(b"Z\0\0\0\4", b"F\0\0\0\x08\0\0\0\0", 5)
def test_database_garbage(data: bytes, asked: bytes, size: int) -> None:
    talk = conversation()
    with contextlib.suppress(ProtocolViolation):
        talk.from_client(asked, 1)
        for start in range(0, len(data), size):
            talk.from_server(data[start : start + size], 1)
