"""Accepting connections as plain sockets, so that a protocol may look at the first bytes before TLS begins."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from gateway.net.tasks import Tasks
from gateway.net.tcp import tune

_log = logging.getLogger(__name__)

_BACKLOG = 1024
# Out of descriptors or memory: the connection stays in the backlog, and trying at once would spin.
_EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class Turns(Protocol):
    """Who takes the next connection, where several processes share the sockets."""

    def wait(self) -> float:
        """Seconds that this process leaves to the others before it takes a connection that is there; 0: take it."""
        ...

    def took(self) -> None:
        """A connection was taken."""
        ...


class Alone:
    """No other process shares the sockets."""

    def wait(self) -> float:
        return 0.0

    def took(self) -> None:
        pass


def bind(host: str, port: int) -> tuple[socket.socket, ...]:
    """Listening sockets on every address of `host`, all with one port. Raises OSError where one cannot be had."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    for family, kind, protocol, _, address in dict.fromkeys(found):
        sock = socket.socket(family, kind, protocol)
        sockets.append(sock)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address[0], port, *address[2:]))
        except OSError:
            for one in sockets:
                one.close()
            raise
        sock.listen(_BACKLOG)
        sock.setblocking(False)
        port = sock.getsockname()[1]
    return tuple(sockets)


class Listener:
    """Listens on every address of `host`; each connection is `serve`d in a task of its own."""

    def __init__(
        self,
        host: str,
        port: int,
        serve: Callable[[socket.socket], Awaitable[None]],
        *,
        sockets: Sequence[socket.socket] = (),
        turns: Turns | None = None,
    ) -> None:
        """`sockets`: they listen already, and other processes may accept from them too."""
        self._host = host
        self._port = port
        self._serve = serve
        self._sockets = list(sockets)
        self._turns = turns or Alone()
        self._open = False
        self._connections = Tasks()

    @property
    def port(self) -> int:
        """The port that is listened on, also where 0 was asked for."""
        return int(self._sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Raises OSError where an address cannot be had."""
        if not self._sockets:
            self._sockets += await asyncio.to_thread(bind, self._host, self._port)
        self._open = True
        for sock in self._sockets:
            self._look(sock)

    # A connection is accepted and its task begun in one step: whatever was accepted is served, also when accepting
    # ends at that moment.
    def _look(self, listening: socket.socket) -> None:
        if self._open:
            asyncio.get_running_loop().add_reader(listening, self._ready, listening)

    def _ready(self, listening: socket.socket) -> None:
        wait = self._turns.wait()
        if wait > 0:
            self._pause(listening, wait, self._late)
        else:
            self._accept(listening)

    def _late(self, listening: socket.socket) -> None:
        self._look(listening)
        self._accept(listening)

    def _pause(self, listening: socket.socket, seconds: float, then: Callable[[socket.socket], None]) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening)
        loop.call_later(seconds, then, listening)

    def _accept(self, listening: socket.socket) -> None:
        if not self._open:
            return
        try:
            sock, _ = listening.accept()
        except OSError as exc:  # another process was first, or the client has gone again
            if exc.errno in _EXHAUSTED:
                _log.error("cannot accept connections: %s", exc)
                self._pause(listening, 0.2, self._look)
            return
        self._turns.took()
        sock.setblocking(False)
        tune(sock)
        self._connections.start(self._one(sock), name="connection")

    async def _one(self, sock: socket.socket) -> None:
        try:
            await self._serve(sock)
        except (ConnectionError, TimeoutError, OSError) as exc:
            _log.debug("a connection ended while it was set up: %s", exc)
            sock.close()

    async def stop_accepting(self) -> None:
        """No new connections here; where no other process has the sockets the system refuses them. Set-ups under way
        go on."""
        self.close()

    async def finish(self) -> None:
        """Wait for the set-ups under way."""
        await self._connections.join()

    def close(self) -> None:
        for sock in self._sockets:
            if self._open:
                asyncio.get_running_loop().remove_reader(sock)
            sock.close()
        self._open = False

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
