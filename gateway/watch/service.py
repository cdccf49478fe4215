"""The watch of one gateway: findings become incidents, incidents become messages and suspensions, all beside traffic.

    trail ─▶ Watcher (detectors) ─▶ store (one transaction a batch) ─▶ messages ─▶ people
                                        └─▶ suspensions ─▶ logins and sessions
    every change ─▶ trail

It runs in a process of its own (`gateway.fleet.watching`), beside the workers. Where the store fails the watch stands
still and continues where it was; traffic and its records do not depend on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.errors import TrailUnavailable
from gateway.log import event
from gateway.metrics import Metrics, WatchFigures
from gateway.trail.record import instant
from gateway.watch.bypass import BypassPoller
from gateway.watch.detector_config import DetectorConfig
from gateway.watch.finding import Finding
from gateway.watch.incidents import SYSTEM, Action, Incident, State, moment
from gateway.watch.messages import Route, plan
from gateway.watch.notify import Channel, Notifier, SentNotes
from gateway.watch.reading import Reading, Trail
from gateway.watch.sql import StoreUnavailable
from gateway.watch.store import Drill, Event, Figures, Honey, Message, Store, Suspension
from gateway.watch.stream import Watcher

log = logging.getLogger(__name__)

_REFRESH_SECONDS: Final = 1.0
_TROUBLE_SECONDS: Final = 1.0
_JUMP_SECONDS: Final = 5.0
_BEHIND_SECONDS: Final = 60.0
_MAX_DRILL_SECONDS: Final = 3600


class Held(Protocol):
    """The face of `gateway.watch.containment.Containment` that is needed here."""

    def use(self, suspensions: Iterable[Suspension]) -> int:
        """These are in force, no others; gives how many sessions ended, where that is known here."""
        ...


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often what happens, in seconds."""

    read: float = 0.2
    bypass: float = 5.0


