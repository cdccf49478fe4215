"""Who saw this customer: one pass over the trail for one subject's key.

Two kinds of answers: records that name the subject, and records that may have shown it, because some of their rows
could not be attributed although a table with subjects was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.trail.reader import Record, merge
from gateway.trail.subjects import decode

_NAMED, _OPEN = b'"subjects":', b'"unattributed":'


@dataclass(frozen=True, slots=True)
class Sighting:
    """One answer that held the subject, or may have."""

    at: str
    certain: bool
    """False: rows of this answer have no known subject."""
    principal: str
    actor: str
    department: str
    purpose: str
    tables: tuple[str, ...]
    """Those in which the subject was seen; of an uncertain one, those that were read."""
    classes: Mapping[str, str]
    """Data class → disclosure, of the whole answer."""
    rows: int
    """Rows of the answer; of an uncertain one, those without a subject."""
    reason: str
    """Why rows have no subject; empty where it is certain."""
    chain: str
    seq: int

    def to_json(self) -> dict[str, Any]:
        return {
            "at": self.at, "certain": self.certain, "principal": self.principal, "actor": self.actor,
            "department": self.department, "purpose": self.purpose, "tables": list(self.tables),
            "classes": dict(self.classes), "rows": self.rows, "reason": self.reason,
            "record": f"{self.chain}:{self.seq}",
        }  # fmt: skip


def sightings(
    path: Path,
    key: int | str,
    *,
    table: str | None = None,
    since: str | None = None,
    until: str | None = None,
    possible: bool = True,
) -> Iterator[Sighting]:
    """Every answer with the subject, oldest first. Raises OSError.

    `key`: a whole number or a hash (`subjects.parse_key`). `table`: `schema.table`. `possible`: also answers with rows
    that could not be attributed. The `close` of an answer tells all of its subjects; an answer without one, cut off or
    still under way, comes last, by what its `open` tells.
    """
    begun: dict[tuple[str, object, object], Sighting] = {}

    def wanted(line: bytes) -> bool:
        return _NAMED in line or (possible and _OPEN in line)

    for line in merge(path, {}, since=since, before=until, wanted=wanted):
        phase, answer = line.record.get("phase"), (line.chain, line.record.get("session"), line.record.get("id"))
        if phase == "close":
            begun.pop(answer, None)
        seen = _certain(line.record, line.chain, key, table)
        if seen is None and possible:
            seen = _possible(line.record, line.chain, table)
        if seen is None:
            continue
        if phase == "open":
            begun[answer] = seen
        else:
            yield seen
    yield from begun.values()


def _certain(record: Record, chain: str, key: int | str, table: str | None) -> Sighting | None:
    named = [name for name, one in decode(record).items() if (table is None or name == table) and key in one]
    return _sighting(record, chain, tuple(named), True, int(record.get("rows", 0)), "") if named else None


def _possible(record: Record, chain: str, table: str | None) -> Sighting | None:
    left = record.get("unattributed")
    relations = tuple(str(name) for name in record.get("relations", ()))
    if not isinstance(left, dict) or (table is not None and table not in relations):
        return None
    return _sighting(record, chain, relations, False, int(left.get("rows", 0)), str(left.get("reason", "")))


def _sighting(record: Record, chain: str, tables: tuple[str, ...], certain: bool, rows: int, reason: str) -> Sighting:
    return Sighting(
        at=str(record.get("at", "")),
        certain=certain,
        principal=str(record.get("principal", "")),
        actor=str(record.get("statement_actor") or record.get("actor") or ""),
        department=str(record.get("department", "")),
        purpose=str(record.get("purpose", "")),
        tables=tables,
        classes={str(name): str(shown) for name, shown in record.get("classes", {}).items()},
        rows=rows,
        reason=reason,
        chain=chain,
        seq=int(record.get("seq", 0)),
    )
