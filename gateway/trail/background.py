"""What a writer does beside the event loop, in one thread: bring records to disk, sign closed segments and the head.

One thread, first come first served: a segment is never closed while it is being synced, and an older segment is always
on disk before a younger one.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gateway.trail.chain import Link, Manifest, Signer, seal
from gateway.trail.record import instant
from gateway.trail.segment import OpenSegment, write_atomic

_log = logging.getLogger("menshen.trail")


@dataclass(frozen=True, slots=True)
class Closed:
    """A segment that got its last record and waits for its signature."""

    segment: OpenSegment
    last: Link


class Background:
    """The thread of one writer."""

    def __init__(self, directory: Path, chain: str, key: Signer, now_us: Callable[[], int], *, sync_head: bool) -> None:
        self._head_path = directory / f"{chain}.head"
        self._key = key
        self._now_us = now_us
        self._sync_head = sync_head
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="menshen-trail")
        self.closed: deque[Closed] = deque()
        self.last_error = ""

    # -- called in the event loop's thread ----------------------------------------------------------------------------
    def sync(self, segment: OpenSegment) -> Future[None]:
        """Bring all that is written so far to disk."""
        return self._pool.submit(self._sync, segment)

    def hand_over(self, segment: OpenSegment, last: Link) -> None:
        """Sign and close a segment that is complete; what fails is tried again by `seal_waiting`."""
        self.closed.append(Closed(segment, last))
        self.seal_waiting()

    def seal_waiting(self) -> None:
        if self.closed:
            self._pool.submit(self._quietly, self._seal_closed)

    def sign_head(self, segment: OpenSegment, last: Link) -> None:
        """Sign how far the chain has come."""
        manifest = self._manifest(segment, "head", last)
        self._pool.submit(self._quietly, lambda: self.write_head(manifest))

    def finish(self, segment: OpenSegment, last: Link) -> None:
        """Sign the last segment and the end of the chain, and wait for it. Raises `OSError`."""
        if segment.size:
            self.closed.append(Closed(segment, last))
        else:  # the last record had just filled the one before
            os.unlink(segment.path)
        self._pool.submit(self._seal_closed).result()
        self.write_head(self._manifest(segment, "end", last))

    def stop(self) -> None:
        """Wait for what is under way, then close all files."""
        self._pool.shutdown(wait=True)
        for closed in self.closed:
            closed.segment.close()

    def open_head(self, segment: OpenSegment, last: Link) -> None:
        """Sign the head at once. Raises `OSError`."""
        self.write_head(self._manifest(segment, "head", last))

    # -- in the thread ------------------------------------------------------------------------------------------------
    def _sync(self, segment: OpenSegment) -> None:
        for closed in tuple(self.closed):
            closed.segment.sync()
        if not segment.closed:  # else it was synced before it was signed
            segment.sync()

    def _seal_closed(self) -> None:
        while self.closed:
            closed = self.closed[0]
            segment = closed.segment
            segment.sync()
            manifest = self._manifest(segment, "segment", closed.last)
            write_atomic(segment.path.with_name(segment.path.name + ".sig"), seal(manifest, self._key), sync=True)
            segment.close()
            self.closed.popleft()

    def _quietly(self, job: Callable[[], None]) -> None:
        try:
            job()
        except OSError as error:
            self.last_error = str(error)
            _log.warning("the trail could not be signed yet, its records are not affected: %s", error)

    def write_head(self, manifest: Manifest) -> None:
        write_atomic(self._head_path, seal(manifest, self._key), sync=self._sync_head)

    def _manifest(self, segment: OpenSegment, kind: str, last: Link) -> Manifest:
        return segment.manifest(kind, last.seq, last.hash, instant(self._now_us()), self._key.key_id)
