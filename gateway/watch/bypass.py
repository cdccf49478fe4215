"""Connections to the database that are not the gateway's: whoever has one sees what no rule has judged.

The database's own list of its backends is polled. A connection that the gateway did not make is recorded in the trail
once (`backend_seen`), where a detector reads it. What lives shorter than the interval can be missed: this shows that
there is a door, `pg_hba.conf` and network rules close it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from gateway.errors import UpstreamUnavailable
from gateway.trail.record import FieldValue
from gateway.watch.detectors.bypass import Backend

_REMEMBERED: Final = 10_000
_DRILL_MARK: Final = "drill:"


class BackendSource(Protocol):
    async def backends(self) -> Sequence[Backend]:
        """The client connections of this database, the asking one left out. Raises UpstreamUnavailable."""
        ...


class BypassPoller:
    """One database."""

    def __init__(
        self,
        database: str,
        source: BackendSource,
        own: Callable[[], Awaitable[frozenset[int]]],
        record: Callable[..., object],
        *,
        account: str,
        allowed: frozenset[str] = frozenset(),
    ) -> None:
        """`own`: process ids of the connections that the gateway holds now. `account`: its user in the database, whose
        connections are told only when they are there twice, since the gateway itself opens and closes them.
        `allowed`: users whose connections are known and wanted, such as that of backups."""
        self._database, self._source, self._own, self._record = database, source, own, record
        self._account, self._allowed = account, allowed
        self._told: dict[tuple[int, str, str], None] = {}
        self._suspected: set[tuple[int, str, str]] = set()
        self.drills: set[str] = set()
        """Ids of the drills that are under way: a connection that names one is part of it."""

    async def poll(self) -> None:
        try:
            found = await self._source.backends()
        except UpstreamUnavailable:
            return  # /readyz and the catalogue's keeper tell it
        # Asked after the database: what was there then and is the gateway's, is known now.
        for backend in self.strangers(found, await self._own()):
            self._record("backend_seen", **self._members(backend))

    def strangers(self, found: Sequence[Backend], own: frozenset[int]) -> list[Backend]:
        """Those that are to be told now."""
        tell: list[Backend] = []
        suspected: set[tuple[int, str, str]] = set()
        for one in found:
            key = (one.pid, one.role, one.started)
            if one.pid in own or one.role in self._allowed or key in self._told:
                continue
            own_login = one.role == self._account and one.application.removeprefix(_DRILL_MARK) not in self.drills
            if own_login and key not in self._suspected:
                suspected.add(key)
                continue
            tell.append(one)
            self._told[key] = None
        while len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
        self._suspected = suspected
        return tell

    def _members(self, one: Backend) -> dict[str, FieldValue]:
        drill = one.application.removeprefix(_DRILL_MARK) if one.application.startswith(_DRILL_MARK) else ""
        return {**one.members(), "database": self._database, "drill": drill if drill in self.drills else None}
