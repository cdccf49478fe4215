"""Incidents, their findings, subjects and timeline: what is done to them inside one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from gateway.watch.finding import Finding
from gateway.watch.incidents import (
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
from gateway.watch.sql import Connection, Row
from gateway.watch.store.values import Event, NoSuchIncident

NOT_CLOSED: Final = "state NOT IN ('resolved', 'false_alarm')"
"""Incidents that are not over, as a condition in SQL."""
SUBJECTS_LIMIT: Final = 1_000_000
"""Subjects that an incident lists; its count goes on."""


async def admit(sql: Connection, finding: Finding, at: str, drill: str, window: float) -> Event | None:
    """A finding opens or joins an incident; None where it is known."""
    if await sql.rows("SELECT 1 FROM findings WHERE id = $1", finding.id):
        return None
    record = str(finding.evidence[-1]) if finding.evidence else ""
    known = await sql.rows(
        "SELECT document FROM incidents WHERE drill = $3 AND number IN "
        "(SELECT number FROM findings WHERE key = $1 OR (record = $2 AND record <> '')) "
        "ORDER BY number DESC LIMIT 8",
        finding.key, record, drill,
    )  # fmt: skip
    home = next((one for one in map(incident_of, known) if belongs(one, finding, window, drill)), None)
    if home is None:
        rows = await sql.rows("SELECT coalesce(max(number), 0) + 1 FROM incidents")
        incident, change = opened(int(rows[0][0]), finding, at, drill)
    else:
        incident, change = joined(home, finding, at)
    await _save(sql, incident, new=home is None)
    await sql.run(
        "INSERT INTO findings VALUES ($1, $2, $3, $4, $5, $6)",
        finding.id, incident.number, finding.at, finding.key, record, orjson.dumps(_finding_document(finding)).decode(),
    )  # fmt: skip
    await _add_subjects(sql, incident.number, finding.subjects)
    await note(sql, incident.number, change)
    return Event(
        incident,
        change,
        worse=home is not None and incident.severity > home.severity,
        contain=finding.contain and bool(incident.principal) and incident.state in (State.OPEN, State.ACKNOWLEDGED),
        finding=finding,
    )


async def act(sql: Connection, before: Incident, action: Action, *, who: str, why: str, at: str) -> Event:
    """One action of a person or the machine. Raises NotPossible."""
    incident, change = changed(before, action, who=who, why=why, at=at)
    await _save(sql, incident)
    await note(sql, incident.number, change)
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


async def note(sql: Connection, number: int, change: Change) -> None:
    """One more line of the timeline, and of what waits to be recorded in the trail."""
    rows = await sql.rows("SELECT coalesce(max(id), 0) + 1 FROM changes")
    await sql.run(
        "INSERT INTO changes VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)",
        int(rows[0][0]), number, change.at, change.kind, change.who, change.why, str(change.state), change.finding,
    )  # fmt: skip


# -- reading ----------------------------------------------------------------------------------------------------------
async def get(sql: Connection, number: int) -> Incident:
    """Raises NoSuchIncident."""
    rows = await sql.rows("SELECT document FROM incidents WHERE number = $1", number)
    if not rows:
        raise NoSuchIncident(f"there is no incident INC-{number}", hint="menshen incident list --all")
    return incident_of(rows[0])


async def newest(sql: Connection, *, closed: bool, limit: int) -> list[Incident]:
    """The newest first; with `closed` those that are over, too."""
    where = "" if closed else f" WHERE {NOT_CLOSED}"
    rows = await sql.rows(f"SELECT document FROM incidents{where} ORDER BY number DESC LIMIT $1", limit)
    return [incident_of(row) for row in rows]


async def timeline(sql: Connection, number: int) -> list[Change]:
    rows = await sql.rows(
        "SELECT at, kind, who, why, state, finding FROM changes WHERE number = $1 ORDER BY id", number
    )
    return [_change(row) for row in rows]


async def findings(sql: Connection, number: int, limit: int) -> list[dict[str, Any]]:
    """As documents, oldest first."""
    rows = await sql.rows("SELECT document FROM findings WHERE number = $1 ORDER BY at, id LIMIT $2", number, limit)
    return [orjson.loads(row[0]) for row in rows]


async def subjects(sql: Connection, number: int, limit: int) -> tuple[int, list[str]]:
    """How many are listed, and the first of them."""
    rows = await sql.rows(
        "SELECT subject FROM incident_subjects WHERE number = $1 ORDER BY subject LIMIT $2", number, limit
    )
    return await _count(sql, number), [row[0] for row in rows]


async def unrecorded(sql: Connection, limit: int) -> list[tuple[int, Incident, Change]]:
    """Changes that do not stand in the trail yet, oldest first, with their numbers."""
    rows = await sql.rows(
        "SELECT c.id, i.document, c.at, c.kind, c.who, c.why, c.state, c.finding FROM changes c "
        "JOIN incidents i ON i.number = c.number WHERE c.recorded = 0 ORDER BY c.id LIMIT $1",
        limit,
    )
    return [(int(row[0]), incident_of(row[1:2]), _change(row[2:])) for row in rows]


def incident_of(row: Sequence[Any]) -> Incident:
    """From a row that begins with the document."""
    return from_document(orjson.loads(row[0]))


# -- rows -------------------------------------------------------------------------------------------------------------
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


async def _add_subjects(sql: Connection, number: int, found: frozenset[str]) -> None:
    if not found:
        return
    there = await _count(sql, number)
    wanted = sorted(found)[: max(0, SUBJECTS_LIMIT - there)]
    await sql.run_many(
        "INSERT INTO incident_subjects VALUES ($1, $2) ON CONFLICT DO NOTHING", [(number, one) for one in wanted]
    )


async def _count(sql: Connection, number: int) -> int:
    rows = await sql.rows("SELECT count(*) FROM incident_subjects WHERE number = $1", number)
    return int(rows[0][0])


def _change(row: Row) -> Change:
    at, kind, who, why, state, finding = row
    return Change(at, kind, who, why, State(state), finding)


def _finding_document(finding: Finding) -> dict[str, Any]:
    """What the timeline and the dossier show; subjects are kept in a table of their own."""
    document = {name: getattr(finding, name) for name in Finding.__dataclass_fields__ if name != "subjects"}
    document["severity"] = str(finding.severity)
    document["evidence"] = [str(ref) for ref in finding.evidence]
    document["id"] = finding.id
    return document
