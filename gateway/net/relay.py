"""Two transports that feed each other with exact back-pressure.

A side whose peer's write buffer is above its high-water mark is not read, so a slow reader stops the sender through
TCP, and memory stays flat: at most one read and one write buffer for each direction. Reasons to hold a side are bits,
so that one that goes away does not undo another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

PEER_IS_FULL: Final = 1
WAITS_FOR_REPLIES: Final = 2
WAITS_FOR_RECORD: Final = 4

HIGH_WATER: Final = 256 * 1024
"""Bytes that a transport may have accepted and not yet handed to the kernel."""


class Side(asyncio.Protocol):
    """One end. `received` gets every chunk as it came; `lost` is called once, with the peer's or our own error."""

    def __init__(
        self,
        transport: asyncio.Transport,
        received: Callable[[bytes], None],
        lost: Callable[[Exception | None], None],
    ) -> None:
        self.transport = transport
        # Set on the instance, so that the loop calls the handler itself and not a method in between.
        self.data_received = received  # type: ignore[method-assign, assignment]
        self._lost = lost
        self._holds = 0
        self.peer: Side | None = None

    def attach(self, rest: bytes) -> None:
        """Take the transport over from the protocol of the login; `rest`: what that one did not use."""
        transport = self.transport
        transport.set_write_buffer_limits(high=HIGH_WATER)
        transport.set_protocol(self)
        if rest:
            self.data_received(rest)
        if not self._holds:
            transport.resume_reading()

    def hold(self, reason: int) -> None:
        """Stop reading from this side."""
        if not self._holds and not self.transport.is_closing():
            self.transport.pause_reading()
        self._holds |= reason

    def release(self, reason: int) -> None:
        if self._holds & reason:
            self._holds &= ~reason
            if not self._holds and not self.transport.is_closing():
                self.transport.resume_reading()

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.hold(PEER_IS_FULL)

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.release(PEER_IS_FULL)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(exc)


def join(one: Side, other: Side) -> None:
    one.peer, other.peer = other, one
