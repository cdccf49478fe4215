"""One record as detectors look at it: parsed once, for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pyroaring import BitMap

from gateway.trail.subjects import read_set
from gateway.watch.finding import RecordRef

NONE, PSEUDONYM, PARTIAL, CLEAR = range(4)
_LEVELS = {"withheld": NONE, "pseudonym": PSEUDONYM, "partial": PARTIAL, "clear": CLEAR}
_WORD = 0xFFFFFFFF
HOUR, DAY, WEEK = 3600, 86_400, 604_800


class Zone:
    """Local time of the company: office hours are meant in it."""

    def __init__(self, name: str = "Asia/Shanghai") -> None:
        self._zone = ZoneInfo(name)
        self._minutes: dict[str, tuple[int, int]] = {}

    def read(self, at: str) -> tuple[int, int]:
        """Seconds since 1970 in UTC, and the same in local time. Raises `ValueError`."""
        minute = at[:16]
        known = self._minutes.get(minute)
        if known is None:
            moment = datetime.fromisoformat(minute).replace(tzinfo=UTC)
            offset = self._zone.utcoffset(moment.astimezone(self._zone).replace(tzinfo=None))
            base = int(moment.timestamp())
            known = (base, base + int(offset.total_seconds() if offset else 0))
            if len(self._minutes) > 4096:
                self._minutes.clear()
            self._minutes[minute] = known
        seconds = int(at[17:19])
        return known[0] + seconds, known[1] + seconds


class Seen:
    """A record with what detectors need of it. Times are seconds; hours, days and weeks are counted in local time."""

    __slots__ = (
        "actor", "at", "chain", "classes", "client", "day", "denied", "drill", "event", "exposure", "hour", "keys",
        "local", "principal", "purpose", "read", "record", "relations", "rows", "seq", "t", "who",
    )  # fmt: skip

    def __init__(self, record: Mapping[str, Any], chain: str, zone: Zone, public: frozenset[str]) -> None:
        get = record.get
        self.record = record
        self.chain = chain
        self.seq: int = get("seq", 0)
        self.at: str = get("at", "")
        self.t, self.local = zone.read(self.at)
        self.hour = self.local // HOUR
        self.day = self.local // DAY
        self.event: str = get("event", "")
        self.principal: str = get("principal", "")
        self.actor: str = get("statement_actor") or get("actor", "")
        self.who = f"{self.principal}/{self.actor}" if self.actor else self.principal
        self.drill: str = get("drill", "") or (self.actor if self.actor.startswith("drill:") else "")
        self.purpose: str = get("purpose", "")
        self.client = address(get("client", ""))
        self.rows: int = get("rows", 0)
        self.relations: list[str] = get("relations", [])
        self.classes: dict[str, str] = get("classes", {})
        statement = self.event == "statement"
        self.denied = statement and get("verdict") == "deny"
        self.read = statement and not self.denied and get("phase") != "open"
        exposure = NONE
        for name, shown in self.classes.items():
            level = _LEVELS.get(shown, NONE)
            if level > exposure and name not in public:
                exposure = level
        self.exposure = exposure
        """The most that any personal class was shown: NONE, PSEUDONYM, PARTIAL or CLEAR."""
        subjects = get("subjects")
        self.keys: BitMap | None = _keys(subjects) if subjects else None
        """Subjects of all tables: whole numbers modulo 2^32, hashes by their first 32 bits."""

    @property
    def ref(self) -> RecordRef:
        return RecordRef(self.chain, self.seq)

    @property
    def place(self) -> list[Any]:
        """The reference in a form that JSON holds."""
        return [self.chain, self.seq]

    @property
    def slot(self) -> int:
        """The hour of the week, 0 to 167; Monday begins it (1970-01-01 was a Thursday)."""
        return (self.hour + 72) % 168

    @property
    def weekend(self) -> bool:
        return (self.day + 3) % 7 >= 5


def address(client: str) -> str:
    """A client's address without its port: `10.0.0.7:50123`, `[::1]:50123`, `10.0.0.7`, `::1`."""
    if client[:1] == "[":
        return client[1:].partition("]")[0]
    host, _, port = client.rpartition(":")
    return host if host and ":" not in host and port else client


def _keys(subjects: Mapping[str, Any]) -> BitMap | None:
    found: BitMap | None = None
    for form in subjects.values():
        keys = _table_keys(form)
        if found is None:
            found = keys
        else:
            found |= keys
    return found


def _table_keys(form: Mapping[str, Any]) -> BitMap:
    plain = form.get("i")
    if plain is not None and len(form) == 2:
        try:
            return BitMap(plain)
        except (OverflowError, TypeError, ValueError):
            pass  # beyond 32 bits, or edited: the general way below
    one = read_set(form)
    keys = one.numbers if isinstance(one.numbers, BitMap) else BitMap([number & _WORD for number in one.numbers])
    if one.hashes:
        keys = keys | BitMap([int(text[:8], 16) for text in one.hashes])
    return keys
