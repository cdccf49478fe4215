"""A detector under test: records of one chain in the order of time, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from gateway.trail.subjects import encode, make
from gateway.watch.detectors import DETECTORS, Detector, Options, Seen, Zone
from gateway.watch.finding import Finding, Severity

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
"""Midnight, in the time zone of the tests: UTC."""
PUBLIC = frozenset({"public"})
CLEAR = {"contact.phone": "clear"}


def at(day: float = 0, hour: float = 0, second: float = 0) -> str:
    moment = MONDAY + timedelta(days=day, hours=hour, seconds=second)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def statement(when: str, keys: Iterable[int | str] = (), **members: Any) -> dict[str, Any]:
    """An answered statement of `crm_app`; members given beat the defaults, None takes one away."""
    keys = list(keys)
    record: dict[str, Any] = {
        "at": when, "event": "statement", "phase": "single", "kind": "SELECT", "fingerprint": "f1", "verdict": "veil",
        "principal": "crm_app", "department": "support", "client": "10.0.0.1:50123", "database": "crm",
        "purpose": "ticket_resolution", "relations": ["crm.customers"], "classes": CLEAR, "rows": len(keys),
        "node": "n", "worker": 1, "bundle": "b1",
    }  # fmt: skip
    if keys:
        record |= orjson.loads(b"{" + encode({"crm.customers": make(keys)[0]}) + b"}")
    record |= members
    return {name: value for name, value in record.items() if value is not None}


def event(when: str, name: str, **members: Any) -> dict[str, Any]:
    return {"at": when, "event": name, "principal": "crm_app", "client": "10.0.0.1", "node": "n", "worker": 1} | members


class Bench:
    """One detector, fed as the engine feeds it."""

    def __init__(self, name: str, *, severity: Severity | None = None, **values: Any) -> None:
        kind = DETECTORS[name]
        options = {key: values.pop(key) for key in ("contain", "except_principals", "except_purposes", "again_after")
                   if key in values}  # fmt: skip
        self.options = Options(severity or kind.about.severity, values=values, **options)
        self.detector: Detector = kind(self.options)
        self.zone = Zone("UTC")
        self.seq = 0

    def feed(self, *records: Mapping[str, Any]) -> list[Finding]:
        found: list[Finding] = []
        for record in records:
            self.seq += 1
            seen = Seen({"seq": self.seq, **record}, "n-1", self.zone, PUBLIC)
            one = self.detector
            wanted = (seen.denied and one.denials) or seen.event in one.events
            wanted = wanted or (seen.read and one.reads and (bool(seen.exposure) or not one.personal))
            if wanted:
                found += one.feed(seen)
        return found

    def restart(self) -> None:
        """The same state in a fresh detector, through JSON, as a checkpoint keeps it."""
        state = orjson.loads(orjson.dumps(self.detector.dump()))
        self.detector = type(self.detector)(self.options)
        self.detector.load(state)


def pages(found: Iterable[Finding]) -> list[Finding]:
    return [one for one in found if one.severity >= Severity.HIGH]
