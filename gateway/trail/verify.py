"""Offline verification of a trail: what was changed, where, and how far the signatures vouch for the rest.

Each chain is one fold over the lines of its segments. A line that does not continue the chain is looked at more
closely to say what happened; then the walk goes on behind it, so that one run finds all places. Needs no gateway and no
database.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.trail.chain import Fold, Link, Manifest, Sealed, Verifier, genesis, line_hash, read_link
from gateway.trail.recover import read_sealed
from gateway.trail.segment import SegmentName, list_segments, parse_name, read_lines

FINDINGS_PER_SEGMENT = 50
"""After so many the rest of a segment is counted, not listed."""

SIGNING_TENTHS = 10
"""Tenths of a second that a running gateway gets to sign the segment that it has just closed."""

Progress = Callable[[int, int], None]
"""Bytes done, bytes in all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be, and where."""

    what: str
    """`edited`, `deleted`, `inserted`, `reordered`, `torn_tail`, `truncated`, `missing_segment`, `unsigned`,
    `bad_signature`, `wrong_key`, `unreadable` or `contradicts_anchor`."""
    file: str
    line: int
    """1-based; 0 for the file as a whole."""
    seq: int
    """Number of the record; 0 where there is none."""
    message: str


@dataclass(slots=True)
class ChainReport:
    """What is known about one chain after verification."""

    chain: str
    segments: int = 0
    signed: int = 0
    records: int = 0
    first: int = 0
    last: int = 0
    hash: str = ""
    """Hash of the last record: keep it with `last` as an anchor for the next verification."""
    open_segment: str = ""
    """The unsigned segment at the end, which a gateway writes or will sign at its next start."""
    vouched: int = 0
    """Number of the last record that a good signature stands for."""
    torn_files: int = 0
    """Unfinished writes that starts have put aside."""


@dataclass(slots=True)
class Report:
    """The result of one verification."""

    chains: list[ChainReport] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    signatures_checked: bool = True

    @property
    def good(self) -> bool:
        return not self.findings


def verify(
    path: Path,
    keys: Verifier | None,
    *,
    anchors: Mapping[str, Link] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Verify all chains in a folder. Raises `OSError`.

    `keys`: None leaves signatures unchecked (the report says so). `anchors`: what an earlier verification saw of each
    chain; a trail that does not hold it any more was cut or rewritten since.
    """
    report = Report(signatures_checked=keys is not None)
    anchors = anchors or {}
    # Heads and signatures first: a writer may go on meanwhile, and then its segments are ahead of them, never behind.
    heads = {file.name.removesuffix(".head"): read_sealed(file, keys) for file in sorted(path.glob("*.head"))}
    signatures = sorted(file.name for file in path.glob("*.jsonl.sig"))
    names = list_segments(path)
    meter = _Meter(sum(_size(path / str(name)) for name in names), progress)
    for chain in sorted({name.chain for name in names} | set(heads) | set(anchors)):
        own = [name for name in names if name.chain == chain]
        walk = _ChainWalk(path, chain, own, heads.get(chain), keys, anchors.get(chain), meter)
        report.chains.append(walk.run())
        report.findings.extend(walk.findings)
    report.findings.extend(_orphans(signatures, names))
    return report


class _Meter:
    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def add(self, size: int) -> None:
        self.done += size
        if self.progress is not None:
            self.progress(self.done, max(self.total, self.done))


