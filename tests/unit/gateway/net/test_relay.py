from __future__ import annotations

import asyncio
from typing import cast

from gateway.net.relay import PEER_IS_FULL, WAITS_FOR_RECORD, WAITS_FOR_REPLIES, Side, join


class FakeTransport:
    def __init__(self) -> None:
        self.reading = True
        self.closing = False
        self.protocol: object = None

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing

    def set_protocol(self, protocol: object) -> None:
        self.protocol = protocol

    def set_write_buffer_limits(self, high: int) -> None:
        assert high > 0


def side(received: list[bytes]) -> tuple[Side, FakeTransport]:
    transport = FakeTransport()
    return Side(cast(asyncio.Transport, transport), received.append, lambda exc: None), transport


def test_reasons_to_hold_do_not_undo_each_other() -> None:
    one, transport = side([])
    one.hold(WAITS_FOR_REPLIES)
    one.hold(WAITS_FOR_RECORD)
    one.release(WAITS_FOR_REPLIES)
    assert not transport.reading
    one.release(WAITS_FOR_REPLIES)
    one.release(WAITS_FOR_RECORD)
    assert transport.reading


def test_a_full_side_stops_its_peer() -> None:
    (one, first), (other, second) = side([]), side([])
    join(one, other)
    one.pause_writing()
    assert first.reading
    assert not second.reading
    other.release(WAITS_FOR_RECORD)
    assert not second.reading
    one.resume_writing()
    assert second.reading
    other.pause_writing()
    assert not first.reading
    assert one._holds == PEER_IS_FULL


def test_attach_gives_the_rest_first() -> None:
    got: list[bytes] = []
    one, transport = side(got)
    transport.reading = False
    one.attach(b"rest")
    assert got == [b"rest"]
    assert transport.reading
    assert transport.protocol is one


def test_closing_transports_are_left_alone() -> None:
    one, transport = side([])
    transport.closing = True
    one.hold(PEER_IS_FULL)
    assert transport.reading
