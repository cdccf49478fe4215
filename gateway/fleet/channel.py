"""One end of the bus: questions that are answered, news that are not, over a connected socket.

    channel = Channel(sock, {"reload": reload, …})
    await channel.open()
    value = await channel.ask("state", seconds=1.0)
    channel.tell("suspensions", held=[…])
    await channel.closed.wait()

Handlers get the members of a message as keywords. News are handled in the order in which they come; a question that
takes its time does not hold up the next.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from gateway.errors import MenshenError
from gateway.fleet.messages import Answer, Ask, BusBroken, Decoder, Failure, Tell, encode, from_error, to_error
from gateway.log import event
from gateway.net.tasks import Tasks

log = logging.getLogger(__name__)

_MAX_UNSENT: Final = 32 << 20
"""A peer that does not read so much is stuck: it is let go, and whoever minds it starts another."""

Handler: TypeAlias = Callable[..., Any]
"""Plain or asynchronous; what it gives is the answer."""


class PeerLost(MenshenError):
    """The other process is gone, or does not answer in time."""

    sqlstate = "57P03"
    http_status = 503


class Channel(asyncio.Protocol):
    """Construct it with a connected socket, then `open`."""

    def __init__(self, sock: socket.socket, handlers: Mapping[str, Handler], name: str) -> None:
        """`name`: who the peer is, for errors."""
        self.closed = asyncio.Event()
        self._sock, self._handlers, self._name = sock, handlers, name
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._tasks = Tasks()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, sock=self._sock)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # -- what this end says -------------------------------------------------------------------------------------------
    def tell(self, name: str, /, **members: Any) -> None:
        """News; lost where the peer is gone."""
        self._write(encode(Tell(name, members)))

    async def ask(self, name: str, /, *, seconds: float = 10.0, **members: Any) -> Any:
        """The peer's answer. Raises PeerLost, and whatever MenshenError the peer raised."""
        if self.closed.is_set() or self._transport is None:
            raise PeerLost(f"{self._name} is not there")
        self._number += 1
        number = self._number
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._write(encode(Ask(number, name, members)))
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            raise PeerLost(f"{self._name} does not answer") from None
        finally:
            self._waiting.pop(number, None)

    def _write(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > _MAX_UNSENT:
            event(log, logging.ERROR, "bus_stuck", "a process of the gateway does not read", peer=self._name)
            transport.abort()

    # -- what the other end says --------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop has a class of its own

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._decoder.feed(data)
        except BusBroken as broken:
            event(log, logging.ERROR, "bus_broken", str(broken), peer=self._name)
            if self._transport is not None:
                self._transport.abort()
            return
        for message in messages:
            match message:
                case Ask():
                    self._tasks.start(self._answer(message), name=f"bus {message.name}")
                case Tell():
                    self._heard(message)
                case Answer(number, value):
                    self._settle(number, value)
                case Failure(number, failed):
                    self._settle(number, to_error(failed))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(PeerLost(f"{self._name} has gone"))
        self._waiting.clear()

    def _settle(self, number: int, outcome: Any) -> None:
        waiting = self._waiting.get(number)
        if waiting is None or waiting.done():
            return  # nobody waits any more
        if isinstance(outcome, MenshenError):
            waiting.set_exception(outcome)
        else:
            waiting.set_result(outcome)

    def _heard(self, news: Tell) -> None:
        handler = self._handlers.get(news.name)
        if handler is None:
            event(log, logging.ERROR, "bus_unknown", "news that nobody here knows", peer=self._name, name=news.name)
            return
        try:
            outcome = handler(**news.members)
        except Exception:  # an outermost edge: one bad message must not end the process
            event(log, logging.ERROR, "bus_failed", "news could not be taken", exc_info=True, name=news.name)
            return
        if inspect.isawaitable(outcome):
            self._tasks.start(_finish(outcome, news.name), name=f"bus {news.name}")

    async def _answer(self, question: Ask) -> None:
        handler = self._handlers.get(question.name)
        try:
            if handler is None:
                raise PeerLost(f"{question.name} is not known to this process")
            value = handler(**question.members)
            if inspect.isawaitable(value):
                value = await value
            data = encode(Answer(question.id, value))
        except MenshenError as error:
            data = encode(Failure(question.id, from_error(error)))
        except Exception:  # an outermost edge: the asker must not wait for ever
            event(log, logging.ERROR, "bus_failed", "a question failed", exc_info=True, name=question.name)
            data = encode(Failure(question.id, {}))
        self._write(data)


async def _finish(outcome: Any, name: str) -> None:
    try:
        await outcome
    except MenshenError as error:
        event(log, logging.WARNING, "bus_refused", error.message, name=name)