class _ChainWalk:
    """One chain from its first segment to its head."""

    def __init__(
        self,
        path: Path,
        chain: str,
        names: list[SegmentName],
        head: Sealed | None,
        keys: Verifier | None,
        anchor: Link | None,
        meter: _Meter,
    ) -> None:
        self.path, self.chain, self.names, self.head, self.keys = path, chain, names, head, keys
        self.anchor, self.meter = anchor, meter
        self.findings: list[Finding] = []
        self.report = ChainReport(chain)
        start = genesis(chain)
        watch = {link.seq for link in (anchor,) if link} | {
            head.manifest.last for head in (head,) if head and head.manifest
        }
        self.fold = Fold(start.seq, start.hash, frozenset(watch))

    def run(self) -> ChainReport:
        for index, name in enumerate(self.names):
            self._segment(name, is_last=index == len(self.names) - 1)
        self._check_head()
        self._check_anchor()
        report = self.report
        report.segments = len(self.names)
        report.first = self.names[0].first if self.names else 0
        report.last, report.hash = self.fold.seq, self.fold.hash
        report.torn_files = sum(1 for _ in self.path.glob(f"{_escaped(self.chain)}-*.torn"))
        return report

    def found(self, what: str, file: str, line: int, seq: int, message: str) -> None:
        self.findings.append(Finding(what, file, line, seq, message))

    # -- one segment --------------------------------------------------------------------------------------------------
    def _segment(self, name: SegmentName, *, is_last: bool) -> None:
        file = self.path / str(name)
        signature = file.with_name(file.name + ".sig")
        sealed = read_sealed(signature, self.keys)
        for _ in range(0 if is_last else SIGNING_TENTHS):  # a writer may just be about to sign it
            if sealed.fault != "missing":
                break
            time.sleep(0.1)
            sealed = read_sealed(signature, self.keys)
        self._check_begin(name)
        before = Link(self.fold.seq, self.fold.hash)
        size, torn = self._walk_lines(file, name)
        if torn and is_last and sealed.fault == "missing":
            torn = _still_torn(file, size)
        if torn:
            message = f"{torn} bytes at the end are no whole record: a write was cut off, or the file was"
            self.found("torn_tail", file.name, 0, self.fold.seq + 1, message)
        self._check_signature(name, sealed, before, size, is_last=is_last)

    def _check_begin(self, name: SegmentName) -> None:
        expected = self.fold.seq + 1
        if name.first == expected:
            return
        if name.first > expected:
            message = f"records {expected} to {name.first - 1} are missing before this segment"
            self.found("missing_segment", str(name), 0, expected, message)
        else:
            message = f"the segment begins again at record {name.first}, the chain had come to {self.fold.seq}"
            self.found("inserted", str(name), 0, name.first, message)
        self._resume(name)

    def _resume(self, name: SegmentName) -> None:
        """Behind a gap: take the first line's own link, so that the rest of the segment is verified too."""
        for lines, _ in read_lines(self.path / str(name)):
            link = read_link(lines[0]) if lines else None
            if link is not None and link.seq == name.first:
                self.fold.seq, self.fold.hash = link.seq - 1, link.hash
            return

    def _walk_lines(self, file: Path, name: SegmentName) -> tuple[int, int]:
        """Fold the segment; bytes of its whole lines, and of what follows the last newline."""
        size = line = listed = 0
        rest = b""
        previous = b""
        for lines, rest_so_far in read_lines(file):
            rest = rest_so_far
            stop = self.fold.take(lines)
            while stop < len(lines):
                listed += 1
                if listed <= FINDINGS_PER_SEGMENT:
                    here = lines[stop - 1] if stop else previous
                    following = lines[stop + 1] if stop + 1 < len(lines) else b""
                    self._diagnose(file.name, line + stop + 1, here, lines[stop], following)
                self.fold.adopt(lines[stop])
                stop = self.fold.take(lines, stop + 1)
            if lines:
                previous = lines[-1]
            block = sum(map(len, lines)) + len(lines)
            size += block
            line += len(lines)
            self.meter.add(block)
        if listed > FINDINGS_PER_SEGMENT:
            more = f"{listed - FINDINGS_PER_SEGMENT} more places in this segment do not fit"
            self.found("edited", file.name, 0, 0, more)
        self.report.records += line
        return size, len(rest)

    def _diagnose(self, file: str, number: int, previous: bytes, line: bytes, following: bytes) -> None:
        """Say what happened at a line that does not continue the chain."""
        link, expected = read_link(line), self.fold.seq + 1
        if link is None:
            self.found("edited", file, number, expected, f"line {number} is not a record")
        elif link.seq > expected:
            message = f"records {expected} to {link.seq - 1} are not where they belong: deleted, or moved"
            self.found("deleted", file, number, expected, message)
        elif link.seq < expected:
            message = f"record {link.seq} stands behind record {expected - 1}: moved, repeated or inserted"
            self.found("reordered", file, number, link.seq, message)
        elif previous and (not following or _names_hash(following, line)):
            message = f"record {expected - 1} was edited: record {expected} names another hash for it"
            self.found("edited", file, number - 1, expected - 1, message)
        else:
            message = f"record {expected} was edited: it does not name the hash of record {expected - 1}"
            self.found("edited", file, number, expected, message)

    # -- signatures ---------------------------------------------------------------------------------------------------
    def _check_signature(self, name: SegmentName, sealed: Sealed, before: Link, size: int, *, is_last: bool) -> None:
        file = f"{name}.sig"
        manifest = sealed.manifest
        if sealed.fault == "missing":
            if is_last:
                self.report.open_segment = str(name)
            else:
                self.found("unsigned", str(name), 0, 0, "a closed segment has no signature: the .sig file is gone")
        elif manifest is None or sealed.fault:
            self.found(sealed.fault, file, 0, 0, _FAULTS[sealed.fault].format(key=manifest.key if manifest else ""))
        elif self._compare(name, manifest, before, size):
            self.report.signed += 1
            self.report.vouched = manifest.last

    def _compare(self, name: SegmentName, manifest: Manifest, before: Link, size: int) -> bool:
        """Compare a segment with what was signed about it."""
        file = str(name)
        if (manifest.kind, manifest.chain, manifest.segment) != ("segment", self.chain, file):
            message = f"the signature belongs to {manifest.segment or 'something else'}, not to this segment"
            self.found("bad_signature", f"{file}.sig", 0, 0, message)
        elif self.fold.seq < manifest.last:
            message = f"records {self.fold.seq + 1} to {manifest.last} are cut off: they were signed and are gone"
            self.found("truncated", file, 0, self.fold.seq + 1, message)
        elif self.fold.seq > manifest.last:
            message = f"records {manifest.last + 1} to {self.fold.seq} were added after the segment was signed"
            self.found("inserted", file, 0, manifest.last + 1, message)
        elif self.fold.hash != manifest.hash:
            message = (
                f"record {manifest.last} is not the one that was signed: it was edited, or all before it rewritten"
            )
            self.found("edited", file, 0, manifest.last, message)
        elif (manifest.first, manifest.prev) != (before.seq + 1, before.hash):
            message = "the segment was signed as the continuation of another record than the one before it"
            self.found("deleted", file, 1, manifest.first, message)
        elif manifest.bytes != size:
            message = f"the file had {manifest.bytes} bytes when it was signed, its records have {size}"
            self.found("edited", file, 0, 0, message)
        else:
            return True
        return False

    def _check_head(self) -> None:
        file = f"{self.chain}.head"
        head = self.head
        manifest = head.manifest if head else None
        if head is None:
            self.found("unsigned", file, 0, 0, "the signed head of the chain is gone")
        elif manifest is None or head.fault:
            self.found(head.fault, file, 0, 0, _FAULTS[head.fault].format(key=manifest.key if manifest else ""))
        elif manifest.chain != self.chain or manifest.kind not in ("head", "end"):
            self.found("bad_signature", file, 0, 0, f"the head belongs to {manifest.chain}, not to this chain")
        elif self._holds(Link(manifest.last, manifest.hash), file, "the signed head"):
            self.report.vouched = max(self.report.vouched, manifest.last)
            if manifest.kind == "end" and self.report.open_segment and self.fold.seq == manifest.last:
                message = "the writer left this chain in order, so its last segment was signed: the .sig file is gone"
                self.found("unsigned", self.report.open_segment, 0, 0, message)

    def _check_anchor(self) -> None:
        if self.anchor is not None:
            self._holds(self.anchor, "", "the anchor of an earlier verification", what="contradicts_anchor")

    def _holds(self, link: Link, file: str, source: str, *, what: str = "") -> bool:
        """Whether the chain passes through a link that somebody vouches for."""
        last = str(self.names[-1]) if self.names else file
        if link.seq > self.fold.seq:
            message = f"the chain ends at record {self.fold.seq}, {source} had seen record {link.seq}"
            self.found(what or "truncated", last, 0, self.fold.seq + 1, message)
        elif self.fold.seen.get(link.seq, link.hash if link.seq == 0 else "") != link.hash:
            message = f"record {link.seq} is not the one that {source} names: the chain was rewritten at or before it"
            self.found(what or "edited", last, 0, link.seq, message)
        else:
            return True
        return False


