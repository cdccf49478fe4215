"""What an incident is and how it changes: a pure state machine. No clock, no store, no network.

    open ──acknowledge──▶ acknowledged ──contain──▶ contained ──lift──▶ acknowledged
      └──────────────── any of them ──resolve──▶ resolved, or ──dismiss──▶ false_alarm

Findings of equal key that are close in time are one incident, and so are those of several detectors about one record.
Whatever changes an incident gives a `Change` with who
and why; the changes in their order are its timeline. An action that the state does not know is refused, and so is one
without a name or a reason.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from gateway.errors import MenshenError
from gateway.watch.finding import Finding, Severity

EVIDENCE_LIMIT: Final = 1000
"""References to records that an incident keeps; the number of all of them is kept beyond."""
SYSTEM: Final = "menshen"
"""Who acts when nobody did."""


class State(enum.StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CONTAINED = "contained"
    RESOLVED = "resolved"
    FALSE_ALARM = "false_alarm"


class Action(enum.StrEnum):
    ACKNOWLEDGE = "acknowledge"
    CONTAIN = "contain"
    LIFT = "lift"
    RESOLVE = "resolve"
    DISMISS = "dismiss"


CLOSED: Final = frozenset((State.RESOLVED, State.FALSE_ALARM))

TRANSITIONS: Final[Mapping[tuple[State, Action], State]] = MappingProxyType(
    {
        (State.OPEN, Action.ACKNOWLEDGE): State.ACKNOWLEDGED,
        (State.OPEN, Action.CONTAIN): State.CONTAINED,
        (State.OPEN, Action.RESOLVE): State.RESOLVED,
        (State.OPEN, Action.DISMISS): State.FALSE_ALARM,
        (State.ACKNOWLEDGED, Action.CONTAIN): State.CONTAINED,
        (State.ACKNOWLEDGED, Action.RESOLVE): State.RESOLVED,
        (State.ACKNOWLEDGED, Action.DISMISS): State.FALSE_ALARM,
        # The machine contains, a person takes note: the principal stays suspended.
        (State.CONTAINED, Action.ACKNOWLEDGE): State.CONTAINED,
        (State.CONTAINED, Action.LIFT): State.ACKNOWLEDGED,
        (State.CONTAINED, Action.RESOLVE): State.RESOLVED,
        (State.CONTAINED, Action.DISMISS): State.FALSE_ALARM,
    }
)
"""Everything else is refused."""


class NotPossible(MenshenError):
    """The incident's state does not know this action, or who and why are missing."""

    sqlstate = "55000"
    http_status = 409


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the timeline."""

    at: str
    kind: str
    """`opened`, `joined`, an `Action`, or `noted`"""
    who: str
    why: str
    state: State
    """The incident's state from then on."""
    finding: str = ""
    """Id of the finding that opened or joined."""


@dataclass(frozen=True, slots=True)
class Incident:
    """The state of one incident. Subjects are kept beside it, since there may be millions."""

    number: int
    key: str
    state: State
    severity: Severity
    opened_at: str
    """When it was opened; the instant of its first finding is `first_at`."""
    changed_at: str
    first_at: str
    last_at: str
    """Time of the latest finding."""
    summary: str
    summary_zh: str
    detector: str
    principal: str = ""
    purpose: str = ""
    department: str = ""
    databases: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    classes: tuple[tuple[str, str], ...] = ()
    evidence: tuple[str, ...] = ()
    evidence_count: int = 0
    findings: int = 1
    rows: int = 0
    subject_estimate: int = 0
    """The largest number of subjects that a finding gave; the list may hold fewer or more."""
    details: tuple[tuple[str, str | int | float], ...] = ()
    drill: str = ""
    """Id of the drill that made it."""
    acknowledged_by: str = ""
    closed_at: str = ""
    cause: str = field(default="")
    """Why it happened, as the person wrote who closed it."""

    @property
    def closed(self) -> bool:
        return self.state in CLOSED

    @property
    def disclosed(self) -> tuple[tuple[str, str], ...]:
        """The classes of which something was shown."""
        return tuple((name, how) for name, how in self.classes if how != "withheld")

    @property
    def name(self) -> str:
        """How people call it."""
        return f"INC-{self.number}"


def opened(number: int, finding: Finding, at: str, drill: str = "") -> tuple[Incident, Change]:
    """A new incident from its first finding."""
    incident = Incident(
        number=number,
        key=finding.key,
        state=State.OPEN,
        severity=finding.severity,
        opened_at=at,
        changed_at=at,
        first_at=finding.at,
        last_at=finding.at,
        summary=finding.summary,
        summary_zh=finding.summary_zh,
        detector=finding.detector,
        principal=finding.principal,
        purpose=finding.purpose,
        department=finding.department,
        databases=(finding.database,) if finding.database else (),
        tables=tuple(sorted(set(finding.tables))),
        classes=_best_classes((), finding.classes),
        evidence=tuple(str(ref) for ref in finding.evidence[:EVIDENCE_LIMIT]),
        evidence_count=len(finding.evidence),
        rows=finding.rows,
        subject_estimate=max(finding.subject_count, len(finding.subjects)),
        details=finding.details,
        drill=drill,
    )
    return incident, Change(at, "opened", SYSTEM, finding.summary, State.OPEN, finding.id)


