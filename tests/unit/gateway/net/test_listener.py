from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.net.listener import Listener, first_byte, has_more, receive_exactly


async def test_looks_without_taking() -> None:
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        assert not has_more(one)
        other.sendall(b"abcdef")
        assert await first_byte(one) == b"a"
        assert await receive_exactly(one, 4) == b"abcd"
        assert has_more(one)
        other.close()
        assert await receive_exactly(one, 2) == b"ef"
        assert await first_byte(one) == b""
        with pytest.raises(ConnectionResetError):
            await receive_exactly(one, 1)


async def test_serves_until_it_stops_accepting() -> None:
    served: list[socket.socket] = []

    async def serve(sock: socket.socket) -> None:
        served.append(sock)
        sock.close()

    listener = Listener("localhost", 0, serve)
    await listener.start()
    port = listener.port
    for _ in range(3):
        _, writer = await asyncio.open_connection("localhost", port)
        writer.close()
    await asyncio.sleep(0.05)
    assert len(served) == 3
    await listener.stop()
    with pytest.raises(OSError):  # noqa: PT011 - refused
        await asyncio.open_connection("localhost", port)


async def test_address_in_use() -> None:
    async def serve(sock: socket.socket) -> None:
        sock.close()

    first = Listener("127.0.0.1", 0, serve)
    await first.start()
    with pytest.raises(OSError):  # noqa: PT011 - EADDRINUSE
        await Listener("127.0.0.1", first.port, serve).start()
    await first.stop()
