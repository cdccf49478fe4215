"""A protocol that waits: the bytes of a transport for coroutines, in the rare phases (login, start of an upstream).

In the steady state `Side` (relay.py) takes its place on the same transport.
"""

from __future__ import annotations

import asyncio
from typing import cast


class Inbox(asyncio.Protocol):
    """`limit`: bytes that may lie unread before the transport is paused."""

    def __init__(self, limit: int = 1 << 18) -> None:
        self.transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._limit = limit
        self._waiter: asyncio.Future[None] | None = None
        self._over = False
        self.failed = False
        """The stream ended by an error."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an instance check: uvloop's TLS transport has the methods and not the class.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > self._limit and self.transport is not None:
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._over = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.failed = self.failed or (exc is not None and not self._over)
        self._over = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def read(self) -> bytes:
        """Some bytes; nothing at the end of the stream."""
        while not self._buffer and not self._over:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self.take()

    async def exactly(self, size: int) -> bytes:
        """`size` bytes; raises ConnectionError where the stream ends before them."""
        while len(self._buffer) < size:
            if self._over:
                raise ConnectionResetError("the connection ended in the middle of a message")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def take(self) -> bytes:
        """What has come and was not read."""
        data = bytes(self._buffer)
        self._buffer.clear()
        if self.transport is not None and not self._over:
            self.transport.resume_reading()
        return data
