"""What every child of the supervisor begins with: `python -m gateway.fleet.child KIND NUMBER DESCRIPTOR`.

A child whose supervisor is gone ends at once: without it no suspension would reach it any more.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Protocol

from gateway import process
from gateway.errors import MenshenError, ProblemsFound
from gateway.fleet.channel import Channel, Handler
from gateway.fleet.launch import WORKER, Launch, receive
from gateway.fleet.messages import from_error
from gateway.log import configure, event

log = logging.getLogger(__name__)

FAILED_TO_START = 2


class Role(Protocol):
    """What a child does."""

    def handlers(self) -> dict[str, Handler]:
        """For the bus."""
        ...

    async def run(self, channel: Channel) -> None:
        """All its life. Raises MenshenError where it cannot begin."""
        ...

    def end(self) -> None:
        """The process was asked to end (SIGTERM): in order, and soon."""
        ...


def main(arguments: list[str]) -> int:
    kind, number, descriptor = arguments
    # Ctrl-C and hang-ups reach all processes of a terminal; the supervisor is the one who decides.
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    bus = socket.socket(fileno=int(descriptor))
    os.set_inheritable(bus.fileno(), False)
    launch = receive(bus)
    settings = launch.settings
    configure(
        "json" if launch.json_log else settings.log.format.value, settings.log.level.value, process=f"{kind} {number}"
    )
    process.protect_memory()
    return process.run(lambda: _run(launch, bus))


async def _run(launch: Launch, bus: socket.socket) -> int:
    failure: MenshenError | None = None
    role: Role | None = None
    try:
        role = _role(launch.kind)(launch)
    except MenshenError as error:
        failure = error
    handlers = {**role.handlers(), "usage": process.usage} if role is not None else {}
    channel = Channel(bus, handlers, "the supervisor")
    bus.setblocking(False)
    await channel.open()
    if role is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, role.end)
        failure = await _live(role, channel)
    if failure is not None:
        channel.tell("failed", error=from_error(failure))
        words = "its files have mistakes" if isinstance(failure, ProblemsFound) else failure.message
        event(log, logging.ERROR, "start_failed", f"the process cannot start: {words}")
    channel.close()
    await asyncio.sleep(0)
    return FAILED_TO_START if failure is not None else 0


async def _live(role: Role, channel: Channel) -> MenshenError | None:
    """Until its work is done, or the supervisor is gone."""
    working = asyncio.ensure_future(role.run(channel))
    orphaned = asyncio.ensure_future(channel.closed.wait())
    await asyncio.wait((working, orphaned), return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        event(log, logging.ERROR, "orphaned", "the gateway's supervisor has gone: this process ends")
        working.cancel()
    orphaned.cancel()
    (outcome, _) = await asyncio.gather(working, orphaned, return_exceptions=True)
    if isinstance(outcome, MenshenError):
        return outcome
    if isinstance(outcome, Exception):
        raise outcome
    return None


def _role(kind: str) -> Callable[[Launch], Role]:
    if kind == WORKER:
        from gateway.fleet.worker import Worker

        return Worker
    from gateway.fleet.watching import Watching

    return Watching


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
