from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.net.listener import Listener, bind, first_byte, has_more, receive_exactly


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


class _Leaves:
    """Leaves every connection to the others for a moment."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.taken = seconds, 0

    def wait(self) -> float:
        return self.seconds

    def took(self) -> None:
        self.taken += 1


async def test_of_two_that_share_a_socket_the_one_whose_turn_it_is_takes_it() -> None:
    served: list[str] = []

    def listener(name: str, sock: socket.socket, turns: _Leaves) -> Listener:
        async def serve(client: socket.socket) -> None:
            served.append(name)
            client.close()

        return Listener("127.0.0.1", 0, serve, sockets=[sock], turns=turns)

    (sock,) = bind("127.0.0.1", 0)
    port = sock.getsockname()[1]
    busy, idle = _Leaves(0.1), _Leaves(0.0)
    one, other = listener("busy", sock, busy), listener("idle", sock.dup(), idle)
    await one.start()
    await other.start()
    for _ in range(5):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await asyncio.sleep(0.02)
    assert served == ["idle"] * 5
    await other.stop()
    for _ in range(2):  # alone it takes them all the same, later
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
    await asyncio.sleep(0.5)
    assert served[5:] == ["busy"] * 2
    assert (busy.taken, idle.taken) == (2, 5)
    await one.stop()


async def test_what_was_accepted_is_served_after_it_stopped_accepting() -> None:
    served: list[int] = []

    async def serve(sock: socket.socket) -> None:
        await asyncio.sleep(0.05)
        served.append(1)
        sock.close()

    listener = Listener("127.0.0.1", 0, serve)
    await listener.start()
    _, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    await asyncio.sleep(0.01)
    await listener.stop_accepting()
    await listener.finish()
    assert served == [1]
    writer.close()
