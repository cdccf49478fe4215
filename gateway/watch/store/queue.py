"""The queue of messages. What is handed over together is one sending with a key of its own, fixed before the first
attempt and the same in each further one, so that a receiver that knows the key can drop a repeat."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

from gateway.watch.finding import Severity
from gateway.watch.sql import Connection, Row
from gateway.watch.store.cases import incident_of
from gateway.watch.store.values import CALLS, NOTICES, Message, Sending

_AT_ONCE: Final = 50
_COLUMNS: Final = (
    "m.id, m.number, m.route, m.kind, m.severity, m.due, m.made, m.attempts, m.state, i.document, s.key "
    "FROM messages m JOIN incidents i ON i.number = m.number LEFT JOIN sendings s ON s.message = m.id"
)
_DUE: Final = "m.route = $2 AND ((m.state = 'queued' AND m.due <= $1) OR (m.state = 'sending' AND m.lease <= $1))"

_KINDS: Final = {kind: f"'{kind}'" for kind in (*CALLS, *NOTICES)}
"""As text in SQL; a kind that is none of them is an error."""


async def put(sql: Connection, messages: Iterable[Message]) -> None:
    """Messages that are known by their id are left as they are."""
    for one in messages:
        await sql.run(
            "INSERT INTO messages VALUES ($1, $2, $3, $4, $5, 'queued', $6, $7, 0, 0, '', 0, '') "
            "ON CONFLICT DO NOTHING",
            one.id, one.number, one.route, one.kind, int(one.severity), one.due, one.made,
        )  # fmt: skip


async def claim(
    sql: Connection,
    owner: str,
    now: int,
    lease: int,
    route: str,
    room: int,
    kinds: Sequence[str],
    severity: Severity,
) -> list[Sending]:
    """Take what is due of these kinds and at least this severity: sendings that were begun before as they were; else
    what is new, one by one where at most `room` messages are due, or all in one sending."""
    due = f"{_DUE} AND m.kind IN ({', '.join(_KINDS[kind] for kind in kinds)}) AND m.severity >= {int(severity)}"
    begun = await sql.rows(
        f"SELECT {_COLUMNS} WHERE {_DUE} AND s.key IN "
        f"(SELECT s.key FROM messages m JOIN sendings s ON s.message = m.id WHERE {due} "
        "ORDER BY m.severity DESC, m.due LIMIT $3) ORDER BY m.severity DESC, m.made, m.id",
        now, route, _AT_ONCE,
    )  # fmt: skip
    if begun:
        together: dict[str, list[Row]] = {}
        for row in begun:
            together.setdefault(row[10], []).append(row)
        sendings = [_sending(key, rows) for key, rows in together.items()]
    else:
        fresh = await sql.rows(
            f"SELECT {_COLUMNS} WHERE {due} ORDER BY m.severity DESC, m.due, m.id LIMIT $3", now, route, _AT_ONCE
        )
        parts = [[row] for row in fresh] if len(fresh) <= max(room, 1) else [fresh]
        sendings = [_sending(_key([row[0] for row in rows]), rows) for rows in parts]
        await sql.run_many(
            "INSERT INTO sendings VALUES ($1, $2)", [(one.id, each.key) for each in sendings for one in each.messages]
        )
    await sql.run_many(
        "UPDATE messages SET state = 'sending', lease = $2, owner = $3 WHERE id = $1",
        [(one.id, lease, owner) for each in sendings for one in each.messages],
    )
    return sendings


async def sent(sql: Connection, ids: Sequence[str], now: int) -> None:
    await sql.run_many(
        "UPDATE messages SET state = 'sent', finished = $2, error = '' WHERE id = $1", [(one, now) for one in ids]
    )


async def failed(sql: Connection, ids: Sequence[str], error: str, due: int | None) -> None:
    """Again at `due`; None: never."""
    state = "queued" if due is not None else "failed"
    await sql.run_many(
        "UPDATE messages SET state = $2, due = $3, error = $4, attempts = attempts + 1 WHERE id = $1",
        [(one, state, due or 0, error) for one in ids],
    )


async def orphaned(sql: Connection, owner: str) -> None:
    await sql.run("UPDATE messages SET lease = 0 WHERE state = 'sending' AND owner = $1", owner)


async def drop_reminders(sql: Connection, number: int) -> None:
    """Nobody is called any more for what somebody has taken up; what is under way cannot be called back."""
    await sql.run(
        "UPDATE messages SET state = 'dropped', finished = due WHERE number = $1 AND state = 'queued' "
        "AND kind IN ('again', 'escalated')",
        number,
    )  # fmt: skip


async def of_incident(sql: Connection, number: int) -> list[dict[str, Any]]:
    """All messages of an incident and what became of them."""
    names = ("id", "route", "kind", "state", "made", "finished", "attempts", "error")
    rows = await sql.rows(f"SELECT {', '.join(names)} FROM messages WHERE number = $1 ORDER BY made, id", number)
    return [dict(zip(names, row, strict=True)) for row in rows]


async def waiting(sql: Connection) -> dict[str, int]:
    """route → messages that are not sent yet"""
    rows = await sql.rows("SELECT route, count(*) FROM messages WHERE state IN ('queued', 'sending') GROUP BY route")
    return {row[0]: int(row[1]) for row in rows}


def _key(ids: Sequence[str]) -> str:
    """One message's own id; of several, the first one's and a digest of all."""
    if len(ids) == 1:
        return ids[0]
    return f"{ids[0]}+{len(ids) - 1}-{hashlib.sha256(' '.join(ids).encode()).hexdigest()[:16]}"


def _sending(key: str, rows: Sequence[Row]) -> Sending:
    return Sending(
        key,
        tuple(_message(row) for row in rows),
        tuple(incident_of(row[9:10]) for row in rows),
        repeated=any(row[8] == "sending" for row in rows),
    )


def _message(row: Row) -> Message:
    id_, number, route, kind, severity, due, made, attempts = row[:8]
    return Message(id_, number, route, kind, Severity(severity), due, made, attempts)