_FAULTS = {
    "unreadable": "this is not a signed manifest: it was edited",
    "wrong_key": "signed with the key {key}, which is none of the given public keys",
    "bad_signature": "the signature does not fit what it signs: one of them was edited",
}


def _names_hash(following: bytes, line: bytes) -> bool:
    link = read_link(following)
    return link is not None and link.hash == line_hash(line)


def _orphans(signatures: Iterable[str], names: Iterable[SegmentName]) -> list[Finding]:
    """Signatures whose segments are gone."""
    present = {str(name) for name in names}
    findings = []
    for segment in (signature.removesuffix(".sig") for signature in signatures):
        if segment not in present:
            parsed = parse_name(segment)
            message = "the segment is gone, only its signature is left"
            findings.append(Finding("missing_segment", segment, 0, parsed.first if parsed else 0, message))
    return findings


def _still_torn(file: Path, size: int) -> int:
    """A writer may be at work on the last line: look again before calling it torn."""
    for _ in range(4):
        time.sleep(0.05)
        with open(file, "rb") as reader:
            reader.seek(size)
            if b"\n" in reader.read():
                return 0
    return _size(file) - size


def _size(file: Path) -> int:
    try:
        return os.stat(file).st_size
    except FileNotFoundError:
        return 0


def _escaped(text: str) -> str:
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)
