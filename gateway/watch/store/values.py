"""What goes into the store and comes out of it, as frozen values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.errors import MenshenError
from gateway.watch.finding import Finding, Severity
from gateway.watch.incidents import Change, Incident

CALLS: Final = ("opened", "worse", "again", "escalated")
"""Messages that ask somebody to act."""
NOTICES: Final = ("contained", "closed")
"""Messages that tell what was done already: a call never waits for them."""


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
    """One of `CALLS` or `NOTICES`."""
    severity: Severity
    due: int
    """Microseconds since 1970, UTC."""
    made: int
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Sending:
    """What is handed to a route at one time: one message, or several of a storm together."""

    key: str
    """The same in each attempt, however often it is tried: a receiver that knows it drops what it has."""
    messages: tuple[Message, ...]
    incidents: tuple[Incident, ...]
    """That of each message."""
    repeated: bool
    """It may have gone before, by a process that died between handing over and noting it."""

    @property
    def severity(self) -> Severity:
        """Of the gravest message."""
        return max(message.severity for message in self.messages)


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


def no_plan(_: Event) -> Iterable[Message]:
    """Nobody is told."""
    return ()
