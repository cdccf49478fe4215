"""What every detector is: a name, settings, a state of plain values, and `feed`, which knows no clock and no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pyroaring import BitMap

from gateway.trail.subjects import decode
from gateway.watch.detectors.seen import DAY, HOUR, Seen
from gateway.watch.detectors.state import State, freeze, make_room, thaw
from gateway.watch.finding import Finding, RecordRef, Severity

LISTED_SUBJECTS = 100_000
"""Of one finding: the law asks who was affected."""
KEPT_EVIDENCE = 12
Value = int | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a detector."""

    name: str
    default: Value
    meaning: str
    meaning_zh: str
    low: float = 0
    high: float = 1_000_000_000


@dataclass(frozen=True, slots=True)
class About:
    """A detector for people, and its settings. `docs/detectors.md` is made from it."""

    name: str
    title: str
    title_zh: str
    sees: str
    sees_zh: str
    decides: str
    example: str
    severity: Severity
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """A detector's configuration, validated."""

    severity: Severity
    enabled: bool = True
    contain: bool = False
    except_principals: frozenset[str] = frozenset()
    except_purposes: frozenset[str] = frozenset()
    again_after: int = 6
    """Hours in which the same is not told twice, unless it got more severe."""
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """What a finding says beyond the record that completed it."""

    subject: str
    """The second half of its key: what it is about."""
    severity: Severity
    summary: str
    summary_zh: str
    evidence: Iterable[Any] = ()
    """Further records, oldest first, as `[chain, seq]`."""
    subjects: Iterable[int | str] = ()
    """Whole keys, or what `Seen.keys` holds of them."""
    subject_count: int = 0
    rows: int = 0
    details: tuple[tuple[str, str | int | float], ...] = ()
    period: int = 0
    """The day or week that the figure is about: it is told once, unless the figure became four times as large."""
    amount: float = 0


class Detector:
    """The base: settings by name, a bounded memory of what was told, findings put together."""

    about: ClassVar[About]
    reads: ClassVar[bool] = True
    """Wants statements that were answered."""
    denials: ClassVar[bool] = False
    events: ClassVar[frozenset[str]] = frozenset()
    personal: ClassVar[bool] = True
    """Of the reads, only those that show personal data."""

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options(self.about.severity)
        self.settings: dict[str, Value] = {one.name: one.default for one in self.about.settings}
        self.settings |= self.options.values
        self.state: State = {"told": {}}
        self.prepare()

    def prepare(self) -> None:
        """Fill the empty state, and take the settings into attributes."""

    def feed(self, seen: Seen) -> list[Finding]:
        raise NotImplementedError

    def dump(self) -> Any:
        return freeze(self.state)

    def load(self, state: Any) -> None:
        """Take back what `dump` gave; members that a later version added keep their empty value."""
        self.state.update(thaw(state))

    def number(self, name: str) -> float:
        value = self.settings[name]
        return 0.0 if isinstance(value, tuple) else float(value)

    def names(self, name: str) -> tuple[str, ...]:
        value = self.settings[name]
        return value if isinstance(value, tuple) else ()

    def lower(self, steps: int = 1) -> Severity:
        """A severity below the configured one: what is worth a note and no page."""
        return Severity(max(Severity.INFO, min(self.options.severity, Severity.HIGH) - steps))

    def excepted(self, seen: Seen) -> bool:
        options = self.options
        return seen.principal in options.except_principals or seen.purpose in options.except_purposes

    def tell(self, seen: Seen, told: Told) -> list[Finding]:
        """The finding, unless the same was told for this period, or a short while ago, with at least this severity."""
        memory: dict[str, Any] = self.state["told"]
        subject = told.subject
        if seen.drill and seen.drill not in subject:
            subject = f"{subject}:{seen.drill}"  # a drill neither joins nor hides what is real
        last = memory.get(subject)
        if last and told.severity <= last[1]:
            recent = seen.t - last[0] < self.options.again_after * HOUR or told.period == last[2] != 0
            if recent and (not told.amount or told.amount < 4 * last[3]):
                return []
        make_room(memory, 10_000)
        memory.pop(subject, None)
        memory[subject] = [seen.t, int(told.severity), told.period, told.amount]
        refs = [RecordRef(str(chain), int(seq)) for chain, seq in told.evidence][-KEPT_EVIDENCE:]
        evidence = (*(ref for ref in dict.fromkeys(refs) if ref != seen.ref), seen.ref)
        subjects = _named(seen.record, told.subjects)
        return [
            Finding(
                detector=self.about.name,
                key=f"{self.about.name}:{subject}",
                at=seen.at,
                severity=told.severity,
                summary=told.summary,
                summary_zh=told.summary_zh,
                evidence=evidence,
                principal=seen.principal,
                purpose=seen.purpose,
                department=str(seen.record.get("department", "")),
                database=str(seen.record.get("database", "")),
                tables=tuple(seen.relations),
                classes=tuple(seen.classes.items()),
                subjects=subjects,
                subject_count=told.subject_count or len(subjects),
                rows=told.rows,
                contain=self.options.contain and told.severity >= self.options.severity,
                drill=bool(seen.drill),
                details=told.details,
            )
        ]


def _named(record: Mapping[str, Any], subjects: Iterable[int | str]) -> frozenset[str]:
    """The subjects as `table/key`. Detectors remember 32 bits of a key: what the record itself holds is told by its
    whole key and its own table, what earlier ones held where a key has no more than 32 bits."""
    wanted = list(subjects)
    if not wanted:
        return frozenset()
    tables = decode(record)
    known = {_short(key): f"{table}/{key}" for table, one in tables.items() for key in one.keys(LISTED_SUBJECTS)}
    table, one = next(iter(tables.items()), ("", None))
    small = one is not None and len(tables) == 1 and isinstance(one.numbers, BitMap) and not one.hashes
    names = (known.get(_short(key)) or (f"{table}/{key}" if small else "") for key in wanted)
    return frozenset(name for name in names if name)


def _short(key: int | str) -> int:
    return key & 0xFFFFFFFF if isinstance(key, int) else int(key[:8], 16)


def share(seen: Seen) -> str:
    """Whom a baseline belongs to: drills have their own, so that they never teach a baseline."""
    return f"{seen.principal}|{seen.purpose}|{seen.drill}" if seen.drill else f"{seen.principal}|{seen.purpose}"


def shown(value: float) -> str:
    return f"{value:,.0f}"


def days_between(earlier: int, later: int) -> float:
    return (later - earlier) / DAY
