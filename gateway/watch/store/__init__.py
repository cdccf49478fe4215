"""Incidents, their findings, the queue of messages, suspensions and the watcher's position, in one store.

What belongs together commits together: a batch of findings, the incidents that they open or join, the messages that
these cause and the position of the watcher are one transaction. So a crash loses none of them and repeats none: a
finding that comes again is known by its id. Every change waits in an outbox until it stands in the trail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from gateway.watch.finding import Finding, Severity
from gateway.watch.incidents import SYSTEM, Action, Change, Incident
from gateway.watch.sql import Postgres, Sql, Sqlite
from gateway.watch.store import cases, drills, queue
from gateway.watch.store.schema import SCHEMA
from gateway.watch.store.values import (
    CALLS,
    NOTICES,
    Drill,
    Event,
    Figures,
    Honey,
    Message,
    NoSuchIncident,
    Plan,
    Sending,
    Suspension,
    no_plan,
)

__all__ = [
    "CALLS",
    "NOTICES",
    "Drill",
    "Event",
    "Figures",
    "Honey",
    "Message",
    "NoSuchIncident",
    "Plan",
    "Sending",
    "Store",
    "Suspension",
]

_COUNTED: Final = 10_000


class Store:
    """Construct it with `open`. Every method raises StoreUnavailable where the database fails."""

    def __init__(self, sql: Sql, window_seconds: float) -> None:
        self._sql = sql
        self._window = window_seconds

    @classmethod
    async def open(cls, path: Path, dsn: str = "", window_seconds: float = 3600) -> Store:
        """The PostgreSQL database of `dsn`, else the SQLite file `path`."""
        sql: Sqlite | Postgres = Postgres(dsn) if dsn else Sqlite(path)
        try:
            await sql.open(SCHEMA)
        except BaseException:
            await sql.close()
            raise
        return cls(sql, window_seconds)

    async def close(self) -> None:
        await self._sql.close()

    # -- findings ---------------------------------------------------------------------------------------------------
    async def admit(
        self,
        findings: Sequence[Finding],
        *,
        at: str,
        now: int,
        plan: Plan = no_plan,
        contain: bool = True,
    ) -> list[Event]:
        """Findings become incidents, all or nothing; those that are known are passed over.

        With `contain` the principal is suspended at once where the finding's detector asks for it."""
        events: list[Event] = []
        async with self._sql.transaction() as sql:
            announced = await drills.under_way(sql, now) if any(finding.drill for finding in findings) else []
            for finding in findings:
                event = await cases.admit(sql, finding, at, drills.drill_of(finding, announced), self._window)
                if event is None:
                    continue
                events.append(event)
                await queue.put(sql, plan(event))
                if contain and event.contain:
                    why = f"the detector {finding.detector} is set to contain"
                    events.append(await cases.act(sql, event.incident, Action.CONTAIN, who=SYSTEM, why=why, at=at))
        return events

    # -- what people and the machine do -----------------------------------------------------------------------------
    async def act(self, number: int, action: Action, *, who: str, why: str, at: str, plan: Plan = no_plan) -> Incident:
        """One action on an incident. Raises NoSuchIncident and NotPossible.

        `contain` suspends the incident's principal, or in a drill only the drill's own sessions; `lift` and whatever
        closes the incident end its suspension.
        """
        async with self._sql.transaction() as sql:
            event = await cases.act(sql, await cases.get(sql, number), action, who=who, why=why, at=at)
            incident = event.incident
            if action is Action.ACKNOWLEDGE or incident.closed:
                await queue.drop_reminders(sql, number)
            await queue.put(sql, plan(event))
        return incident

    async def note(self, number: int, *, kind: str, who: str, why: str, at: str) -> None:
        """A line in the timeline that changes no state: a message that was sent, a measure that was taken."""
        async with self._sql.transaction() as sql:
            incident = await cases.get(sql, number)
            await cases.note(sql, number, Change(at, kind, who, why, incident.state))

    # -- reading ----------------------------------------------------------------------------------------------------
    async def get(self, number: int) -> Incident:
        """Raises NoSuchIncident."""
        async with self._sql.transaction() as sql:
            return await cases.get(sql, number)

    async def incidents(self, *, closed: bool = False, limit: int = 100) -> list[Incident]:
        """The newest first; with `closed` those that are over, too."""
        async with self._sql.transaction() as sql:
            return await cases.newest(sql, closed=closed, limit=limit)

    async def timeline(self, number: int) -> list[Change]:
        async with self._sql.transaction() as sql:
            return await cases.timeline(sql, number)

    async def findings(self, number: int, limit: int = 1000) -> list[dict[str, Any]]:
        """The findings of an incident as documents, oldest first."""
        async with self._sql.transaction() as sql:
            return await cases.findings(sql, number, limit)

    async def subjects(self, number: int, limit: int = 1000) -> tuple[int, list[str]]:
        """How many subjects are listed, and the first of them."""
        async with self._sql.transaction() as sql:
            return await cases.subjects(sql, number, limit)

    async def figures(self) -> Figures:
        """What metrics ask for."""
        async with self._sql.transaction() as sql:
            rows = await sql.rows(
                f"SELECT document FROM incidents WHERE {cases.NOT_CLOSED} ORDER BY number LIMIT $1", _COUNTED
            )
            held = await sql.rows(
                "SELECT i.document FROM suspensions s JOIN incidents i ON i.number = s.number WHERE s.actor = ''"
            )
            waiting = await queue.waiting(sql)
        suspended = {incident.principal: incident.department for incident in map(cases.incident_of, held)}
        return Figures([cases.incident_of(row) for row in rows], waiting, list(suspended.values()))

    async def suspensions(self) -> list[Suspension]:
        async with self._sql.transaction() as sql:
            rows = await sql.rows("SELECT principal, actor, number FROM suspensions ORDER BY number")
        return [Suspension(*row) for row in rows]

    # -- the outbox to the trail ------------------------------------------------------------------------------------
    async def unrecorded(self, limit: int = 200) -> list[tuple[int, Incident, Change]]:
        """Changes that do not stand in the trail yet, oldest first, with their numbers."""
        async with self._sql.transaction() as sql:
            return await cases.unrecorded(sql, limit)

    async def recorded(self, last: int) -> None:
        """All changes up to this number stand in the trail."""
        async with self._sql.transaction() as sql:
            await sql.run("UPDATE changes SET recorded = 1 WHERE recorded = 0 AND id <= $1", last)

    # -- messages ---------------------------------------------------------------------------------------------------
    async def queue(self, messages: Iterable[Message]) -> None:
        """Messages that are known by their id are left as they are."""
        async with self._sql.transaction() as sql:
            await queue.put(sql, messages)

    async def claim(
        self,
        owner: str,
        now: int,
        lease: int,
        route: str,
        room: int = 1,
        kinds: Sequence[str] = (*CALLS, *NOTICES),
        severity: Severity = Severity.INFO,
    ) -> list[Sending]:
        """Take what is due on a route, of `severity` and above: nobody else gets it until `lease` is over. More new
        messages than `room` go together; what was begun and not finished comes again as it was."""
        async with self._sql.transaction() as sql:
            return await queue.claim(sql, owner, now, lease, route, room, kinds, severity)

    async def sent(self, ids: Sequence[str], now: int) -> None:
        async with self._sql.transaction() as sql:
            await queue.sent(sql, ids, now)

    async def failed(self, ids: Sequence[str], error: str, due: int | None) -> None:
        """Try again at `due`; None: never again."""
        async with self._sql.transaction() as sql:
            await queue.failed(sql, ids, error, due)

    async def orphaned(self, owner: str) -> None:
        """At a start: what this owner's last life had under way is due again, at once."""
        async with self._sql.transaction() as sql:
            await queue.orphaned(sql, owner)

    async def messages(self, number: int) -> list[dict[str, Any]]:
        """All messages of an incident and what became of them."""
        async with self._sql.transaction() as sql:
            return await queue.of_incident(sql, number)

    # -- drills and honey -------------------------------------------------------------------------------------------
    async def start_drill(self, drill: Drill) -> None:
        async with self._sql.transaction() as sql:
            await drills.start(sql, drill)

    async def end_drill(self, drill: str, document: Mapping[str, Any]) -> None:
        async with self._sql.transaction() as sql:
            await drills.end(sql, drill, document)

    async def drills(self, now: int) -> list[Drill]:
        """Those that are under way."""
        async with self._sql.transaction() as sql:
            return await drills.under_way(sql, now)

    async def drill_incidents(self, drill: str) -> list[Incident]:
        async with self._sql.transaction() as sql:
            return await drills.incidents(sql, drill)

    async def plant_honey(self, planted: Sequence[Honey]) -> None:
        """Remember planted customers."""
        async with self._sql.transaction() as sql:
            await drills.plant(sql, planted)

    async def honey(self) -> list[Honey]:
        async with self._sql.transaction() as sql:
            return await drills.honey(sql)