def joined(incident: Incident, finding: Finding, at: str) -> tuple[Incident, Change]:
    """The incident with one more finding. Its sentence is that of the gravest, and of those the latest."""
    graver = finding.severity >= incident.severity and not incident.closed
    evidence = dict.fromkeys((*incident.evidence, *(str(ref) for ref in finding.evidence)))
    known = set(incident.evidence)
    merged = replace(
        incident,
        severity=incident.severity if incident.closed else max(incident.severity, finding.severity),
        changed_at=at,
        first_at=min(incident.first_at, finding.at),
        last_at=max(incident.last_at, finding.at),
        summary=finding.summary if graver else incident.summary,
        summary_zh=finding.summary_zh if graver else incident.summary_zh,
        details=finding.details if graver else incident.details,
        databases=tuple(sorted({*incident.databases, finding.database} - {""})),
        tables=tuple(sorted({*incident.tables, *finding.tables})),
        classes=_best_classes(incident.classes, finding.classes),
        evidence=tuple(evidence)[:EVIDENCE_LIMIT],
        evidence_count=incident.evidence_count + sum(str(ref) not in known for ref in finding.evidence),
        findings=incident.findings + 1,
        rows=max(incident.rows, finding.rows),
        subject_estimate=max(incident.subject_estimate, finding.subject_count, len(finding.subjects)),
    )
    return merged, Change(at, "joined", SYSTEM, finding.summary, merged.state, finding.id)


def belongs(incident: Incident, finding: Finding, window_seconds: float, drill: str = "") -> bool:
    """Whether a finding of the incident's key, or about a record of its findings, is near enough to be part of it.

    A closed incident takes what was done before it was closed and found late; what is done afterwards is a new one.
    """
    if incident.drill != drill or incident.principal != finding.principal:
        return False
    if incident.closed:
        return incident.first_at <= finding.at <= incident.closed_at
    near = timedelta(seconds=window_seconds)
    return moment(incident.first_at) - near <= moment(finding.at) <= moment(incident.last_at) + near


def changed(incident: Incident, action: Action, *, who: str, why: str, at: str) -> tuple[Incident, Change]:
    """The incident after a person's or the machine's action. Raises NotPossible."""
    who, why = who.strip(), why.strip()
    if not who:
        raise NotPossible("a change of an incident needs who makes it")
    if not why and action is not Action.ACKNOWLEDGE:
        raise NotPossible(f"to {action} an incident needs a reason", hint="Say why; the trail and the dossier keep it.")
    state = TRANSITIONS.get((incident.state, action))
    if state is None:
        raise NotPossible(
            f"{incident.name} is {incident.state}, so it cannot {action}",
            hint="A closed incident stays closed; what happens anew opens another one.",
        )
    after = replace(incident, state=state, changed_at=at)
    if action is Action.ACKNOWLEDGE or (not incident.acknowledged_by and who != SYSTEM):
        after = replace(after, acknowledged_by=incident.acknowledged_by or who)
    if after.closed:
        after = replace(after, closed_at=at, cause=why)
    return after, Change(at, str(action), who, why, state)


def moment(at: str) -> datetime:
    """A record's time as a datetime in UTC."""
    return datetime.fromisoformat(at.replace("Z", "+00:00"))


_BETTER: Final = {"withheld": 0, "pseudonym": 1, "partial": 2, "clear": 3}


def _best_classes(known: tuple[tuple[str, str], ...], more: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Class → the fullest disclosure that was given."""
    best = dict(known)
    for name, disclosure in more:
        if _BETTER.get(disclosure, 0) >= _BETTER.get(best.get(name, ""), -1):
            best[name] = disclosure
    return tuple(sorted(best.items()))


# -- JSON -------------------------------------------------------------------------------------------------------------
_TUPLES: Final = ("databases", "tables", "evidence")
_PAIRS: Final = ("classes", "details")


def to_document(incident: Incident) -> dict[str, Any]:
    """As JSON-ready values; `from_document` gives it back."""
    document = {name: getattr(incident, name) for name in Incident.__dataclass_fields__}
    return {
        **document,
        "state": str(incident.state),
        "severity": str(incident.severity),
        **{name: list(document[name]) for name in _TUPLES},
        **{name: [list(pair) for pair in document[name]] for name in _PAIRS},
    }


def from_document(document: Mapping[str, Any]) -> Incident:
    """Members of a later version are left out."""
    known = {name: value for name, value in document.items() if name in Incident.__dataclass_fields__}
    known["state"] = State(known["state"])
    known["severity"] = Severity[str(known["severity"]).upper()]
    for name in _TUPLES:
        known[name] = tuple(known.get(name, ()))
    for name in _PAIRS:
        known[name] = tuple((pair[0], pair[1]) for pair in known.get(name, ()))
    return Incident(**known)
