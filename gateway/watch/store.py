"""Incidents, their findings, the queue of messages, suspensions and the watcher's position, in one store.

What belongs together commits together: a batch of findings, the incidents that they open or join, the messages that
these cause and the position of the watcher are one transaction. So a crash loses none of them and repeats none: a
finding that comes again is known by its id. Every change waits in an outbox until it stands in the trail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import orjson

from gateway.errors import MenshenError
from gateway.watch.finding import Finding, RecordRef, Severity
from gateway.watch.incidents import (
    SYSTEM,
    Action,
    Change,
    Incident,
    NotPossible,
    State,
    belongs,
    changed,
    from_document,
    joined,
    opened,
    to_document,
)
from gateway.watch.sql import Connection, Postgres, Row, Sql, Sqlite

SUBJECTS_LIMIT: Final = 1_000_000
"""Subjects that an incident lists; its count goes on."""

_COUNTED: Final = 10_000

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS incidents (number BIGINT PRIMARY KEY, key TEXT NOT NULL, state TEXT NOT NULL,
       severity BIGINT NOT NULL, drill TEXT NOT NULL, last_at TEXT NOT NULL, document TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS incidents_by_state ON incidents (state, number)",
    """CREATE TABLE IF NOT EXISTS findings (id TEXT PRIMARY KEY, number BIGINT NOT NULL, at TEXT NOT NULL,
       key TEXT NOT NULL, record TEXT NOT NULL, document TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS findings_by_key ON findings (key, number)",
    "CREATE INDEX IF NOT EXISTS findings_by_record ON findings (record)",
    "CREATE INDEX IF NOT EXISTS findings_by_incident ON findings (number, at)",
    """CREATE TABLE IF NOT EXISTS incident_subjects (number BIGINT NOT NULL, subject TEXT NOT NULL,
       PRIMARY KEY (number, subject))""",
    """CREATE TABLE IF NOT EXISTS changes (id BIGINT PRIMARY KEY, number BIGINT NOT NULL, at TEXT NOT NULL,
       kind TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, state TEXT NOT NULL, finding TEXT NOT NULL,
       recorded BIGINT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS changes_by_incident ON changes (number, id)",
    "CREATE INDEX IF NOT EXISTS changes_to_record ON changes (recorded, id)",
    """CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, number BIGINT NOT NULL, route TEXT NOT NULL,
       kind TEXT NOT NULL, severity BIGINT NOT NULL, state TEXT NOT NULL, due BIGINT NOT NULL, made BIGINT NOT NULL,
       attempts BIGINT NOT NULL, lease BIGINT NOT NULL, owner TEXT NOT NULL, finished BIGINT NOT NULL,
       error TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS messages_due ON messages (route, state, due)",
    """CREATE TABLE IF NOT EXISTS suspensions (principal TEXT NOT NULL, actor TEXT NOT NULL, number BIGINT NOT NULL,
       at TEXT NOT NULL, PRIMARY KEY (principal, actor, number))""",
    """CREATE TABLE IF NOT EXISTS drills (id TEXT PRIMARY KEY, kind TEXT NOT NULL, principal TEXT NOT NULL,
       until BIGINT NOT NULL, document TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS honey (place TEXT PRIMARY KEY, key TEXT NOT NULL, hashes TEXT NOT NULL,
       planted_at TEXT NOT NULL, who TEXT NOT NULL)""",
)


class NoSuchIncident(MenshenError):
    sqlstate = "02000"
    http_status = 404


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one route; its id is the same however often it is tried."""

    id: str
    number: int
    route: str
    kind: str
    """`opened`, `worse`, `again`, `escalated`, `contained` or `closed`"""
    severity: Severity
    due: int
    """Microseconds since 1970, UTC."""
    made: int
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Suspension:
    principal: str
    actor: str
    """Empty: every session of the principal. Else only those of this actor (drills)."""
    number: int


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill that was announced; findings of its principal that carry its mark belong to it until it is over."""

    id: str
    kind: str
    principal: str
    until: int

    @property
    def actor(self) -> str:
        return f"drill:{self.id}"


