"""What search_path becomes when a transaction ends or goes back to a savepoint. Pure.

A transaction in PostgreSQL takes SET back when it is rolled back, and SET LOCAL when it ends in any way (`guc.c`,
AtEOXact_GUC). Before 18 it does not report search_path, and in one text of several statements nothing is reported in
time, so it is followed here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

Path: TypeAlias = tuple[str, ...] | None
"""Schemas as SET gave them; None: the session's default."""


@dataclass(frozen=True, slots=True)
class Savepoint:
    name: str
    path: Path
    lasting: Path
    times: int
    """So many in a row of this name and these paths: a driver that sets one before each statement costs nothing."""
    below: Savepoint | None


@dataclass(frozen=True, slots=True)
class PathChanges:
    """Of the transaction under way, where it has changed the path or set a savepoint."""

    before: Path
    """After a rollback."""
    lasting: Path
    """After a commit."""
    top: Savepoint | None = None

    def set(self, path: Path, *, local: bool) -> PathChanges:
        return self if local else replace(self, lasting=path)

    def savepoint(self, name: str, path: Path) -> PathChanges:
        top = self.top
        if top is not None and (top.name, top.path, top.lasting) == (name, path, self.lasting):
            return replace(self, top=replace(top, times=top.times + 1))
        return replace(self, top=Savepoint(name, path, self.lasting, 1, top))

    def released(self, name: str) -> PathChanges:
        found = self._find(name)
        if found is None:
            return self  # the database refuses it
        return replace(self, top=replace(found, times=found.times - 1) if found.times > 1 else found.below)

    def back_to(self, name: str, path: Path) -> tuple[Path, PathChanges]:
        """The path, and the changes that are left. `path`: the one now."""
        found = self._find(name)
        if found is None:
            return path, self
        return found.path, replace(self, top=found, lasting=found.lasting)

    def _find(self, name: str) -> Savepoint | None:
        found = self.top
        while found is not None and found.name != name:
            found = found.below
        return found
