from __future__ import annotations

import asyncio

import pytest

from gateway.net.inbox import Inbox


async def test_reads_what_comes_and_then_the_end() -> None:
    inbox = Inbox()
    waiting = asyncio.ensure_future(inbox.exactly(4))
    await asyncio.sleep(0)
    for part in (b"a", b"bc", b"defg"):
        inbox.data_received(part)
        await asyncio.sleep(0)
    assert await waiting == b"abcd"
    assert await inbox.read() == b"efg"
    inbox.eof_received()
    assert await inbox.read() == b""
    with pytest.raises(ConnectionResetError):
        await inbox.exactly(1)


async def test_end_wakes_who_waits() -> None:
    inbox = Inbox()
    waiting = asyncio.ensure_future(inbox.read())
    await asyncio.sleep(0)
    inbox.connection_lost(None)
    assert await waiting == b""