@dataclass(frozen=True, slots=True)
class Honey:
    """A planted customer."""

    place: str
    """`database:schema.table/key`"""
    key: str
    """The key as records hold it: a whole number, or a keyed hash."""
    hashes: tuple[str, ...]
    """Keyed hashes of its values, as lookups record them."""
    planted_at: str
    who: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers of the moment."""

    incidents: list[Incident]
    """Those that are not closed."""
    waiting: dict[str, int]
    """route → messages that are not sent yet"""
    suspended: list[str]
    """The department of each suspended account."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to an incident, for those who plan messages and count."""

    incident: Incident
    change: Change
    worse: bool = False
    """A finding raised the severity."""
    contain: bool = False
    """A finding's detector asks to suspend at once."""
    finding: Finding | None = None


Plan: TypeAlias = Callable[[Event], Iterable[Message]]
"""Which messages an event causes. Pure: it runs inside the transaction."""


def _no_plan(_: Event) -> Iterable[Message]:
    return ()


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
        plan: Plan = _no_plan,
        contain: bool = True,
    ) -> list[Event]:
        """Findings become incidents, all or nothing; those that are known are passed over.

        With `contain` the principal is suspended at once where the finding's detector asks for it."""
        events: list[Event] = []
        async with self._sql.transaction() as sql:
            drills = await _drills(sql, now) if any(finding.drill for finding in findings) else []
            for finding in findings:
                event = await self._admit(sql, finding, at, _drill_of(finding, drills))
                if event is None:
                    continue
                events.append(event)
                await _queue(sql, plan(event))
                if contain and event.contain:
                    why = f"the detector {finding.detector} is set to contain"
                    events.append(await _act(sql, event.incident, Action.CONTAIN, SYSTEM, why, at))
        return events

    async def _admit(self, sql: Connection, finding: Finding, at: str, drill: str) -> Event | None:
        if await sql.rows("SELECT 1 FROM findings WHERE id = $1", finding.id):
            return None
        record = str(finding.evidence[-1]) if finding.evidence else ""
        known = await sql.rows(
            "SELECT document FROM incidents WHERE drill = $3 AND number IN "
            "(SELECT number FROM findings WHERE key = $1 OR (record = $2 AND record <> '')) "
            "ORDER BY number DESC LIMIT 8",
            finding.key, record, drill,
        )  # fmt: skip
        home = next((one for one in map(_incident, known) if belongs(one, finding, self._window, drill)), None)
        if home is None:
            rows = await sql.rows("SELECT coalesce(max(number), 0) + 1 FROM incidents")
            incident, change = opened(int(rows[0][0]), finding, at, drill)
        else:
            incident, change = joined(home, finding, at)
        await _save(sql, incident, new=home is None)
        await sql.run(
            "INSERT INTO findings VALUES ($1, $2, $3, $4, $5, $6)",
            finding.id, incident.number, finding.at, finding.key, record,
            orjson.dumps(_finding_document(finding)).decode(),
        )  # fmt: skip
        await self._add_subjects(sql, incident.number, finding.subjects)
        await _note(sql, incident.number, change)
        return Event(
            incident,
            change,
            worse=home is not None and incident.severity > home.severity,
            contain=finding.contain and bool(incident.principal) and incident.state in (State.OPEN, State.ACKNOWLEDGED),
            finding=finding,
        )

    async def _add_subjects(self, sql: Connection, number: int, subjects: frozenset[str]) -> None:
        if not subjects:
            return
        there = await _count(sql, number)
        wanted = sorted(subjects)[: max(0, SUBJECTS_LIMIT - there)]
        await sql.run_many(
            "INSERT INTO incident_subjects VALUES ($1, $2) ON CONFLICT DO NOTHING", [(number, one) for one in wanted]
        )

    # -- what people and the machine do -----------------------------------------------------------------------------
    async def act(self, number: int, action: Action, *, who: str, why: str, at: str, plan: Plan = _no_plan) -> Incident:
        """One action on an incident. Raises NoSuchIncident and NotPossible.

        `contain` suspends the incident's principal, or in a drill only the drill's own sessions; `lift` and whatever
        closes the incident end its suspension.
        """
        async with self._sql.transaction() as sql:
            event = await _act(sql, await _get(sql, number), action, who, why, at)
            incident = event.incident
            if action is Action.ACKNOWLEDGE or incident.closed:
                # Nobody is called any more for what somebody has taken up; what is under way cannot be called back.
                await sql.run(
                    "UPDATE messages SET state = 'dropped', finished = due WHERE number = $1 AND state = 'queued' "
                    "AND kind IN ('again', 'escalated')",
                    number,
                )  # fmt: skip
            await _queue(sql, plan(event))
        return incident

    async def note(self, number: int, *, kind: str, who: str, why: str, at: str) -> None:
        """A line in the timeline that changes no state: a message that was sent, a measure that was taken."""
        async with self._sql.transaction() as sql:
            incident = await _get(sql, number)
            await _note(sql, number, Change(at, kind, who, why, incident.state))

    # -- reading ----------------------------------------------------------------------------------------------------
    async def get(self, number: int) -> Incident:
        """Raises NoSuchIncident."""
        async with self._sql.transaction() as sql:
            return await _get(sql, number)

    async def incidents(self, *, closed: bool = False, limit: int = 100) -> list[Incident]:
        """The newest first; with `closed` those that are over, too."""
        where = "" if closed else " WHERE state NOT IN ('resolved', 'false_alarm')"
        async with self._sql.transaction() as sql:
            rows = await sql.rows(f"SELECT document FROM incidents{where} ORDER BY number DESC LIMIT $1", limit)
        return [_incident(row) for row in rows]

    async def timeline(self, number: int) -> list[Change]:
        async with self._sql.transaction() as sql:
            rows = await sql.rows(
                "SELECT at, kind, who, why, state, finding FROM changes WHERE number = $1 ORDER BY id", number
            )
        return [_change(row) for row in rows]

    async def findings(self, number: int, limit: int = 1000) -> list[dict[str, Any]]:
        """The findings of an incident as documents, oldest first."""
        async with self._sql.transaction() as sql:
            rows = await sql.rows(
                "SELECT document FROM findings WHERE number = $1 ORDER BY at, id LIMIT $2", number, limit
            )
        return [orjson.loads(row[0]) for row in rows]

    async def subjects(self, number: int, limit: int = 1000) -> tuple[int, list[str]]:
        """How many subjects are listed, and the first of them."""
        async with self._sql.transaction() as sql:
            rows = await sql.rows(
                "SELECT subject FROM incident_subjects WHERE number = $1 ORDER BY subject LIMIT $2", number, limit
            )
            return await _count(sql, number), [row[0] for row in rows]

    async def figures(self) -> Figures:
        """What metrics ask for."""
        async with self._sql.transaction() as sql:
            rows = await sql.rows(
                "SELECT document FROM incidents WHERE state NOT IN ('resolved', 'false_alarm') "
                "ORDER BY number LIMIT $1",
                _COUNTED,
            )
            waiting = await sql.rows(
                "SELECT route, count(*) FROM messages WHERE state IN ('queued', 'sending') GROUP BY route"
            )
            held = await sql.rows(
                "SELECT i.document FROM suspensions s JOIN incidents i ON i.number = s.number WHERE s.actor = ''"
            )
        suspended = {incident.principal: incident.department for incident in map(_incident, held)}
        return Figures(
            [_incident(row) for row in rows], {row[0]: int(row[1]) for row in waiting}, list(suspended.values())
        )

    # -- the outbox to the trail ------------------------------------------------------------------------------------
    async def unrecorded(self, limit: int = 200) -> list[tuple[int, Incident, Change]]:
        """Changes that do not stand in the trail yet, oldest first, with their numbers."""
        async with self._sql.transaction() as sql:
            rows = await sql.rows(
                "SELECT c.id, i.document, c.at, c.kind, c.who, c.why, c.state, c.finding FROM changes c "
                "JOIN incidents i ON i.number = c.number WHERE c.recorded = 0 ORDER BY c.id LIMIT $1",
                limit,
            )
        return [(int(row[0]), _incident(row[1:2]), _change(row[2:])) for row in rows]

    async def recorded(self, last: int) -> None:
        """All changes up to this number stand in the trail."""
        async with self._sql.transaction() as sql:
            await sql.run("UPDATE changes SET recorded = 1 WHERE recorded = 0 AND id <= $1", last)

    # -- messages ---------------------------------------------------------------------------------------------------
    async def queue(self, messages: Iterable[Message]) -> None:
        """Messages that are known by their id are left as they are."""
        async with self._sql.transaction() as sql:
            await _queue(sql, messages)

    async def claim(
        self, owner: str, now: int, lease: int, route: str, limit: int = 50
    ) -> list[tuple[Message, Incident, bool]]:
        """Take what is due on a route: nobody else gets it until `lease` is over. The flag: it may have been sent
        before, by a process that died between sending and noting it."""
        async with self._sql.transaction() as sql:
            rows = await sql.rows(
                "SELECT m.id, m.number, m.route, m.kind, m.severity, m.due, m.made, m.attempts, m.state, i.document "
                "FROM messages m JOIN incidents i ON i.number = m.number "
                "WHERE m.route = $2 AND ((m.state = 'queued' AND m.due <= $1) OR "
                "(m.state = 'sending' AND m.lease <= $1)) "
                "ORDER BY m.severity DESC, m.due LIMIT $3",
                now, route, limit,
            )  # fmt: skip
            await sql.run_many(
                "UPDATE messages SET state = 'sending', lease = $2, owner = $3 WHERE id = $1",
                [(row[0], lease, owner) for row in rows],
            )
        return [(_message(row), _incident(row[9:10]), row[8] == "sending") for row in rows]

    async def release(self, ids: Sequence[str], due: int) -> None:
        """Give claimed messages back unsent."""
        async with self._sql.transaction() as sql:
            await sql.run_many(
                "UPDATE messages SET state = 'queued', due = $2 WHERE id = $1 AND state = 'sending'",
                [(one, due) for one in ids],
            )

    async def sent(self, ids: Sequence[str], now: int) -> None:
        async with self._sql.transaction() as sql:
            await sql.run_many(
                "UPDATE messages SET state = 'sent', finished = $2, error = '' WHERE id = $1", [(i, now) for i in ids]
            )

    async def failed(self, ids: Sequence[str], error: str, due: int | None) -> None:
        """Try again at `due`; None: never again."""
        state = "queued" if due is not None else "failed"
        async with self._sql.transaction() as sql:
            await sql.run_many(
                "UPDATE messages SET state = $2, due = $3, error = $4, attempts = attempts + 1 WHERE id = $1",
                [(one, state, due or 0, error) for one in ids],
            )

    async def orphaned(self, owner: str) -> None:
        """At a start: what this owner's last life had under way is due again, at once."""
        async with self._sql.transaction() as sql:
            await sql.run("UPDATE messages SET lease = 0 WHERE state = 'sending' AND owner = $1", owner)

    async def messages(self, number: int) -> list[dict[str, Any]]:
        """All messages of an incident and what became of them."""
        names = ("id", "route", "kind", "state", "made", "finished", "attempts", "error")
        async with self._sql.transaction() as sql:
            rows = await sql.rows(
                f"SELECT {', '.join(names)} FROM messages WHERE number = $1 ORDER BY made, id", number
            )
        return [dict(zip(names, row, strict=True)) for row in rows]

    # -- suspensions ------------------------------------------------------------------------------------------------
    async def suspensions(self) -> list[Suspension]:
        async with self._sql.transaction() as sql:
            rows = await sql.rows("SELECT principal, actor, number FROM suspensions ORDER BY number")
        return [Suspension(*row) for row in rows]

    # -- drills and honey -------------------------------------------------------------------------------------------
    async def start_drill(self, drill: Drill) -> None:
        async with self._sql.transaction() as sql:
            await sql.run(
                "INSERT INTO drills VALUES ($1, $2, $3, $4, '{}')", drill.id, drill.kind, drill.principal, drill.until
            )

    async def end_drill(self, drill: str, document: Mapping[str, Any]) -> None:
        async with self._sql.transaction() as sql:
            await sql.run(
                "UPDATE drills SET until = 0, document = $2 WHERE id = $1", drill, orjson.dumps(document).decode()
            )

    async def drills(self, now: int) -> list[Drill]:
        """Those that are under way."""
        async with self._sql.transaction() as sql:
            return await _drills(sql, now)

    async def drill_incidents(self, drill: str) -> list[Incident]:
        async with self._sql.transaction() as sql:
            rows = await sql.rows("SELECT document FROM incidents WHERE drill = $1 ORDER BY number", drill)
        return [_incident(row) for row in rows]

    async def plant_honey(self, planted: Sequence[Honey]) -> None:
        """Remember planted customers."""
        rows = [(one.place, one.key, " ".join(one.hashes), one.planted_at, one.who) for one in planted]
        async with self._sql.transaction() as sql:
            await sql.run_many("INSERT INTO honey VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING", rows)

    async def honey(self) -> list[Honey]:
        async with self._sql.transaction() as sql:
            rows = await sql.rows("SELECT place, key, hashes, planted_at, who FROM honey ORDER BY place")
        return [Honey(place, key, tuple(hashes.split()), at, who) for place, key, hashes, at, who in rows]


