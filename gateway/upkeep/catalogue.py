"""Keeps the catalogue of one database fresh, and knows whether the database answers.

One connection of the gateway's own reads the catalogue at the start, on an interval, on request (a signal, DDL that
passed through), and asks the database every few seconds whether it is there. A database that is down at the start is
tried again until it comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from gateway.errors import UpstreamUnavailable
from gateway.log import event

log = logging.getLogger(__name__)

PROBE_SECONDS = 5.0
FIRST_RETRY_SECONDS = 0.5

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)


class Source(Protocol[S_co]):
    """The gateway's own connection to a database; it connects when it is used. Both raise UpstreamUnavailable."""

    async def read(self) -> S_co:
        """The catalogue as an immutable snapshot."""
        ...

    async def ping(self) -> None:
        """One small question."""
        ...

    async def close(self) -> None: ...


class CatalogueKeeper(Generic[S]):
    """The catalogue of one database. `changed` is called in the event loop after each reading."""

    def __init__(
        self,
        database: str,
        source: Source[S],
        changed: Callable[[S], None],
        interval: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.database = database
        self._source = source
        self._changed = changed
        self._interval = interval
        self._clock = clock
        self._wake = asyncio.Event()
        self._next: asyncio.Future[None] | None = None
        self.snapshot: S | None = None
        self.read_at = 0.0
        self.trouble = "the catalogue has not been read yet"
        """Why the database does not answer; empty when it does."""
        self.counts = {"read": 0, "failed": 0}

    @property
    def age(self) -> float:
        """Seconds since the last reading."""
        return self._clock() - self.read_at

    @property
    def fresh(self) -> bool:
        """Whether a reading exists that is not overdue three times."""
        return self.snapshot is not None and (self._interval <= 0 or self.age < max(3 * self._interval, 30.0))

    async def refresh(self) -> None:
        """A reading that begins after this call; raises UpstreamUnavailable where it fails."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        waiting = self._next
        self._wake.set()
        await asyncio.shield(waiting)

    async def run(self) -> None:
        """Keep the catalogue fresh, for ever."""
        retry = FIRST_RETRY_SECONDS
        try:
            while True:
                await self._step()
                # A database that is down is asked more often at first: it may be restarting.
                pause = PROBE_SECONDS if not self.trouble else min(retry, PROBE_SECONDS)
                retry = FIRST_RETRY_SECONDS if not self.trouble else retry * 2
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)
        finally:
            if self._next is not None:
                self._next.cancel()
            await self._source.close()

    async def _step(self) -> None:
        self._wake.clear()
        waiting, self._next = self._next, None
        due = self.snapshot is None or (0 < self._interval <= self.age)
        try:
            if waiting is not None or due:
                await self._read()
            else:
                await self._source.ping()
        except UpstreamUnavailable as error:
            self._failed(error)
            if waiting is not None and not waiting.done():
                waiting.set_exception(error)
                waiting.exception()  # seen, even if nobody waits any more
            return
        if self.trouble:
            event(log, logging.INFO, "database_up", "the database answers", database=self.database)
        self.trouble = ""
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def _read(self) -> None:
        try:
            snapshot = await self._source.read()
        except UpstreamUnavailable:
            self.counts["failed"] += 1
            raise
        self.counts["read"] += 1
        self.snapshot, self.read_at = snapshot, self._clock()
        self._changed(snapshot)

    def _failed(self, error: UpstreamUnavailable) -> None:
        if self.trouble != error.message:  # once for each trouble, not for each attempt
            event(
                log, logging.ERROR, "database_down", "the database does not answer", database=self.database,
                reason=error.message,
            )  # fmt: skip
        self.trouble = error.message
