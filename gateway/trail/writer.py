"""The writer of one chain: a record is in the kernel, or on disk, before the bytes that it answers for leave.

`append` hands one line to the kernel and returns its number: with durability `write` the record survives the death of
the process. With `fsync`, `barrier` gives a future for the group commit that brings it to disk. What cannot be written
raises `TrailUnavailable`, the file is cut back to its last whole record, and the writer tries again by itself.

One thread appends (that of the event loop). Signing, closing and syncing happen in a thread of the writer.
Call `maintain` about once a second: rotation by time, the signed head, and recovery without traffic hang on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from gateway.errors import TrailUnavailable
from gateway.trail.background import Background
from gateway.trail.chain import MAX_LINE, Link
from gateway.trail.record import FieldValue, event, instant
from gateway.trail.recover import Note, recover
from gateway.trail.segment import DIRECTORY_MODE, OpenSegment, SegmentName, chain_name, lock_chain, write_all
from gateway.trail.signing import SigningKey

Durability: TypeAlias = Literal["write", "fsync"]

DEFAULT_SEGMENT_BYTES = 64 << 20
RETRY_SECONDS = 1.0
HEAD_SECONDS = 1.0
_DAY_US = 86_400_000_000

_log = logging.getLogger("menshen.trail")


@dataclass(frozen=True, slots=True)
class TrailState:
    """What metrics and health checks ask for."""

    chain: str
    healthy: bool
    records: int
    """Number of the last record of the chain; keep it where the gateway's machine cannot change it."""
    segments: int
    bytes: int
    """Bytes of all segments of the chain."""
    unsynced: int
    """Records that wait for the group commit; 0 with durability `write`."""
    unsigned: int
    """Closed segments that wait for their signature."""
    refused: int
    """Records that could not be written since the start."""
    last_error: str


def _now_us() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class _Options:
    directory: Path
    lock: int
    fsync: bool
    segment_bytes: int
    now_us: Callable[[], int]
    segments: int
    bytes: int


