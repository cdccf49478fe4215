"""The files of a trail: their names, and one segment that is being written.

<chain>-<number of the first record, 15 digits>.jsonl    a segment; names sort by number
<segment>.sig                                            its signed manifest, once it is closed
<segment>.<8 hex digits>.torn                            half a line that a start put aside
<chain>.head                                             signed manifest of how far the chain has come
<chain>.lock                                             held by the writer of the chain
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import TrailUnavailable
from gateway.trail.chain import FORMAT, MAX_LINE, Manifest

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
SUFFIX = ".jsonl"

_NAME = re.compile(r"(?P<chain>.+)-(?P<first>[0-9]{15,})\.jsonl")
_NOT_IN_NAMES = re.compile(r"[^\w.]+")
_READ = 1 << 20

_fdatasync = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True, order=True)
class SegmentName:
    """A segment by its chain and the number of its first record."""

    chain: str
    first: int

    def __str__(self) -> str:
        return f"{self.chain}-{self.first:015}{SUFFIX}"


def parse_name(name: str) -> SegmentName | None:
    """The segment that a file name stands for; None for any other file."""
    match = _NAME.fullmatch(name)
    return SegmentName(match["chain"], int(match["first"])) if match else None


def chain_name(node: str, worker: int) -> str:
    """The name of a worker's chain; what cannot stand in a file name becomes `_`."""
    cleaned = _NOT_IN_NAMES.sub("_", node).strip("._")[:64]
    return f"{cleaned or 'node'}-{worker}"


def list_segments(directory: Path, chain: str | None = None) -> list[SegmentName]:
    """All segments, or those of one chain, in order."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    found = (parse_name(name) for name in names)
    return sorted(name for name in found if name is not None and chain in (None, name.chain))


def read_lines(path: Path, start: int = 0, end: int | None = None) -> Iterator[tuple[list[bytes], bytes]]:
    """Complete lines in blocks, without newlines, and with each block the bytes after its last newline so far.

    The second part of the last pair is what a torn tail left. Memory is bounded by a block and the longest line.
    """
    rest = b""
    with open(path, "rb") as file:
        file.seek(start)
        while True:
            size = _READ if end is None else min(_READ, end - file.tell())
            block = file.read(size) if size > 0 else b""
            if not block:
                return
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            if len(rest) > MAX_LINE:  # no record: a reader must not drown in it
                lines.append(rest)
                rest = b""
            yield lines, rest


def write_atomic(path: Path, data: bytes, *, sync: bool) -> None:
    """Replace a small file as a whole; with `sync` it is on disk when this returns."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    try:
        write_all(descriptor, data)
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(temporary, path)
    if sync:
        sync_directory(path.parent)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it; the kernel may take a part first and refuse the rest with an error."""
    while data:
        data = data[os.write(descriptor, data) :]


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock_chain(directory: Path, chain: str) -> int:
    """Take the chain for this process; the lock is held until the descriptor is closed or the process dies."""
    lock = os.open(directory / f"{chain}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        message = f"another process writes the trail's chain {chain} in {directory}"
        raise TrailUnavailable(message, hint="Stop the other gateway, or give this one its own trail.path.") from error
    return lock


class OpenSegment:
    """One segment that is being written. All failures are `OSError`s; the file then may end in half a line."""

    def __init__(self, directory: Path, name: SegmentName, prev: str) -> None:
        self.path = directory / str(name)
        self.name = name
        self.prev = prev
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self.descriptor = os.open(self.path, flags, FILE_MODE)
        self.size = 0
        """Bytes of complete records."""
        self.synced = 0
        """Bytes that are on disk."""
        self.suspect = False
        """A sync has failed: what is not `synced` may be in memory only, and the kernel may not know."""
        self.closed = False
        self._named = False
        if os.fstat(self.descriptor).st_size:
            os.close(self.descriptor)
            raise FileExistsError(f"{self.path} is there already")

    def cut(self) -> None:
        """Take half a line away again."""
        os.ftruncate(self.descriptor, self.size)

    def sync(self) -> None:
        """Bring all complete records to disk (may run in another thread than the writes)."""
        size = self.size
        try:
            if self.suspect:
                self._write_again(size)
            else:
                _fdatasync(self.descriptor)
            if not self._named:  # bytes on disk are worth nothing in a file that the folder does not know
                sync_directory(self.path.parent)
                self._named = True
        except OSError:
            self.suspect = True
            raise
        self.suspect = False
        self.synced = max(self.synced, size)

    def _write_again(self, size: int) -> None:
        """Bring records to disk after a sync has failed.

        The kernel may have dropped the dirty marks of pages that it could not write, so that another fsync would find
        nothing to do and lie: the bytes are written once more. Needs a descriptor that does not append.
        """
        descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            at = self.synced
            while at < size:
                data = os.pread(descriptor, min(_READ, size - at), at)
                if not data:
                    raise OSError(errno.EIO, "records that were written are gone")
                at += os.pwrite(descriptor, data, at)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def manifest(self, kind: str, last: int, digest: str, at: str, key: str) -> Manifest:
        return Manifest(
            FORMAT, kind, self.name.chain, str(self.name), self.name.first, last, self.prev, digest, self.size, at, key
        )

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            with contextlib.suppress(OSError):
                os.close(self.descriptor)
            self.descriptor = -1  # the number may be given to another file
