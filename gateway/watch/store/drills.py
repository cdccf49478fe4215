"""Drills that were announced, and planted customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from gateway.watch.finding import Finding
from gateway.watch.incidents import Incident
from gateway.watch.sql import Connection
from gateway.watch.store.cases import incident_of
from gateway.watch.store.values import Drill, Honey


async def start(sql: Connection, drill: Drill) -> None:
    await sql.run(
        "INSERT INTO drills VALUES ($1, $2, $3, $4, '{}')", drill.id, drill.kind, drill.principal, drill.until
    )


async def end(sql: Connection, drill: str, document: Mapping[str, Any]) -> None:
    await sql.run("UPDATE drills SET until = 0, document = $2 WHERE id = $1", drill, orjson.dumps(document).decode())


async def under_way(sql: Connection, now: int) -> list[Drill]:
    rows = await sql.rows("SELECT id, kind, principal, until FROM drills WHERE until > $1 ORDER BY id", now)
    return [Drill(*row) for row in rows]


async def incidents(sql: Connection, drill: str) -> list[Incident]:
    rows = await sql.rows("SELECT document FROM incidents WHERE drill = $1 ORDER BY number", drill)
    return [incident_of(row) for row in rows]


def drill_of(finding: Finding, drills: Iterable[Drill]) -> str:
    """The id of the announced drill that a marked finding belongs to. A mark without an announcement means nothing:
    a thief may write it as well."""
    if not finding.drill:
        return ""
    return next((one.id for one in drills if one.principal in ("", finding.principal)), "")


async def plant(sql: Connection, planted: Sequence[Honey]) -> None:
    rows = [(one.place, one.key, " ".join(one.hashes), one.planted_at, one.who) for one in planted]
    await sql.run_many("INSERT INTO honey VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING", rows)


async def honey(sql: Connection) -> list[Honey]:
    rows = await sql.rows("SELECT place, key, hashes, planted_at, who FROM honey ORDER BY place")
    return [Honey(place, key, tuple(hashes.split()), at, who) for place, key, hashes, at, who in rows]
