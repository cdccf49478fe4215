"""The watcher in its process's event loop: what it reads and finds, between the turns of messages and requests.

Nothing is forgotten before its findings are stored; now and then what was learned is written down, so that a restart
reads little again; and when a bundle comes into force, so do its detectors.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from gateway.errors import ProblemsFound
from gateway.log import event
from gateway.trail.record import FieldValue, instant
from gateway.watch.detector_config import DetectorConfig
from gateway.watch.finding import Finding
from gateway.watch.incidents import moment
from gateway.watch.stream import Watcher

log = logging.getLogger(__name__)

BATCH: Final = 100
"""Records that the detectors read before other work of the process has its turn: about five milliseconds."""
_GRACE_US: Final = 20_000
"""Records younger than this wait for the next look, so that a slower chain can still come before them."""
_CHECKPOINT_SECONDS: Final = 10.0
_CHECKPOINT_SHARE: Final = 0.01
"""What a restart reads again, against what writing it down costs: at most this part of the time."""
_STILL_SECONDS: Final = 10.0
"""A watch that has not looked for so long does not run, whatever its task says."""


class Trail(Protocol):
    """The face of `gateway.trail.writer.TrailWriter` that is needed here."""

    def event(self, name: str, session: bytes = b"", **members: FieldValue) -> int: ...


class Reading:
    """`round` again and again, `close` at the end."""

    def __init__(
        self,
        watcher: Watcher,
        trail: Trail,
        admit: Callable[[Sequence[Finding]], Awaitable[object]],
        *,
        began: str = "",
        detectors: Callable[[], DetectorConfig] | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        """`admit` stores findings. Those about records older than `began` are not told. `detectors` loads their
        configuration, each time that a bundle comes into force; raises ProblemsFound."""
        self.watcher = watcher
        self._trail, self._admit, self._began, self._load = trail, admit, began, detectors
        self._clock = clock
        self._delivering: asyncio.Future[None] | None = None
        self._looked = float("-inf")
        self._checkpoint_at = time.monotonic() + _CHECKPOINT_SECONDS
        self._read_at, self._behind = "", False
        self.records = 0
        """Read so far."""

    async def round(self) -> None:
        """Read all that is there, and give way after each batch. Raises what `admit` raises; then the
        same batch comes again."""
        watcher = self.watcher
        while True:
            batch = watcher.poll(before=instant(self._clock() - _GRACE_US), limit=BATCH)
            self._looked = time.monotonic()
            self.records += batch.records
            self._read_at, self._behind = batch.last_at or self._read_at, batch.records >= BATCH
            for detector, failure in batch.failures:
                event(log, logging.ERROR, "detector_failed", f"{detector}: {failure}")
            findings = [one for one in batch.findings if one.at >= self._began]
            if findings:
                await self._admit(findings)
            if not batch.records:
                return
            # Now and then this writes a checkpoint of megabytes: the control API does not wait for it.
            self._delivering = asyncio.ensure_future(asyncio.to_thread(self._delivered))
            await asyncio.shield(self._delivering)
            if batch.new_bundle and self._load is not None:
                await self._use_detectors(self._load)
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Write down what was learned, where nothing is pending."""
        with contextlib.suppress(OSError):
            if self._delivering is not None:
                await self._delivering
            self.watcher.close()

    @property
    def runs(self) -> bool:
        """Whether it has looked of late."""
        return time.monotonic() - self._looked < _STILL_SECONDS

    @property
    def lag(self) -> float:
        """Seconds between now and the last record read, where there are more to read; else 0."""
        if not self._behind or not self._read_at:
            return 0.0
        return max(0.0, self._clock() / 1e6 - moment(self._read_at).timestamp())

    def _delivered(self) -> None:
        began = time.monotonic()
        due = began >= self._checkpoint_at
        self.watcher.delivered(checkpoint=due)
        if due:
            ended = time.monotonic()
            self._checkpoint_at = ended + max(_CHECKPOINT_SECONDS, (ended - began) / _CHECKPOINT_SHARE)

    async def _use_detectors(self, load: Callable[[], DetectorConfig]) -> None:
        """Those of the bundle that came into force, unless their file has mistakes."""
        try:
            config = await asyncio.to_thread(load)
        except ProblemsFound as found:
            event(
                log, logging.ERROR, "detectors_refused", "detectors.yaml was refused, the last good one stays in force",
                problems=[str(problem) for problem in found.problems],
            )  # fmt: skip
            first = found.problems[0]
            self._trail.event("detectors_refused", problems=len(found.problems), detail=first.message)
            return
        if self.watcher.use(config):
            event(log, logging.INFO, "detectors_loaded", "another configuration of the detectors is in force")
            self._trail.event("detectors_loaded")
