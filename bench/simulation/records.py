"""Records as the gateway writes them, without the chain's members that only `verify` needs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from gateway.trail.subjects import encode, make

START = datetime(2026, 1, 5, tzinfo=UTC) - timedelta(hours=8)
"""Monday, midnight in Shanghai."""
DAY = 86_400

CARE = {"identity.name": "clear", "contact.phone": "partial"}
CLEAR = {"identity.name": "clear", "contact.phone": "clear"}
PSEUDONYM = {"contact.phone": "pseudonym", "transactions.amount": "partial"}


@dataclass(slots=True)
class Event:
    """A record and when it is made, in seconds since `START`; `breach`: the label, 0 for normal work."""

    t: float
    members: dict[str, Any]
    breach: int = 0


@dataclass(frozen=True, slots=True)
class Who:
    """A session's members."""

    principal: str
    department: str
    client: str = "10.1.0.1"
    actor: str = ""
    base: dict[str, Any] = field(default_factory=dict, hash=False, compare=False)

    def members(self) -> dict[str, Any]:
        if not self.base:
            self.base.update(
                node="gateway-1", worker=0, session="s", principal=self.principal, department=self.department,
                client=self.client, database="crm",
            )  # fmt: skip
            if self.actor:
                self.base["actor"] = self.actor
        return self.base


def spell(t: float) -> str:
    return (START + timedelta(seconds=t)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read(
    t: float,
    who: Who,
    keys: Iterable[int],
    *,
    purpose: str,
    table: str = "crm.customers",
    classes: dict[str, str] | None = None,
    shape: str = "card",
    kind: str = "SELECT",
    rows: int | None = None,
    unattributed: int = 0,
    lookup: str = "",
    breach: int = 0,
) -> Event:
    """An answered statement. `rows`: the number of keys unless it is given."""
    keys = list(keys)
    members: dict[str, Any] = {
        **who.members(), "event": "statement", "phase": "single", "kind": kind, "fingerprint": shape + table,
        "purpose": purpose, "relations": [table], "classes": CARE if classes is None else classes, "verdict": "veil",
        "bundle": "b1", "rows": len(keys) + unattributed if rows is None else rows, "sqlstate": "00000",
    }  # fmt: skip
    if 0 < len(keys) <= 8:
        members["subjects"] = {table: {"n": len(keys), "i": sorted(keys)}}
    elif keys:
        members |= orjson.loads(b"{" + encode({table: make(keys)[0]}) + b"}")
    if lookup:
        members["lookups"] = [{"column": "crm.customers.phone", "class": "contact.phone", "parameter": 1}]
        members["lookup_values"] = [[1, hashlib.sha256(lookup.encode()).hexdigest()[:32]]]
    return Event(t, members, breach)


def refused(t: float, who: Who, shape: str, *, purpose: str = "", breach: int = 0) -> Event:
    members = {
        **who.members(), "event": "statement", "phase": "single", "kind": "SELECT", "fingerprint": shape,
        "purpose": purpose, "relations": ["crm.customers"], "verdict": "deny", "reason": "class", "sqlstate": "42501",
    }  # fmt: skip
    return Event(t, members, breach)


def event(t: float, name: str, who: Who, *, breach: int = 0, **members: Any) -> Event:
    return Event(t, {**who.members(), "event": name, **members}, breach)
