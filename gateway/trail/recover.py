"""What a writer does before it goes on with a chain: look at how the last one left it.

- Half a line at the end (the machine or the process died in a write) was never acknowledged: it is put aside.
- Segments that were closed but not signed yet are checked from the last signed hash on, and signed.
- What does not fit (an edit, a gap, a trail shorter than its signed head) is neither mended nor signed: the new segment
  goes on behind it, an event names the place, and every later verification finds it.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from gateway.trail.chain import FORMAT, Fold, Link, Manifest, Sealed, Signer, Verifier, genesis, seal, unseal
from gateway.trail.segment import FILE_MODE, SegmentName, list_segments, read_lines, write_all, write_atomic

NOTHING_YET = Sealed(None, "missing")


@dataclass(frozen=True, slots=True)
class Note:
    """An event that the next writer has to record."""

    event: str
    fields: dict[str, str | int | bool | list[str] | None]


@dataclass(slots=True)
class Recovered:
    """Where the chain goes on, and what has to be told."""

    link: Link
    segments: int = 0
    bytes: int = 0
    notes: list[Note] = field(default_factory=list)


def read_sealed(path: Path, verifier: Verifier | None) -> Sealed:
    """The signed manifest in a file; fault `missing` where there is no file."""
    try:
        return unseal(path.read_bytes(), verifier)
    except FileNotFoundError:
        return NOTHING_YET


def recover(directory: Path, chain: str, signer: Signer, verifier: Verifier, at: str) -> Recovered:
    """Make the chain ready for the next segment. The caller holds the chain's lock. Raises `OSError`."""
    head = read_sealed(directory / f"{chain}.head", verifier)
    names = list_segments(directory, chain)
    while names and (directory / str(names[-1])).stat().st_size == 0:  # a start that wrote nothing
        os.unlink(directory / str(names.pop()))
    last_signed = _last_signed(directory, names, verifier)
    start = genesis(chain) if last_signed is None else Link(last_signed[1].last, last_signed[1].hash)
    watch = frozenset([head.manifest.last] if head.manifest else [])
    fold = Fold(start.seq, start.hash, watch, {start.seq: start.hash})
    state = Recovered(start)
    for name in names[0 if last_signed is None else last_signed[0] + 1 :]:
        _settle(directory, name, state, fold, head.manifest, signer, at)
    _compare_with_head(head, state, fold.seen)
    left = [name for name in names if (directory / str(name)).exists()]
    if left:  # whatever damaged lines claim: the next segment's name must be new, and the last
        state.link = Link(max(state.link.seq, left[-1].first), state.link.hash)
    state.segments = len(left)
    state.bytes = sum((directory / str(name)).stat().st_size for name in left)
    return state


def _last_signed(directory: Path, names: list[SegmentName], verifier: Verifier) -> tuple[int, Manifest] | None:
    """The latest segment with a good signature whose file has the size that was signed.

    After a change of the key the old signature cannot be checked here: then what it says must hold for the lines.
    """
    for index in range(len(names) - 1, -1, -1):
        path = directory / str(names[index])
        sealed = read_sealed(path.with_name(path.name + ".sig"), verifier)
        manifest = sealed.manifest
        if manifest is None or manifest.segment != path.name or manifest.bytes != path.stat().st_size:
            continue
        if not sealed.fault or (sealed.fault == "wrong_key" and _holds(path, manifest)):
            return index, manifest
    return None


def _holds(path: Path, manifest: Manifest) -> bool:
    """Whether the lines of a segment lead from where its manifest says to where it says."""
    fold = Fold(manifest.first - 1, manifest.prev)
    for lines, _ in read_lines(path):
        if fold.take(lines) < len(lines):
            return False
    return (fold.seq, fold.hash) == (manifest.last, manifest.hash)


def _settle(
    directory: Path, name: SegmentName, state: Recovered, fold: Fold, head: Manifest | None, signer: Signer, at: str
) -> None:
    """Cut a torn tail, fold the segment, sign it where all fits, and move the chain's end behind it."""
    path = directory / str(name)
    before = state.link
    size = line = 0
    wrong = 1 if name.first != before.seq + 1 else 0
    torn = b""
    for lines, torn_so_far in read_lines(path):
        torn = torn_so_far
        size += sum(map(len, lines)) + len(lines)
        stop = fold.take(lines)
        while stop < len(lines):
            wrong = wrong or line + stop + 1
            fold.adopt(lines[stop])
            stop = fold.take(lines, stop + 1)
        line += len(lines)
    if torn:
        _put_aside(path, torn, size, fold.seq, state)
    if size == 0:
        os.unlink(path)
        return
    state.link = Link(fold.seq, fold.hash)
    if wrong:
        place = f"line {wrong} does not continue the chain"
        state.notes.append(Note("trail_damaged", {"file": path.name, "line": wrong, "detail": place}))
        return
    if head is not None and fold.seen.get(head.last, head.hash) != head.hash:
        return  # told by the comparison with the head; not to be vouched for
    signature = path.with_name(path.name + ".sig")
    if signature.exists():
        return  # one that does not fit: evidence, never replaced
    manifest = Manifest(
        FORMAT, "segment", name.chain, path.name, name.first, fold.seq, before.hash, fold.hash, size, at, signer.key_id
    )
    write_atomic(signature, seal(manifest, signer), sync=True)


def _put_aside(path: Path, torn: bytes, size: int, seq: int, state: Recovered) -> None:
    """Keep what came of an unfinished write in a file of its own, then cut it off. Safe to repeat."""
    digest = hashlib.sha256(torn).hexdigest()
    aside = path.with_name(f"{path.name}.{digest[:8]}.torn")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    try:
        write_all(descriptor, torn)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.truncate(path, size)
    detail = f"{len(torn)} bytes after record {seq} were no whole record"
    state.notes.append(
        Note(
            "trail_torn",
            {"file": path.name, "torn_file": aside.name, "bytes": len(torn), "sha256": digest, "detail": detail},
        )
    )


def _compare_with_head(head: Sealed, state: Recovered, seen: dict[int, str]) -> None:
    """The signed head must lie on the chain; where the chain is shorter, go on behind the head and leave the gap."""
    manifest = head.manifest
    if manifest is not None and head.fault == "wrong_key":
        detail = f"the chain was signed with the key {manifest.key} so far"
        state.notes.append(Note("trail_key_changed", {"detail": detail}))
        return
    if manifest is None or head.fault:
        if state.link.seq or head.fault != "missing":
            detail = f"the signed head of the chain is {head.fault}"
            state.notes.append(Note("trail_damaged", {"file": "", "line": 0, "detail": detail}))
        return
    if manifest.last > state.link.seq:
        lost = f"records {state.link.seq + 1} to {manifest.last} were signed in the head and are gone"
        state.notes.append(Note("trail_damaged", {"file": manifest.segment, "line": 0, "detail": lost}))
        state.link = Link(manifest.last, manifest.hash)
    elif seen.get(manifest.last, manifest.hash) != manifest.hash:
        changed = f"record {manifest.last} is not the one that was signed in the head"
        state.notes.append(Note("trail_damaged", {"file": manifest.segment, "line": 0, "detail": changed}))
