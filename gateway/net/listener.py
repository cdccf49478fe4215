"""Accepting connections as plain sockets, so that a protocol may look at the first bytes before TLS begins."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable

from gateway.net.tasks import Tasks

_log = logging.getLogger(__name__)

_BACKLOG = 1024
# Out of descriptors or memory: the connection stays in the backlog, and trying at once would spin.
_EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class Listener:
    """Listens on every address of `host`; each connection is `serve`d in a task of its own."""

    def __init__(self, host: str, port: int, serve: Callable[[socket.socket], Awaitable[None]]) -> None:
        self._host = host
        self._port = port
        self._serve = serve
        self._sockets: list[socket.socket] = []
        self._accepting = Tasks()
        self._connections = Tasks()

    @property
    def port(self) -> int:
        """The port that is listened on, also where 0 was asked for."""
        return int(self._sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Raises OSError where an address cannot be had."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host or None, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        port = self._port
        for family, kind, protocol, _, address in dict.fromkeys(found):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind((address[0], port, *address[2:]))
            except OSError:
                sock.close()
                self.close()
                raise
            sock.listen(_BACKLOG)
            sock.setblocking(False)
            self._sockets.append(sock)
            port = sock.getsockname()[1]
        for sock in self._sockets:
            self._accepting.start(self._accept(sock), name=f"accept {self._host}:{self.port}")

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, _ = await loop.sock_accept(listening)
            except OSError as exc:
                if exc.errno in _EXHAUSTED:
                    _log.error("cannot accept connections: %s", exc)
                    await asyncio.sleep(0.2)
                continue
            sock.setblocking(False)
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._connections.start(self._one(sock), name="connection")

    async def _one(self, sock: socket.socket) -> None:
        try:
            await self._serve(sock)
        except (ConnectionError, TimeoutError, OSError) as exc:
            _log.debug("a connection ended while it was set up: %s", exc)
            sock.close()

    async def stop_accepting(self) -> None:
        """New connections are refused by the system from now on; set-ups under way go on."""
        await self._accepting.cancel()
        self.close()

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()

    async def stop(self) -> None:
        await self.stop_accepting()
        await self._connections.cancel()


async def first_byte(sock: socket.socket) -> bytes:
    """The next byte, left in the socket; nothing where the peer closed."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    descriptor = sock.fileno()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(descriptor, wake)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
    return sock.recv(1, socket.MSG_PEEK)


def has_more(sock: socket.socket) -> bool:
    """Whether bytes wait in the socket right now."""
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


async def receive_exactly(sock: socket.socket, size: int) -> bytes:
    """`size` bytes and not one more. Raises ConnectionError at the end of the stream."""
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < size:
        chunk = await loop.sock_recv(sock, size - len(data))
        if not chunk:
            raise ConnectionResetError("the connection ended in the middle of a message")
        data += chunk
    return data