async def _get(sql: Connection, number: int) -> Incident:
    rows = await sql.rows("SELECT document FROM incidents WHERE number = $1", number)
    if not rows:
        raise NoSuchIncident(f"there is no incident INC-{number}", hint="menshen incident list --all")
    return _incident(rows[0])


async def _save(sql: Connection, incident: Incident, *, new: bool = False) -> None:
    values = (
        incident.number, incident.key, str(incident.state), int(incident.severity), incident.drill, incident.last_at,
        orjson.dumps(to_document(incident)).decode(),
    )  # fmt: skip
    if new:
        await sql.run("INSERT INTO incidents VALUES ($1, $2, $3, $4, $5, $6, $7)", *values)
    else:
        await sql.run(
            "UPDATE incidents SET key = $2, state = $3, severity = $4, drill = $5, last_at = $6, document = $7 "
            "WHERE number = $1",
            *values,
        )


async def _note(sql: Connection, number: int, change: Change) -> None:
    rows = await sql.rows("SELECT coalesce(max(id), 0) + 1 FROM changes")
    await sql.run(
        "INSERT INTO changes VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)",
        int(rows[0][0]), number, change.at, change.kind, change.who, change.why, str(change.state), change.finding,
    )  # fmt: skip


async def _act(sql: Connection, before: Incident, action: Action, who: str, why: str, at: str) -> Event:
    incident, change = changed(before, action, who=who, why=why, at=at)
    await _save(sql, incident)
    await _note(sql, incident.number, change)
    if action is Action.CONTAIN:
        if not incident.principal:
            raise NotPossible(f"{incident.name} names no account that could be suspended")
        actor = f"drill:{incident.drill}" if incident.drill else ""
        await sql.run(
            "INSERT INTO suspensions VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            incident.principal, actor, incident.number, at,
        )  # fmt: skip
    elif action is Action.LIFT or incident.closed:
        await sql.run("DELETE FROM suspensions WHERE number = $1", incident.number)
    return Event(incident, change)