class TrailWriter:
    """One chain, opened for writing. Construct it with `open`."""

    def __init__(self, chain: str, segment: OpenSegment, last: Link, background: Background, options: _Options) -> None:
        self.chain = chain
        self._background = background
        self._options = options
        self._seq, self._hash = last.seq, last.hash
        self._front = b'{"prev":"%b","seq":' % last.hash.encode()
        self._synced_seq = self._head_seq = last.seq
        self._head_at = 0.0
        self._segments = options.segments
        self._bytes_before = options.bytes
        self._begin(segment)
        self._waiters: list[asyncio.Future[None]] = []
        self._committing: Future[None] | None = None
        self._fault = ""
        self._fault_since_us = 0
        self._sync_lost = False
        self._retry_at = 0.0
        self._last_error = ""
        self._refused = self._refused_now = 0
        self._open = True

    @classmethod
    def open(
        cls,
        directory: Path,
        node: str,
        worker: int,
        key: SigningKey,
        *,
        durability: Durability = "write",
        segment_bytes: int = DEFAULT_SEGMENT_BYTES,
        now_us: Callable[[], int] = _now_us,
    ) -> TrailWriter:
        """Take the chain of `worker` on `node`, mend what a crash left, and record that it is open.

        Raises `TrailUnavailable` where another process writes this chain, or the files cannot be read or written.
        """
        chain = chain_name(node, worker)
        lock = segment = None
        background = Background(directory, chain, key, now_us, sync_head=durability == "fsync")
        try:
            directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            lock = lock_chain(directory, chain)
            found = recover(directory, chain, key, key.public(), instant(now_us()))
            last = found.link
            segment = OpenSegment(directory, SegmentName(chain, last.seq + 1), last.hash)
            options = _Options(
                directory, lock, durability == "fsync", segment_bytes, now_us, found.segments, found.bytes
            )
            writer = cls(chain, segment, last, background, options)
            members: dict[str, FieldValue] = {
                "chain": chain,
                "node": node,
                "worker": worker,
                "key": key.key_id,
                "durability": durability,
            }
            writer._announce(members, found.notes)
        except BaseException as error:
            background.stop()
            if segment is not None:
                segment.close()
            if lock is not None:
                os.close(lock)
            if isinstance(error, OSError):
                where = f"the trail in {directory} cannot be opened: {error}"
                raise TrailUnavailable(where, hint="Check the folder's owner, mode and free space.") from error
            raise
        return writer

    def _announce(self, members: dict[str, FieldValue], notes: Sequence[Note]) -> None:
        """The first records of this start, on disk before anything else is recorded. Raises `OSError`."""
        self.append(event("trail_opened", at_us=self._options.now_us(), fields=members))
        for note in notes:
            _log.error("%s: %s: %s", note.event, note.fields.get("file"), note.fields.get("detail"))
            self.append(event(note.event, at_us=self._options.now_us(), fields=note.fields))
        self._segment.sync()
        self._background.open_head(self._segment, Link(self._seq, self._hash))
        self._synced_seq = self._head_seq = self._seq

    # -- writing ------------------------------------------------------------------------------------------------------
    def append(self, members: bytes) -> int:
        """Write one record and return its number; in the kernel when this returns.

        `members`: JSON members without braces (`gateway.trail.record`). Raises `TrailUnavailable`: the record does not
        exist, and what it answers for must not leave.
        """
        if self._fault:
            self._retry()
        line = b"%b%d,%b}" % (self._front, self._seq + 1, members)
        if len(line) > MAX_LINE or b"\n" in members:
            raise ValueError("a record is one line of bounded length")
        data = line + b"\n"
        try:
            written = os.write(self._descriptor, data)
            if written != len(data):
                write_all(self._descriptor, data[written:])
        except OSError as error:
            raise self._failed(error) from error
        self._seq += 1
        digest = hashlib.sha256(line).hexdigest()
        self._hash = digest
        self._front = b'{"prev":"%b","seq":' % digest.encode()
        segment = self._segment
        segment.size += len(data)
        if segment.size >= self._rotate_at:
            self._rotate()
        return self._seq

    def append_many(self, fragments: Sequence[bytes]) -> int:
        """Write several records with one call to the kernel: all of them or none; the number of the last one."""
        if self._fault:
            self._retry()
        front, digest, seq = self._front, self._hash, self._seq
        lines: list[bytes] = []
        for members in fragments:
            seq += 1
            line = b"%b%d,%b}" % (front, seq, members)
            if len(line) > MAX_LINE or b"\n" in members:
                raise ValueError("a record is one line of bounded length")
            lines.append(line)
            digest = hashlib.sha256(line).hexdigest()
            front = b'{"prev":"%b","seq":' % digest.encode()
        lines.append(b"")
        data = b"\n".join(lines)
        try:
            write_all(self._descriptor, data)
        except OSError as error:
            raise self._failed(error, len(fragments)) from error
        self._front, self._hash, self._seq = front, digest, seq
        self._segment.size += len(data)
        if self._segment.size >= self._rotate_at:
            self._rotate()
        return seq

    def event(self, name: str, session: bytes = b"", **members: FieldValue) -> int:
        """Write an event (`gateway.trail.fields.EVENTS`) with the time of now."""
        return self.append(event(name, at_us=self._options.now_us(), session=session, fields=members))

    # -- durability ---------------------------------------------------------------------------------------------------
    def barrier(self) -> asyncio.Future[None] | None:
        """None: all that was appended is as durable as configured. Else a future that resolves after the group commit.

        The future fails with `TrailUnavailable` where the disk refuses. Call it in the event loop's thread.
        """
        if not self._options.fsync or (self._synced_seq >= self._seq and not self._fault):
            return None
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._fault:
            future.set_exception(self._unavailable())
            return future
        self._waiters.append(future)
        if self._committing is None:
            self._commit()
        return future

    def _commit(self) -> None:
        """Start a group commit for all who wait now; those who come while it runs are the next group."""
        waiters, self._waiters = self._waiters, []
        loop = asyncio.get_running_loop()
        seq = self._seq
        job = self._committing = self._background.sync(self._segment)

        def done(job: Future[None]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._committed, job, seq, waiters)

        job.add_done_callback(done)

    def _committed(self, job: Future[None], seq: int, waiters: list[asyncio.Future[None]]) -> None:
        self._committing = None
        error = job.exception()
        if error is None:
            self._synced_seq = max(self._synced_seq, seq)
        else:
            self._sync_lost = True
            self._fail(error)
            waiters += self._waiters
            self._waiters = []
        _resolve(waiters, None if error is None else self._unavailable())
        if self._waiters:
            self._commit()

    # -- segments -----------------------------------------------------------------------------------------------------
    def _rotate(self) -> None:
        """Go on in a new segment. Where none can be made, the old one goes on: rotation is no reason to deny."""
        try:
            segment = OpenSegment(self._options.directory, SegmentName(self.chain, self._seq + 1), self._hash)
        except OSError as error:
            self._last_error = str(error)
            self._rotate_at = self._segment.size + self._options.segment_bytes // 16
            _log.warning("the trail could not begin a new segment, and goes on in the old one: %s", error)
            return
        closed = self._segment
        self._bytes_before += closed.size
        self._begin(segment)
        self._background.hand_over(closed, Link(self._seq, self._hash))

    def _begin(self, segment: OpenSegment) -> None:
        self._segment = segment
        self._descriptor = segment.descriptor
        self._day = self._options.now_us() // _DAY_US
        self._rotate_at = self._options.segment_bytes
        self._segments += 1

    # -- upkeep -------------------------------------------------------------------------------------------------------
    def maintain(self) -> None:
        """Once a second: recover without traffic, rotate at midnight UTC, sign the head of the chain."""
        if not self._open:
            return
        if self._fault:
            with contextlib.suppress(TrailUnavailable):
                self._retry()
            return
        if self._options.now_us() // _DAY_US != self._day and self._segment.size:
            self._rotate()
        self._background.seal_waiting()
        if self._seq != self._head_seq and time.monotonic() >= self._head_at:
            self._head_seq = self._seq
            self._head_at = time.monotonic() + HEAD_SECONDS
            self._background.sign_head(self._segment, Link(self._seq, self._hash))

    # -- trouble ------------------------------------------------------------------------------------------------------
    def _failed(self, error: OSError, records: int = 1) -> TrailUnavailable:
        """Take back half a line, and deny from now on until a retry succeeds."""
        self._refused += records
        self._refused_now += records
        self._fail(error)
        with contextlib.suppress(OSError):
            self._segment.cut()
        return self._unavailable()

    def _fail(self, error: BaseException) -> None:
        self._last_error = str(error)
        if not self._fault_since_us:
            self._fault_since_us = self._options.now_us()
            _log.error("the trail cannot be written, statements on governed data are denied: %s", error)
        self._fault = str(error)
        self._retry_at = time.monotonic() + RETRY_SECONDS

    def _unavailable(self) -> TrailUnavailable:
        return TrailUnavailable(
            "the audit trail cannot be written, so nothing that must be recorded can run",
            hint="Try again later; the operator finds the reason in the gateway's log and in `menshen_trail_healthy`.",
        )

    def _retry(self) -> None:
        """Write again if it is time: what was half written goes, what was not synced is written again."""
        if time.monotonic() < self._retry_at or self._committing is not None:
            self._refused += 1
            self._refused_now += 1
            raise self._unavailable()
        fault, since, refused = self._fault, self._fault_since_us, self._refused_now
        try:
            self._segment.cut()
            if self._sync_lost:
                self._background.sync(self._segment).result()
        except OSError as error:
            raise self._failed(error) from error
        self._fault, self._sync_lost = "", False
        self.event("trail_recovered", since=instant(since), refused=refused, detail=fault)
        self._refused_now = self._fault_since_us = 0
        _log.warning("the trail can be written again; %d records were refused meanwhile", refused)

    # -- life ---------------------------------------------------------------------------------------------------------
    def close(self) -> None:
        """Record the end, sign the last segment and the head, let the chain go."""
        if not self._open:
            return
        self._open = False
        outcome: TrailUnavailable | None = None
        try:
            self._retry_at = 0.0
            self.event("trail_closed")
            self._background.finish(self._segment, Link(self._seq, self._hash))
        except (OSError, TrailUnavailable) as error:
            outcome = self._unavailable()
            _log.error("the trail could not be closed in order; the next start mends it: %s", error)
        finally:
            self._background.stop()
            self._segment.close()
            self._descriptor = -1  # the number may be given to another file
            os.close(self._options.lock)
        waiters, self._waiters = self._waiters, []
        _resolve(waiters, outcome)

    @property
    def healthy(self) -> bool:
        """Whether the last attempt to write succeeded."""
        return not self._fault

    @property
    def seq(self) -> int:
        """Number of the last record."""
        return self._seq

    def state(self) -> TrailState:
        unsynced = self._seq - self._synced_seq if self._options.fsync else 0
        return TrailState(
            chain=self.chain,
            healthy=self.healthy,
            records=self._seq,
            segments=self._segments,
            bytes=self._bytes_before + self._segment.size,
            unsynced=unsynced,
            unsigned=len(self._background.closed),
            refused=self._refused,
            last_error=self._last_error or self._background.last_error,
        )


def _resolve(waiters: Sequence[asyncio.Future[None]], error: TrailUnavailable | None) -> None:
    for waiter in waiters:
        if waiter.done():  # cancelled by its task
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
