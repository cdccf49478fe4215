"""The life of a gateway's processes: started together, replaced when they die, rolled over, ended in order.

    lock, addresses → watch and workers start → suspensions known → workers serve        and back in the opposite order

The supervisor has no client, no policy and no database. It holds the listening sockets, so that no connection is
refused while a worker is replaced; it passes on what concerns all workers; what is suspended stays in its memory, so
that it is in force in each worker before its first client, also while the watch is being replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from gateway.config import Settings, load
from gateway.errors import MenshenError, ProblemsFound, StartError
from gateway.fleet.board import make_board
from gateway.fleet.channel import Channel, PeerLost
from gateway.fleet.figures import Figures, from_json
from gateway.fleet.launch import WATCH, WORKER, Launch, start
from gateway.fleet.messages import to_error
from gateway.fleet.places import Child, Place, lock
from gateway.fleet.shares import WATCH as WATCH_NUMBER
from gateway.fleet.shares import Backoff, free_number
from gateway.log import event
from gateway.net.crowd import Crowd, CrowdRules
from gateway.net.listener import bind
from gateway.net.tasks import Tasks
from gateway.policy.lookups import LookupLedger
from gateway.upkeep.policy import fingerprint

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 2.0
_STUCK_SECONDS: Final = 30.0
"""One that has not answered for so long is ended and replaced."""
_START_SECONDS: Final = 60.0
_RELOAD_SECONDS: Final = 90.0
_END_SECONDS: Final = 10.0
_RETIRED_GENERATIONS: Final = 4
"""Workers that were rolled over and still have clients: beyond so many generations the oldest drain at once."""
_PORT_HINT: Final = "See whether another process uses the port (ss -ltnp), and whether this machine has the address."


class Supervisor:
    """`start`, then `drain` and `stop`; `hang_up` at any time between."""

    def __init__(self, settings: Settings, *, json_log: bool) -> None:
        """Raises ProblemsFound and StartError."""
        self.settings = settings
        self._json_log = json_log
        self._lock = lock(settings)
        self._tasks = Tasks()
        self.figures = Figures()
        self.starts: Counter[tuple[str, ...]] = Counter()
        self.workers = [Place(WORKER, index) for index in range(settings.gateway.workers)]
        self.watch = Place(WATCH, 0) if settings.watch.enabled else None
        self.retired: list[Child] = []
        self.held: list[list[Any]] = []
        """What is suspended: principal, actor, incident."""
        self._ledger = LookupLedger()
        self._crowd = Crowd(_rules(settings), _barred)
        self.draining = False
        self._started = False
        self._listening: list[tuple[socket.socket, ...]] = []
        self._board = -1
        self._rolling = asyncio.Lock()
        self._roll_waits = False
        self._seen = fingerprint(settings.policy.path)

    # -- life ---------------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """All processes run. Raises what stopped one of them: StartError, ProblemsFound and others."""
        for listen in self.settings.listen:
            try:
                self._listening.append(bind(listen.host, listen.port))
            except OSError as error:
                where = f"{listen.host}:{listen.port}"
                raise StartError(f"cannot listen on {where}: {error.strerror}", hint=_PORT_HINT) from error
        self._board = make_board()
        children = [await self._spawn(place, "first") for place in self._places()]
        for child in children:  # the watch is the first of them: its suspensions are known from then on
            await self._arrived(child)
        for place, child in zip(self._places(), children, strict=True):
            await self._settle(place, child)
        self._started = True
        for listen, sockets in zip(self.settings.listen, self._listening, strict=True):
            address = f"{listen.host}:{sockets[0].getsockname()[1]}"
            event(log, logging.INFO, "listening", "clients can connect", address=address)
        self._tasks.start(self._look_after(), name="look after processes")
        self._tasks.start(self._look_at_bundle(), name="look at the bundle")

    async def drain(self, abort: asyncio.Event) -> None:
        """No new clients; those that are in may end their transactions, until the time is over or `abort` is set."""
        for sockets in self._listening:
            for sock in sockets:
                sock.close()
        leaving = [*self._serving(), *self.retired]
        await asyncio.gather(*(self._order(child, "drain", "draining") for child in leaving))
        self.draining = True
        ended = asyncio.gather(*(child.process.wait() for child in leaving))
        aborted = asyncio.ensure_future(abort.wait())
        limit = self.settings.gateway.limits.drain_timeout_seconds + _END_SECONDS
        await asyncio.wait((ended, aborted), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            await asyncio.gather(*(self._order(child, "drain", "draining", at_once=True) for child in leaving))
            await asyncio.wait((ended,), timeout=_END_SECONDS)
        aborted.cancel()

    async def stop(self) -> None:
        """End whatever is left: workers first, so that the watch has seen all that it can."""
        self.draining = True
        await self._tasks.cancel()
        everybody = [place.child for place in reversed(self._places()) if place.child is not None]
        for child in [*self.retired, *everybody]:
            child.channel.tell("stop")
            try:
                await asyncio.wait_for(child.process.wait(), _END_SECONDS)
            except TimeoutError:
                event(log, logging.ERROR, "process_stuck", "a process does not end and is killed", name=child.name)
                child.kill()
                await child.process.wait()
        for sockets in self._listening:
            for sock in sockets:
                sock.close()
        if self._board >= 0:
            os.close(self._board)
        os.close(self._lock)

    # -- one child ----------------------------------------------------------------------------------------------------
    async def _spawn(self, place: Place, reason: str, number: int | None = None) -> Child:
        """A process on its way. `number`: that of the one that it replaces, whose chain it goes on with."""
        if place.kind == WATCH:
            launch = Launch(WATCH, WATCH_NUMBER, 0, self.settings, self._json_log)
        else:
            taken = {child.launch.number for child in self._everybody() if child.launch.kind == WORKER}
            listening = tuple(tuple(sock.fileno() for sock in sockets) for sockets in self._listening)
            number = free_number(taken) if number is None or number in taken else number
            launch = Launch(WORKER, number, place.index, self.settings, self._json_log, listening, self._board)
        process, bus = await start(launch)
        child = Child(launch, process)
        child.channel = Channel(bus, self._handlers(child), child.name)
        if place.child is None:
            place.child = child
        else:
            self.retired.append(child)  # until it takes the place
        self.starts[place.kind, reason] += 1
        try:
            await child.channel.open()
        except BaseException:  # nobody would mind it
            if place.child is child:
                place.child = None
            else:
                self.retired.remove(child)
            child.kill()
            await process.wait()
            raise
        self._tasks.start(self._mind(place, child), name=f"mind {child.name}")
        return child

    async def _arrived(self, child: Child) -> None:
        """Wait until it is prepared. Raises what stopped it."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                await asyncio.shield(child.prepared)
        except TimeoutError:
            child.kill()
            raise PeerLost(f"{child.name} has not started in {_START_SECONDS:.0f} s") from None

    async def _settle(self, place: Place, child: Child) -> None:
        """It is in its place and works."""
        if child.launch.kind == WORKER:
            child.told = True
            past = self._ledger.state()
            child.known = await child.channel.ask("go", seconds=_START_SECONDS, held=self.held, lookups=past)
            # What was suspended while it began.
            child.channel.tell("suspensions", held=self.held)
        child.state, child.heard, place.trouble = "running", time.monotonic(), ""
        event(
            log, logging.INFO, "process_runs", "a process of the gateway runs", name=child.name, pid=child.process.pid
        )

    async def _mind(self, place: Place, child: Child) -> None:
        """From its start to its end, and what follows from that."""
        code = await child.process.wait()
        # Its last words may be on their way still.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(child.channel.closed.wait(), 1.0)
        self.figures.gone(child.name)
        self._crowd.gone(child.key)
        if child in self.retired:
            self.retired.remove(child)
        if not child.prepared.done():
            child.prepared.set_exception(child.failure or PeerLost(f"{child.name} has ended with {code}"))
            child.prepared.exception()  # seen, even if nobody waits
        if place.child is not child:
            return
        place.child = None
        if self.draining or not self._started or child.state == "draining":
            return
        place.trouble = "has ended and is being replaced"
        event(
            log, logging.ERROR, "process_lost", "a process of the gateway has ended and is replaced",
            name=child.name, pid=child.process.pid, code=code,
        )  # fmt: skip
        self._tasks.start(self._replace(place, child, "died"), name=f"replace {child.name}")

    async def _replace(self, place: Place, lost: Child, reason: str) -> None:
        """After a pause. One that cannot begin ends, which calls for the next, after a longer pause."""
        await asyncio.sleep(place.backoff.after(time.monotonic() - lost.began))
        if self.draining or place.child is not None:
            return
        child: Child | None = None
        try:
            child = await self._spawn(place, reason, lost.launch.number)
            await self._arrived(child)
            await self._settle(place, child)
        except (MenshenError, OSError) as error:
            place.trouble = "cannot be started again: see the log"
            event(log, logging.ERROR, "replace_failed", str(error), name=lost.name)
            if child is not None:
                child.kill()
            elif place.child is None:
                self._tasks.start(self._replace(place, lost, reason), name=f"replace {lost.name}")

    def _handlers(self, child: Child) -> dict[str, Any]:
        def prepared(held: list[list[Any]] | None = None, **_: Any) -> None:
            if held is not None:
                self._suspend(held)
            if not child.prepared.done():
                child.prepared.set_result(None)

        def failed(error: dict[str, Any]) -> None:
            child.failure = to_error(error)

        return {
            "prepared": prepared,
            "failed": failed,
            "last": lambda metrics: self.figures.take(child.name, from_json(metrics)),
            "suspensions": self._suspend,
            "cancel": self._cancel,
            "lookups": lambda **counted: self._looked_up(child, **counted),
            "enter": lambda address: self._crowd.enter(child.key, address, time.monotonic()),
            "admit": lambda principal: self._crowd.admit(child.key, principal),
            "leave": lambda address, principal: self._crowd.leave(child.key, address, principal),
            "failed_login": lambda address, name: self._crowd.failed(address, name, time.monotonic()),
            "ddl": lambda database: self._others(child, "refresh", database=database),
            "backends": self._backends,
            "titles": self._titles,
        }

    # -- what concerns all workers ------------------------------------------------------------------------------------
    def _suspend(self, held: list[list[Any]]) -> None:
        self.held = held
        for child in self._everybody():
            if child.launch.kind == WORKER and child.state != "starting":
                child.channel.tell("suspensions", held=held)

    def _cancel(self, pid: int, secret: str) -> None:
        """To every worker: the process id in a key is the database's, and does not say whose session it is."""
        for child in self._everybody():
            if child.launch.kind == WORKER:
                child.channel.tell("cancel", pid=pid, secret=secret)

    def _looked_up(self, by: Child, principal: str, counts: dict[str, int], minute: int) -> None:
        """Limits hold for all workers together, and for those that take their places."""
        self._ledger.note(principal, counts, minute)
        for child in self._everybody():
            if child.told and child is not by:
                child.channel.tell("lookups", principal=principal, counts=counts, minute=minute)

    def _others(self, but: Child, name: str, **members: Any) -> None:
        for child in self._with_clients():
            if child is not but:
                child.channel.tell(name, **members)

    async def ask_workers(self, name: str, *, seconds: float = _ANSWER_SECONDS, **members: Any) -> list[Any]:
        """The answers of all workers that have clients; one that ended meanwhile has none, and nothing to say.

        Raises what one of them raised, once all have answered."""
        asked = list(self._with_clients())
        answers = await asyncio.gather(
            *(child.channel.ask(name, seconds=seconds, **members) for child in asked), return_exceptions=True
        )
        failures = [
            one
            for child, one in zip(asked, answers, strict=True)
            if isinstance(one, BaseException) and not (isinstance(one, PeerLost) and child.channel.closed.is_set())
        ]
        for failure in sorted(failures, key=lambda one: not isinstance(one, ProblemsFound)):
            raise failure
        return [one for one in answers if not isinstance(one, BaseException)]

    async def _backends(self) -> list[int]:
        return sorted({pid for pids in await self.ask_workers("backends") for pid in pids})

    async def _titles(self) -> dict[str, dict[str, str]]:
        for child in self._serving():
            titles: dict[str, dict[str, str]] = await child.channel.ask("titles")
            return titles
        return {}

    async def reload(self, *, catalogues: bool = True) -> dict[str, Any]:
        """In all workers. Raises ProblemsFound, and PeerLost where one of them did not answer: it may not have it."""
        seen = await asyncio.to_thread(fingerprint, self.settings.policy.path)
        try:
            answers = await self.ask_workers("reload", seconds=_RELOAD_SECONDS, catalogues=catalogues)
        except ProblemsFound:
            self._seen = seen
            raise
        if not answers:
            raise PeerLost("no worker runs")
        self._seen = seen
        changed = any(each["policy"]["changed"] for each in answers)
        failed = sorted({name for each in answers for name in each["catalogues_failed"]})
        return {"policy": {"digest": answers[0]["policy"]["digest"], "changed": changed}, "catalogues_failed": failed}

    async def _look_at_bundle(self) -> None:
        """Every `reload_interval_seconds`; all workers take a changed bundle at the same time."""
        interval = self.settings.policy.reload_interval_seconds
        while interval > 0:
            await asyncio.sleep(interval)
            if await asyncio.to_thread(fingerprint, self.settings.policy.path) != self._seen:
                try:
                    await self.reload(catalogues=False)
                except ProblemsFound:
                    pass  # told by the workers; told again when the files change again
                except MenshenError as error:
                    event(log, logging.ERROR, "reload_failed", error.message, again_seconds=interval)

    # -- rolling over -------------------------------------------------------------------------------------------------
    def hang_up(self) -> None:
        """SIGHUP: what is new is loaded at once, then every process is replaced by a new one."""
        if not self._roll_waits and not self.draining:
            self._roll_waits = True
            self._tasks.start(self._roll(), name="roll over")

    async def _roll(self) -> None:
        async with self._rolling:
            self._roll_waits = False
            try:
                await self.reload()
                self._read_settings()
                for place in self._places():
                    await self._roll_over(place)
            except MenshenError as error:
                event(
                    log, logging.ERROR, "roll_refused", "the processes that run stay in force",
                    reason=error.message.partition("\n")[0],
                )  # fmt: skip
                return
        event(log, logging.INFO, "rolled_over", "all processes of the gateway are new")

    def _read_settings(self) -> None:
        """Those of the file; what the processes share (addresses, folders, number of workers) stays as it is."""
        old = self.settings
        new = load(old.source) if old.source is not None else old
        same = (new.listen, new.http, new.trail, new.gateway.state_dir, new.gateway.workers, new.policy.path)
        if same != (old.listen, old.http, old.trail, old.gateway.state_dir, old.gateway.workers, old.policy.path):
            raise StartError("listen, http, trail, state_dir, workers or policy.path have changed: restart the gateway")
        self.settings = new
        self._crowd.rules = _rules(new)

    async def _roll_over(self, place: Place) -> None:
        """A new process takes the place; a worker's successor serves before it retires. Raises MenshenError."""
        old = place.child
        if old is None or old.state != "running":
            return  # it is being replaced already
        if place.kind == WATCH:  # one at a time has the watch's memory
            old.state = "draining"
            old.channel.tell("stop")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(old.process.wait(), _END_SECONDS)
            old.kill()
            await old.process.wait()
            place.child, place.trouble = None, "is being replaced"
            place.backoff = Backoff()
            await self._replace(place, old, "rolled")
            return
        new = await self._spawn(place, "rolled")
        try:
            await self._arrived(new)
            await self._settle(place, new)
        except MenshenError:
            new.kill()
            raise
        self.retired.remove(new)
        place.child = new
        self.retired.append(old)
        await self._order(old, "retire", "retiring")
        limit = self.settings.gateway.limits.retire_timeout_seconds
        self._tasks.start(self._drain_later(old, limit), name=f"retire {old.name}")
        for child in self.retired[: -_RETIRED_GENERATIONS * len(self.workers)]:
            await self._order(child, "drain", "draining")

    async def _drain_later(self, child: Child, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if child in self.retired:
            await self._order(child, "drain", "draining")

    async def _order(self, child: Child, order: str, state: str, **members: Any) -> None:
        """It leaves; what is in the way is left to whoever waits for its end."""
        child.state = state
        with contextlib.suppress(MenshenError):
            await child.channel.ask(order, seconds=_ANSWER_SECONDS, **members)

    # -- looking after them -------------------------------------------------------------------------------------------
    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.look()
            for child in self._everybody():
                if child.state != "starting" and child.silent > _STUCK_SECONDS:
                    event(log, logging.ERROR, "process_stuck", "a process does not answer: killed", name=child.name)
                    self.starts[child.launch.kind, "silent"] += 1
                    child.kill()

    async def look(self) -> None:
        """Ask all processes how they are. Takes no longer than the slowest that is not stuck."""
        await asyncio.gather(*(self._look_at(child) for child in self._everybody() if child.state != "starting"))

    async def _look_at(self, child: Child) -> None:
        with contextlib.suppress(MenshenError):
            if child.launch.kind == WORKER:
                child.known = await child.channel.ask("state", seconds=_ANSWER_SECONDS)
            child.usage = await child.channel.ask("usage", seconds=_ANSWER_SECONDS)
            metrics = await child.channel.ask("metrics", seconds=_ANSWER_SECONDS)
            if not child.channel.closed.is_set():
                self.figures.take(child.name, from_json(metrics))
            child.heard = time.monotonic()

    # -- who is there -------------------------------------------------------------------------------------------------
    def _places(self) -> list[Place]:
        return [*([self.watch] if self.watch is not None else []), *self.workers]

    def _serving(self) -> list[Child]:
        return [one.child for one in self.workers if one.child is not None and one.child.state != "starting"]

    def _with_clients(self) -> list[Child]:
        """The workers that serve, and those that still have clients of theirs."""
        return [*self._serving(), *(child for child in self.retired if child.state != "starting")]

    def processes(self) -> list[Child]:
        """All that live."""
        return list(self._everybody())

    def _everybody(self) -> Iterator[Child]:
        yield from [place.child for place in self._places() if place.child is not None]
        yield from list(self.retired)


def _rules(settings: Settings) -> CrowdRules:
    limits = settings.gateway.limits
    return CrowdRules(
        limits.max_connections,
        limits.max_connections_per_address,
        limits.max_connections_per_principal,
        limits.failed_logins_per_minute,
        limits.failed_logins_per_minute_per_address,
    )


def _barred(address: str) -> None:
    event(
        log, logging.WARNING, "logins_barred", "too many logins from an address have failed: the next are not tried",
        address=address,
    )  # fmt: skip
