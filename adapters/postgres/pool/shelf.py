"""The connections that nobody uses now, by whom and what they fit; sans-IO, times are the caller's seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

Key = tuple[str, tuple[tuple[str, str], ...]]
"""Principal and startup parameters. They are part of what RESET and DISCARD go back to, so they must be the same ones;
and what no reset reaches (names of custom settings, state of extensions) stays within one principal."""


@dataclass(frozen=True, slots=True)
class Parked(Generic[T]):
    connection: T
    key: Key
    since: float


class Shelf(Generic[T]):
    """The newest one of a key is taken first, the oldest of all is given up first."""

    def __init__(self) -> None:
        self._all: dict[T, Parked[T]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Parked[T]]:
        """From the one that has been here longest."""
        return iter(list(self._all.values()))

    def put(self, connection: T, key: Key, now: float) -> None:
        self._all[connection] = Parked(connection, key, now)

    def take(self, key: Key) -> Parked[T] | None:
        found = next((parked for parked in reversed(self._all.values()) if parked.key == key), None)
        return self.remove(found.connection) if found is not None else None

    def take_oldest(self) -> Parked[T] | None:
        found = next(iter(self._all.values()), None)
        return self.remove(found.connection) if found is not None else None

    def remove(self, connection: T) -> Parked[T] | None:
        """It is not here any more; None where it was not."""
        return self._all.pop(connection, None)