class WatchService:
    """Construct it with an open store, then `run` until it is cancelled."""

    def __init__(
        self,
        store: Store,
        watcher: Watcher | None,
        trail: Trail,
        containment: Held,
        *,
        routes: Mapping[str, tuple[Route, Channel]],
        metrics: Metrics,
        owner: str,
        notes: SentNotes | None = None,
        detectors: Callable[[], DetectorConfig] | None = None,
        contain: bool = True,
        began: str = "",
        rhythm: Rhythm | None = None,
        pollers: Sequence[BypassPoller] = (),
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        """`began`: findings about older records are not told. `owner`: names this worker in the queue of messages.
        `detectors`: loads their configuration, each time that a bundle comes into force; raises ProblemsFound."""
        self.store = store
        self._trail, self._containment = trail, containment
        self._metrics, self._contain = metrics, contain
        self._reading = (
            Reading(watcher, trail, self.admit, began=began, detectors=detectors, clock=clock) if watcher else None
        )
        self._rhythm = rhythm or Rhythm()
        self._pollers = pollers
        self._clock = clock
        self._routes = [route for route, _ in routes.values()]
        self._notifier = Notifier(store, routes, owner=owner, notes=notes, done=self._message_done, clock=clock)
        self._changed = asyncio.Event()
        self._wall, self._steady, self._tell_lag_at = clock() / 1e6, time.monotonic(), 0.0
        self._figures = Figures([], {}, [])
        metrics.gauges.watch = self.figures

    # -- life -------------------------------------------------------------------------------------------------------
    async def prepare(self) -> None:
        """Before the first client: suspensions are in force, planted customers known. Raises StoreUnavailable."""
        await self._refresh()
        await self._plant()
        known = {route.name for route in self._routes}
        for name, count in (await self.store.figures()).waiting.items():
            if name not in known:
                event(
                    log, logging.WARNING, "messages_without_route",
                    "messages wait for a route that this configuration does not have", route=name, messages=count,
                )  # fmt: skip

    async def run(self) -> None:
        """Until cancelled."""
        parts = [self._notifier.run(), self._forever(self._bookkeeping, _REFRESH_SECONDS, self._changed)]
        if self._reading is not None:
            parts.append(self._forever(self._reading.round, self._rhythm.read))
        parts += [self._forever(poller.poll, self._rhythm.bypass) for poller in self._pollers]
        await asyncio.gather(*parts)

    async def stop(self) -> None:
        """After `run` was cancelled: what can be said still, is said."""
        with contextlib.suppress(StoreUnavailable, TrailUnavailable):
            await self._record_changes()
        if self._reading is not None:
            await self._reading.close()
        await self.store.close()

    async def _forever(self, work: Callable[[], Any], seconds: float, early: asyncio.Event | None = None) -> None:
        """Again and again; what fails is logged, once for each reason in a row."""
        last = ""
        while True:
            try:
                await work()
                last = ""
            except Exception as error:  # an outermost edge: the watch must not end because of one bad step
                reason = f"{type(error).__name__}: {error}"
                if reason != last:
                    event(log, logging.ERROR, "watch_trouble", reason, exc_info=not isinstance(error, StoreUnavailable))
                last = reason
                await asyncio.sleep(_TROUBLE_SECONDS)
            if early is None:
                await asyncio.sleep(seconds)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(early.wait(), seconds)
            early.clear()

    # -- findings ---------------------------------------------------------------------------------------------------
    async def admit(self, findings: Sequence[Finding]) -> list[Event]:
        """Findings become incidents, messages and suspensions. Those that are known change nothing."""
        now = self._clock()
        events = await self.store.admit(
            findings, at=instant(now), now=now, plan=plan(self._routes, now), contain=self._contain
        )
        for one in events:
            self._count(one)
        if any(one.change.kind == Action.CONTAIN for one in events):
            await self._refresh()
        if events:
            self._notifier.wake()
            self._changed.set()
        return events

    def _count(self, one: Event) -> None:
        finding, incident = one.finding, one.incident
        if finding is None:
            return
        counters, drill = self._metrics.counters, _drill(incident)
        counters["findings_total"][finding.detector, str(finding.severity), drill] += 1
        if one.change.kind == "opened":
            labels = (incident.detector, str(incident.severity), _department(incident), drill)
            counters["incidents_opened_total"][labels] += 1

    # -- what people do ---------------------------------------------------------------------------------------------
    async def act(self, number: int, action: Action, *, who: str, why: str) -> Incident:
        """Raises NoSuchIncident, NotPossible and StoreUnavailable."""
        now = self._clock()
        incident = await self.store.act(number, action, who=who, why=why, at=instant(now), plan=plan(self._routes, now))
        if action is Action.CONTAIN or action is Action.LIFT or incident.closed:
            await self._refresh()
        self._notifier.wake()
        self._changed.set()
        return incident

    async def note(self, number: int, *, who: str, why: str) -> None:
        """A line in the timeline: what was done outside of the gateway."""
        await self.store.note(number, kind="note", who=who, why=why, at=instant(self._clock()))
        self._changed.set()

    @property
    def routes(self) -> list[str]:
        """Names of the routes that are told at once."""
        return [route.name for route in self._routes if route.escalate_after_seconds <= 0]

    async def start_drill(self, drill: Drill) -> None:
        await self.store.start_drill(drill)
        await self._drills()
        self._trail.event("drill_started", drill=drill.id, detail=drill.kind, principal=drill.principal)

    async def end_drill(self, drill: str, document: Mapping[str, Any]) -> None:
        """The drill is over: its incidents are closed as such, its timings become metrics."""
        for incident in await self.store.drill_incidents(drill):
            if not incident.closed:
                await self.act(incident.number, Action.RESOLVE, who=SYSTEM, why=f"drill {drill} is over")
        await self.store.end_drill(drill, document)
        kind = str(document.get("kind", ""))
        for step in ("detect", "page", "contain"):
            seconds = document.get(f"seconds_to_{step}")
            if isinstance(seconds, int | float):
                self._metrics.gauges.drills[kind, step] = float(seconds)
        self._trail.event("drill_ended", drill=drill, detail=kind)

    async def plant(self, planted: Sequence[Honey]) -> None:
        """Planted customers that the detectors must know from now on."""
        await self.store.plant_honey(planted)
        await self._plant()
        self._trail.event("honey_planted", detail=f"{len(planted)} records", by=planted[0].who if planted else None)

    async def _plant(self) -> None:
        if self._reading is None:
            return
        planted = await self.store.honey()
        keys: list[int | str] = [int(one.key) if one.key.lstrip("-").isdigit() else one.key for one in planted]
        self._reading.watcher.plant(keys, [value for one in planted for value in one.hashes])

    # -- upkeep -----------------------------------------------------------------------------------------------------
    async def _bookkeeping(self) -> None:
        self._own_health()
        await self._record_changes()
        await self._refresh()
        self._figures = await self.store.figures()
        await self._drills()

    def _own_health(self) -> None:
        """What only this process knows goes into the trail, where a detector reads it."""
        wall, steady = self._clock() / 1e6, time.monotonic()
        jump = (wall - self._wall) - (steady - self._steady)
        self._wall, self._steady = wall, steady
        if abs(jump) > _JUMP_SECONDS:
            self._trail.event("clock_jumped", seconds=round(jump))
        lag = self._reading.lag if self._reading is not None else 0.0
        if lag > _BEHIND_SECONDS and steady >= self._tell_lag_at:
            self._tell_lag_at = steady + _BEHIND_SECONDS
            self._trail.event("watch_behind", seconds=round(lag))

    async def _drills(self) -> None:
        drills = {drill.id for drill in await self.store.drills(self._clock())}
        for poller in self._pollers:
            poller.drills = drills

    async def _refresh(self) -> None:
        ended = self._containment.use(await self.store.suspensions())
        if ended:
            event(log, logging.WARNING, "sessions_ended", "sessions of suspended accounts were ended", sessions=ended)

    async def _record_changes(self) -> None:
        """The outbox: changes that are in the store and not in the trail. One that was written by a life that died
        before it could note so is written twice, with the same number."""
        while waiting := await self.store.unrecorded():
            for number, incident, change in waiting:
                self._trail.event(
                    "incident_changed",
                    incident=incident.number,
                    change=number,
                    detail=change.kind,
                    state=str(change.state),
                    severity=str(incident.severity),
                    detector=incident.detector,
                    principal=incident.principal or None,
                    department=incident.department or None,
                    by=change.who,
                    why=change.why,
                    finding=change.finding or None,
                    drill=incident.drill or None,
                )
            await self.store.recorded(waiting[-1][0])

    def _message_done(self, messages: Sequence[Message], outcome: str) -> None:
        for message in messages:
            self._metrics.counters["notifications_total"][message.route, outcome] += 1
            if outcome == "failed":
                continue
            with contextlib.suppress(TrailUnavailable):
                self._trail.event(
                    f"notification_{outcome}", incident=message.number, detail=message.kind, message=message.id
                )

    def figures(self) -> WatchFigures:
        """For the metrics."""
        known, reading = self._figures, self._reading
        counts: Counter[tuple[str, ...]] = Counter(
            (str(one.state), str(one.severity), _department(one), _drill(one)) for one in known.incidents
        )
        oldest: dict[tuple[str, ...], float] = {}
        for one in known.incidents:
            if one.state is State.OPEN:
                labels = (str(one.severity), _drill(one))
                opened = moment(one.opened_at).timestamp()
                oldest[labels] = min(oldest.get(labels, opened), opened)
        return WatchFigures(
            running=reading is not None and reading.runs,
            lag_seconds=reading.lag if reading is not None else 0.0,
            records=reading.records if reading is not None else 0,
            incidents=dict(counts),
            oldest_open=oldest,
            suspended=dict(Counter((name or "none",) for name in known.suspended)),
            waiting={(route.name,): known.waiting.get(route.name, 0) for route in self._routes},
        )


def _drill(incident: Incident) -> str:
    return "yes" if incident.drill else "no"


def _department(incident: Incident) -> str:
    return incident.department or "none"


def drill_until(now: int, seconds: float) -> int:
    """When a drill that is announced now is over at the latest."""
    return now + round(min(seconds, _MAX_DRILL_SECONDS) * 1_000_000)