async def _queue(sql: Connection, messages: Iterable[Message]) -> None:
    for one in messages:
        await sql.run(
            "INSERT INTO messages VALUES ($1, $2, $3, $4, $5, 'queued', $6, $7, 0, 0, '', 0, '') "
            "ON CONFLICT DO NOTHING",
            one.id, one.number, one.route, one.kind, int(one.severity), one.due, one.made,
        )  # fmt: skip


async def _count(sql: Connection, number: int) -> int:
    rows = await sql.rows("SELECT count(*) FROM incident_subjects WHERE number = $1", number)
    return int(rows[0][0])


async def _drills(sql: Connection, now: int) -> list[Drill]:
    rows = await sql.rows("SELECT id, kind, principal, until FROM drills WHERE until > $1 ORDER BY id", now)
    return [Drill(*row) for row in rows]


def _drill_of(finding: Finding, drills: Iterable[Drill]) -> str:
    """The id of the announced drill that a marked finding belongs to. A mark without an announcement means nothing:
    a thief may write it as well."""
    if not finding.drill:
        return ""
    return next((one.id for one in drills if one.principal in ("", finding.principal)), "")


def _incident(row: Sequence[Any]) -> Incident:
    return from_document(orjson.loads(row[0]))


def _change(row: Row) -> Change:
    at, kind, who, why, state, finding = row
    return Change(at, kind, who, why, State(state), finding)


def _message(row: Row) -> Message:
    id_, number, route, kind, severity, due, made, attempts = row[:8]
    return Message(id_, number, route, kind, Severity(severity), due, made, attempts)


def _finding_document(finding: Finding) -> dict[str, Any]:
    """What the timeline and the dossier show; subjects are kept in a table of their own."""
    document = {name: getattr(finding, name) for name in Finding.__dataclass_fields__ if name != "subjects"}
    document["severity"] = str(finding.severity)
    document["evidence"] = [str(ref) for ref in finding.evidence]
    document["id"] = finding.id
    return document


def finding_ref(text: str) -> RecordRef:
    """`chain:seq` as a reference."""
    chain, _, seq = text.rpartition(":")
    return RecordRef(chain, int(seq))
