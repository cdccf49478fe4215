"""Reading a trail as one stream: all chains merged by time, from a position on, while writers go on writing.

    for position, record in read(path, after=last_position): ...

A position is a value that can be kept (`to_json`, `from_json`): reading again from it neither loses nor repeats a
record. A line that is still being written is not returned. Records are merged by `at` within one call; a caller that
needs a total order over calls passes `before` = a little less than now, so that slow writers are waited for.

Nothing is verified here: that is `gateway.trail.verify`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from gateway.trail.segment import SegmentName, list_segments

Record: TypeAlias = dict[str, Any]
Wanted: TypeAlias = Callable[[bytes], bool]
"""Says of a raw line whether it is worth decoding. May say yes too often, never no to a line that is wanted."""

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """How far one chain was read: the segment's first record and the byte behind the last line that was read."""

    first: int
    offset: int


@dataclass(frozen=True, slots=True)
class Position:
    """How far a trail was read, chain by chain. The empty position is the beginning."""

    places: Mapping[str, Place] = field(default_factory=dict)

    def to_json(self) -> bytes:
        return orjson.dumps({chain: [place.first, place.offset] for chain, place in self.places.items()})

    @classmethod
    def from_json(cls, data: bytes) -> Position:
        """Raises `ValueError` where the data is no position."""
        try:
            return cls({chain: Place(int(first), int(offset)) for chain, (first, offset) in orjson.loads(data).items()})
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError("this is not a position in a trail") from error


@dataclass(frozen=True, slots=True)
class Line:
    """One decoded line and the place behind it."""

    chain: str
    place: Place
    record: Record


def read(path: Path, after: Position | None = None, *, before: str | None = None) -> Iterator[tuple[Position, Record]]:
    """All records behind `after`, oldest first, each with the position behind it. Raises `OSError`.

    `before`: an instant as records spell it; records made then or later are left for the next call.
    """
    places = dict(after.places) if after else {}
    for line in merge(path, places, before=before):
        places[line.chain] = line.place
        yield Position(dict(places)), line.record


def end(path: Path) -> Position:
    """The position behind everything that is there now: where a reader begins that wants only what is new."""
    last: dict[str, SegmentName] = {}
    for name in list_segments(path):
        last[name.chain] = name
    return Position({chain: Place(name.first, _whole_lines(path / str(name))) for chain, name in last.items()})


def merge(
    path: Path,
    after: Mapping[str, Place],
    *,
    since: str | None = None,
    before: str | None = None,
    wanted: Wanted | None = None,
) -> Iterator[Line]:
    """The lines of all chains by time. Whole segments that end before `since` are not opened."""
    chains: dict[str, list[SegmentName]] = {}
    for name in list_segments(path):
        chains.setdefault(name.chain, []).append(name)
    streams = [_chain(path, names, after.get(chain), since, before, wanted) for chain, names in chains.items()]
    if len(streams) == 1:
        return streams[0]
    return heapq.merge(*streams, key=lambda line: str(line.record.get("at", "")))


def _chain(
    path: Path,
    names: list[SegmentName],
    after: Place | None,
    since: str | None,
    before: str | None,
    wanted: Wanted | None,
) -> Iterator[Line]:
    if after is not None:
        names = [name for name in names if name.first >= after.first]
    elif since is not None:
        names = _from(path, names, since)
    for name in names:
        start = after.offset if after is not None and name.first == after.first else 0
        for offset, record in decode_from(path / str(name), start, wanted):
            at = str(record.get("at", ""))
            if before is not None and at >= before:
                return
            if since is None or at >= since:
                yield Line(name.chain, Place(name.first, offset), record)


def decode_from(path: Path, start: int = 0, wanted: Wanted | None = None) -> Iterator[tuple[int, Record]]:
    """The records of one segment from a byte offset on, each with the offset behind it; no half line at the end.

    A line that is no JSON object (an edited trail) is passed over: `verify` names it.
    """
    for offset, line in _lines(path, start):
        if wanted is not None and not wanted(line):
            continue
        try:
            record = orjson.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield offset, record


def _lines(path: Path, start: int) -> Iterator[tuple[int, bytes]]:
    try:
        file = open(path, "rb")  # noqa: SIM115  (closed by the with below; a purged segment is no error)
    except FileNotFoundError:
        return
    with file:
        file.seek(start)
        offset, rest = start, b""
        while block := file.read(_BLOCK):
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            for line in lines:
                offset += len(line) + 1
                yield offset, line


def _from(path: Path, names: list[SegmentName], since: str) -> list[SegmentName]:
    """Leave out the segments that a later one, itself begun before `since`, shows to be older."""
    for index in range(len(names) - 1, 0, -1):
        first = next((record for _, record in decode_from(path / str(names[index]))), None)
        if first is not None and str(first.get("at", "9")) < since:
            return names[index:]
    return names


def _whole_lines(path: Path) -> int:
    """Bytes of a file up to its last newline."""
    with open(path, "rb") as file:
        at = file.seek(0, 2)
        while at > 0:
            start = max(0, at - _BLOCK)
            file.seek(start)
            found = file.read(at - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            at = start
    return 0


def records(lines: Iterable[Line]) -> Iterator[Record]:
    for line in lines:
        yield line.record
