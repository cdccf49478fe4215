"""The role of a worker: one `Gateway`, which is told over the bus what concerns all workers.

started → prepare → tell `prepared` → asked `go` (with the suspensions) → serves → retire or drain → ended
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

from adapters.postgres.login import Cancel
from gateway.app import Gateway, Seat
from gateway.fleet.board import Board, FairTurns
from gateway.fleet.channel import Channel, Handler, PeerLost
from gateway.fleet.figures import to_json
from gateway.fleet.launch import Launch
from gateway.fleet.shares import settings_of
from gateway.net.crowd import Entry
from gateway.process import calm_garbage_collector
from gateway.watch.store import Suspension

_TELL_LOAD_SECONDS: Final = 0.2
_ANSWER_SECONDS: Final = 5.0


class Worker:
    """See `gateway.fleet.child.Role`."""

    def __init__(self, launch: Launch) -> None:
        """Raises ProblemsFound and TrailUnavailable."""
        self._number = launch.number
        self._board = Board(launch.board)
        self._channel: Channel | None = None
        sockets = tuple(tuple(socket.socket(fileno=fd) for fd in each) for each in launch.listening)
        seat = Seat(
            launch.number,
            sockets,
            FairTurns(self._board, launch.number, lambda: self._gateway.load),
            gate=self,
            cancel=lambda pid, secret: self._tell("cancel", pid=pid, secret=secret.hex()),
            ddl_passed=lambda database: self._tell("ddl", database=database),
            looked_up=lambda principal, counts, minute: self._tell(
                "lookups", principal=principal, counts=counts, minute=minute
            ),
        )
        self._gateway = Gateway(settings_of(launch.settings, launch.index), seat)
        self._over = asyncio.Event()
        self._abort = asyncio.Event()
        self._leaving: asyncio.Future[None] | None = None

    def handlers(self) -> dict[str, Handler]:
        gateway = self._gateway
        return {
            "go": self._go,
            "suspensions": self._suspend,
            "lookups": gateway.ledger.note,
            "reload": gateway.reload,
            "refresh": gateway.refresh_soon,
            "state": self._state,
            "metrics": lambda: to_json(gateway.metrics.snapshot()),
            "status": gateway.status,
            "sessions": self._sessions,
            "pools": self._pools,
            "kill": lambda session, message: gateway.server.kill(session, message) if gateway.server else False,
            "backends": gateway.own_backends,
            "titles": gateway.class_titles,
            "cancel": self._cancel,
            "drain": self._drain,
            "retire": self._retire,
            "stop": self._over.set,
        }

    def _pools(self) -> dict[str, dict[str, int]]:
        server = self._gateway.server
        return {name: figures.numbers() for name, figures in server.pools().items()} if server else {}

    async def run(self, channel: Channel) -> None:
        self._channel = channel
        telling = asyncio.ensure_future(self._tell_load())
        try:
            await self._gateway.prepare()
            channel.tell("prepared", ports=[])
            await self._over.wait()
        finally:
            telling.cancel()
            self._board.away(self._number)
            if self._leaving is not None:
                self._leaving.cancel()
            await self._gateway.stop()
            with contextlib.suppress(Exception):  # the supervisor may be gone
                channel.tell("last", metrics=to_json(self._gateway.metrics.snapshot()))

    def end(self) -> None:
        if self._gateway.server is None:
            self._over.set()
        else:
            self._drain()

    # -- `gateway.net.crowd.Gate`, for which the supervisor counts ----------------------------------------------------
    async def enter(self, address: str) -> Entry:
        found = await self._bus().ask("enter", seconds=_ANSWER_SECONDS, address=address)
        return Entry(found["refused"], tuple(found["barred"]), found["barred_all"])

    async def admit(self, principal: str) -> bool:
        return bool(await self._bus().ask("admit", seconds=_ANSWER_SECONDS, principal=principal))

    def leave(self, address: str, principal: str) -> None:
        self._tell("leave", address=address, principal=principal)

    def failed(self, address: str, name: str) -> None:
        self._tell("failed_login", address=address, name=name)

    # -- what the supervisor asks -------------------------------------------------------------------------------------
    async def _go(self, held: list[list[Any]], lookups: list[list[Any]]) -> dict[str, Any]:
        """Clients can come; suspensions are in force and lookups counted before the first of them."""
        self._suspend(held)
        self._gateway.ledger.restore(lookups)
        await self._gateway.serve()
        self._board.put(self._number, 0)
        calm_garbage_collector()
        return self._state()

    def _suspend(self, held: list[list[Any]]) -> int:
        return self._gateway.containment.use(Suspension(*one) for one in held)

    def _state(self) -> dict[str, Any]:
        checks = {name: [check.ok, check.reason] for name, check in self._gateway.readiness().items()}
        return {"checks": checks, "load": self._gateway.load, "digest": self._gateway.policy.policy.digest}

    def _sessions(self) -> list[dict[str, Any]]:
        server = self._gateway.server
        return [dataclasses.asdict(one) for one in server.sessions()] if server is not None else []

    def _cancel(self, pid: int, secret: str) -> None:
        if self._gateway.server is not None:
            self._gateway.server.cancel(Cancel(pid, bytes.fromhex(secret)))

    def _retire(self) -> None:
        self._leave(self._gateway.retire)

    def _drain(self, at_once: bool = False) -> None:
        """A second time, or `at_once`: what is still open ends now."""
        if at_once:
            self._abort.set()
        self._leave(lambda: self._gateway.drain(self._abort))

    def _leave(self, how: Callable[[], Awaitable[None]]) -> None:
        self._board.away(self._number)
        if self._leaving is not None:
            self._leaving.cancel()

        async def leave() -> None:
            await how()
            self._over.set()

        self._leaving = asyncio.ensure_future(leave())

    def _bus(self) -> Channel:
        if self._channel is None:
            raise PeerLost("the gateway is starting")
        return self._channel

    # -- what the supervisor is told ----------------------------------------------------------------------------------
    def _tell(self, name: str, /, **members: Any) -> None:
        if self._channel is not None:
            self._channel.tell(name, **members)

    async def _tell_load(self) -> None:
        """Sessions that end make room: the others see it on the board."""
        while True:
            await asyncio.sleep(_TELL_LOAD_SECONDS)
            if self._gateway.server is not None and self._leaving is None:
                self._board.put(self._number, self._gateway.load)
