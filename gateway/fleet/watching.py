"""The role of the watch: detectors, incidents and messages in a process of their own, which takes no time from clients.

It reads the trail and writes its own chain of it. What it needs of the others crosses the bus: suspensions go out each
second, and at once when they change; process ids of the gateway's connections and titles of data classes come in.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterable
from functools import partial
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from aiohttp import web

from adapters.postgres.source import PostgresSource
from gateway.api.asked import Asked
from gateway.api.errors import shaped
from gateway.api.incidents import answer
from gateway.errors import MenshenError, StartError, TrailUnavailable
from gateway.fleet.channel import Channel, Handler, PeerLost
from gateway.fleet.figures import to_json
from gateway.fleet.launch import Launch
from gateway.metrics import Metrics, TrailFigures
from gateway.statefiles import make_state_dir, node_of
from gateway.trail.record import FieldValue, instant
from gateway.trail.signing import load_or_create
from gateway.trail.writer import TrailWriter
from gateway.watch import build
from gateway.watch.bypass import BypassPoller
from gateway.watch.service import Rhythm, WatchService
from gateway.watch.sql import StoreUnavailable
from gateway.watch.store import Suspension

_MAINTAIN_SECONDS: Final = 1.0
_NEVER: Final = float("inf")
_COURTESY: Final = 10
"""Niceness: where the machine has no time to spare clients come first, and the watch catches up after."""


class Announcer:
    """`gateway.watch.service.Held`: what is suspended is told to the supervisor, which tells every worker."""

    def __init__(self) -> None:
        self.channel: Channel | None = None
        self.held: list[list[Any]] = []

    def use(self, suspensions: Iterable[Suspension]) -> int:
        self.held = [[one.principal, one.actor, one.number] for one in suspensions]
        if self.channel is not None:
            self.channel.tell("suspensions", held=self.held)
        return 0  # the workers log how many sessions they ended


class Watching:
    """See `gateway.fleet.child.Role`."""

    def __init__(self, launch: Launch) -> None:
        """Takes the watch's chain. Raises ProblemsFound and TrailUnavailable."""
        settings = self._settings = launch.settings
        make_state_dir(settings.gateway.state_dir)
        self._node = node_of(settings)
        self._routes = build.routes(settings.notify, str(settings.source or "environment"))
        self._metrics = Metrics(settings.databases)
        self._announcer = Announcer()
        self._over = asyncio.Event()
        self._service: WatchService | None = None
        self._sources: list[PostgresSource] = []
        # First of all: who has the chain may use the watch's memory, and nobody else.
        self._trail = TrailWriter.open(
            settings.trail.path,
            self._node,
            launch.number,
            load_or_create(settings.trail.signing_key_file, settings.gateway.state_dir),
            durability=settings.trail.durability.value,
            segment_bytes=settings.trail.segment_bytes,
        )
        self._metrics.gauges.trail = self._trail_figures

    def handlers(self) -> dict[str, Handler]:
        return {"http": self._http, "metrics": lambda: to_json(self._metrics.snapshot()), "stop": self._over.set}

    def end(self) -> None:
        self._over.set()

    async def run(self, channel: Channel) -> None:
        with contextlib.suppress(OSError):
            os.nice(_COURTESY)
        self._announcer.channel = channel
        parts: list[asyncio.Future[Any]] = []
        try:
            self._service = service = await self._make(channel)
            await service.prepare()
            channel.tell("prepared", held=self._announcer.held)
            parts = [asyncio.ensure_future(work) for work in (service.run(), self._maintain(), self._over.wait())]
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        except StoreUnavailable as error:
            raise StartError(error.message, hint=error.hint) from error
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            await self._stop()
            with contextlib.suppress(Exception):  # the supervisor may be gone
                channel.tell("last", metrics=to_json(self._metrics.snapshot()))

    async def _stop(self) -> None:
        if self._service is not None:
            await self._service.stop()
        for source in self._sources:
            await source.close()
        self._trail.close()

    async def _make(self, channel: Channel) -> WatchService:
        settings = self._settings.watch
        store = await build.store(self._settings)
        pollers = []
        if settings.bypass_interval_seconds:
            pollers = [self._poller(name, channel) for name in self._settings.databases]
        return WatchService(
            store,
            build.watcher(self._settings),
            self._trail,
            self._announcer,
            routes=self._routes,
            metrics=self._metrics,
            owner=f"{self._node}-0",
            notes=build.notes(self._settings),
            detectors=partial(build.detectors, self._settings),
            contain=settings.contain,
            began=build.began(self._settings, instant(time.time_ns() // 1000)),
            rhythm=Rhythm(settings.interval_seconds, settings.bypass_interval_seconds or _NEVER),
            pollers=pollers,
        )

    def _poller(self, name: str, channel: Channel) -> BypassPoller:
        settings = self._settings.databases[name]
        source = PostgresSource(settings.dsn, settings.connect_timeout_seconds)
        self._sources.append(source)
        return BypassPoller(
            name,
            source,
            partial(self._own_backends, channel),
            self._record,
            account=unquote(urlsplit(settings.dsn.reveal()).username or ""),
            allowed=frozenset(self._settings.watch.bypass_allowed),
        )

    async def _own_backends(self, channel: Channel) -> frozenset[int]:
        """Of all workers and of the watch. Raises PeerLost: then nobody is called a stranger, and the next poll asks
        again; that a worker does not answer is told by /readyz."""
        workers = await channel.ask("backends")
        own = {pid for source in self._sources if (pid := source.backend_pid) is not None}
        return frozenset(workers) | own

    async def _maintain(self) -> None:
        while True:
            self._trail.maintain()
            await asyncio.sleep(_MAINTAIN_SECONDS)

    def _record(self, name: str, **fields: FieldValue) -> None:
        with contextlib.suppress(TrailUnavailable):
            self._trail.event(name, b"", **fields)

    def _trail_figures(self) -> TrailFigures:
        state = self._trail.state()
        return TrailFigures(
            state.healthy, state.records, state.refused, state.bytes, state.segments, state.unsynced, state.unsigned
        )

    # -- what the supervisor asks -------------------------------------------------------------------------------------
    async def _http(self, route: str, query: dict[str, str], match: dict[str, str], body: str) -> dict[str, Any]:
        """A request that came to the supervisor's HTTP port, behind its guard."""
        response = await self._answered(route, Asked(query, match, body))
        return {"status": response.status, "body": response.text or "", "type": response.content_type}

    async def _answered(self, route: str, asked: Asked) -> web.Response:
        service, channel = self._service, self._announcer.channel
        if service is None or channel is None:
            raise PeerLost("the watch is starting", hint="Try again in a moment.")
        titles: dict[str, dict[str, str]] = await channel.ask("titles") if route == "dossier" else {}
        try:
            return await answer(
                service, route, asked, lambda name, language: titles.get(name, {}).get(language) or name
            )
        except MenshenError:
            raise
        except Exception as error:  # an outermost edge, as that of the HTTP face
            return shaped(error, route)
