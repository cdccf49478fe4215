"""Suspended accounts: their sessions end, they cannot log in, until the suspension is lifted.

The store remembers (a restart changes nothing); this is the copy that logins ask, in memory and without waiting. Where
several workers share a store each of them reads it every second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.errors import MenshenError
from gateway.watch.store import Suspension

HINT = "The security team can tell more and lift it: menshen incident show {number}."


class Suspended(MenshenError):
    """The account is suspended because of an incident."""

    sqlstate = "28000"
    http_status = 403


EndSessions = Callable[[str, str | None, str], int]
"""(principal, actor or None for every session, message) → how many sessions ended."""


class Containment:
    """What is suspended now."""

    def __init__(self, end_sessions: EndSessions = lambda principal, actor, message: 0) -> None:
        self.end_sessions = end_sessions
        self._held: dict[tuple[str, str], int] = {}

    def use(self, suspensions: Iterable[Suspension]) -> int:
        """These are in force, no others; gives how many sessions ended. Called again with the same it ends whatever
        slipped in meanwhile."""
        held: dict[tuple[str, str], int] = {}
        for one in suspensions:
            # The first incident names it, should there be several.
            held.setdefault((one.principal, one.actor), one.number)
        self._held = held
        return sum(
            self.end_sessions(principal, actor or None, _message(principal, number))
            for (principal, actor), number in held.items()
        )

    def check(self, principal: str, actor: str | None) -> None:
        """Whether a login may go on. Raises Suspended."""
        if not self._held:
            return
        number = self._held.get((principal, ""))
        if number is None and actor:
            number = self._held.get((principal, actor))
        if number is not None:
            raise Suspended(_message(principal, number), hint=HINT.format(number=number))

    @property
    def principals(self) -> int:
        """How many accounts are suspended, drills left out."""
        return len({principal for principal, actor in self._held if not actor})


def _message(principal: str, number: int) -> str:
    return f'account "{principal}" is suspended because of incident INC-{number}'
