"""How often a principal has looked up raw values of a class in the last hour. Pure: time is an argument.

Counted in minutes, and a minute counts until it has passed as a whole, so that no hour ever holds more than the limit.
A ledger belongs to one process; it outlives reloads of the bundle and the sessions of a principal. What one counts is
told to those of the other processes, so that a limit holds for all of them together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_HOUR: Final = 60
_NANOSECONDS: Final = 60_000_000_000
_KEPT: Final = 20_000
"""Pairs of principal and class; beyond it those are forgotten that looked nothing up for an hour."""


@dataclass(slots=True)
class _Hour:
    minutes: deque[list[int]] = field(default_factory=deque)
    """[minute, how many], oldest first: at most 61 of them."""
    total: int = 0

    def forget(self, minute: int) -> None:
        while self.minutes and self.minutes[0][0] < minute - _HOUR:
            self.total -= self.minutes.popleft()[1]

    def add(self, minute: int, count: int) -> None:
        if self.minutes and self.minutes[-1][0] >= minute:
            self.minutes[-1][1] += count
        else:
            self.minutes.append([minute, count])
        self.total += count


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A limit that a statement would exceed."""

    data_class: str
    per_hour: int
    minutes: int
    """When something will be free again."""


class LookupLedger:
    """Counts by principal and class. Minutes are those of a clock that all processes of the machine share."""

    def __init__(
        self, told: Callable[[str, Mapping[str, int], int], None] = lambda principal, counts, minute: None
    ) -> None:
        """`told`: called with principal, class → how many, and the minute, of what was counted here."""
        self._told = told
        self._hours: dict[tuple[str, str], _Hour] = {}

    def spend(self, principal: str, wanted: Mapping[str, tuple[int, int]], now: int) -> Exhausted | None:
        """Count the lookups of one statement, all of them or, where a limit would be exceeded, none.

        `wanted`: class → (how many values, the limit for an hour); `now`: nanoseconds of a clock that never goes back.
        """
        minute = now // _NANOSECONDS
        for name, (count, per_hour) in wanted.items():
            hour = self._hours.get((principal, name))
            if hour is not None:
                hour.forget(minute)
            if count + (hour.total if hour else 0) > per_hour:
                first = hour.minutes[0][0] if hour and hour.minutes else minute
                return Exhausted(name, per_hour, first + _HOUR + 1 - minute)
        counts = {name: count for name, (count, _) in wanted.items()}
        self.note(principal, counts, minute)
        self._told(principal, counts, minute)
        return None

    def note(self, principal: str, counts: Mapping[str, int], minute: int) -> None:
        """Count what was looked up, here or in another process."""
        for name, count in counts.items():
            key = principal, name
            if key not in self._hours:
                self._make_room(minute)
            self._hours.setdefault(key, _Hour()).add(minute, count)

    def state(self) -> list[list[Any]]:
        """[principal, class, minute, how many], for `restore` in another process."""
        return [[*key, minute, count] for key, hour in self._hours.items() for minute, count in hour.minutes]

    def restore(self, state: Iterable[list[Any]]) -> None:
        """Begin with what another one knew."""
        for principal, name, minute, count in state:
            self.note(principal, {name: count}, minute)

    def _make_room(self, minute: int) -> None:
        if len(self._hours) < _KEPT:
            return
        for hour in self._hours.values():
            hour.forget(minute)
        self._hours = {key: hour for key, hour in self._hours.items() if hour.total}
