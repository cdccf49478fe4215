"""The watcher: every record of all chains, once, in one order, through the detectors; its memory survives `kill -9`.

    watcher = Watcher(trail, folder, config)
    batch = watcher.poll(before=…)    # at most `limit` records; writes down what they are before it looks at them
    …store batch.findings, by `Finding.id`…
    watcher.delivered()               # only now may the batch be forgotten

How nothing is lost or repeated. Before a batch is processed, the places up to which it reads are appended to a
journal. Detectors are pure, so the same batches in the same order give the same findings with the same ids. A start
takes the last checkpoint and replays the journal's batches behind it, exactly; findings of the last of them, which may
not have been stored, come again with ids that the store knows. The checkpoint keeps the configuration that its states
and the journal's batches belong to; another one begins with a checkpoint of its own. (The death of the machine can lose
the journal's end: the same records are then looked at in other batches.) Records of one batch are ordered by time over
all chains; a record that arrives later than `before` allows for is read late, and never skipped.

Blocking file I/O, no clock, no thread: the caller decides when to poll.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from gateway.errors import MenshenError
from gateway.trail.reader import Line, Place, Position, end, merge
from gateway.watch.detector_config import DetectorConfig, from_document, to_document
from gateway.watch.detectors import Detector, Honey
from gateway.watch.engine import Engine
from gateway.watch.finding import Finding

FORMAT = 1
CHECKPOINT, JOURNAL = "watch-checkpoint.json", "watch-journal.jsonl"
BATCH = 5_000
"""Records that are held in memory at once."""
_CHECKPOINT_RECORDS = 100_000
_CHECKPOINT_BATCHES = 1_000
"""What a start may have to read again at most, where the caller asks for no checkpoint earlier."""

Places = dict[str, Place]


class CheckpointUnreadable(MenshenError):
    """The watcher's memory cannot be read, or a later version wrote it."""

    sqlstate = "58030"


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll did."""

    number: int
    records: int
    findings: tuple[Finding, ...]
    last_at: str = ""
    """Time of the last record."""
    replayed: bool = False
    """It had been begun before the last start; its findings may be known already."""
    failures: tuple[tuple[str, str], ...] = ()
    """Detectors that raised on a record, with the error's type: a defect that must be shown, and stops nothing."""
    new_bundle: bool = False
    """A policy bundle came into force within it, and with it perhaps another configuration of the detectors."""


class Watcher:
    """Reads the trail in `trail`; keeps its checkpoint and journal in `folder`.

    A first start begins at the trail's beginning, so that detectors learn from what is there; `from_end`: at its end.
    Raises `CheckpointUnreadable`, `OSError`.
    """

    def __init__(
        self, trail: Path, folder: Path, config: DetectorConfig | None = None, *, from_end: bool = False
    ) -> None:
        self._wanted = self.config = config or DetectorConfig()
        self._engine = Engine(self.config)
        self._trail, self._folder = trail, folder
        self._planted: tuple[list[int | str], list[str]] = ([], [])
        self._number = 0
        self._places: Places = {}
        self._pending: Batch | None = None
        self._since_records = self._since_batches = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = self._load()
        if from_end and not known:
            self._places = dict(end(trail).places)
        self._replay = self._read_journal()
        self._journal = open(folder / JOURNAL, "ab", buffering=0)  # noqa: SIM115  (closed by `close`)
        self._mend_journal()
        self._unsettled = not known
        """No batch is begun before a checkpoint holds the configuration that it belongs to."""

    @property
    def position(self) -> Position:
        return Position(dict(self._places))

    @property
    def replaying(self) -> bool:
        """Whether batches that were begun before the start are still to come."""
        return bool(self._replay)

    def plant(self, keys: list[int | str], values: list[str] | None = None) -> tuple[str, ...]:
        """The planted customers from now on: keys and hashes of values; see `Honey.plant`."""
        self._planted = (keys, values or [])
        honey = self.detectors.get("honey")
        return honey.plant(*self._planted) if isinstance(honey, Honey) else ()

    def use(self, config: DetectorConfig) -> bool:
        """Work with this configuration from the next batch on that was not begun yet; what was learned stays. Gives
        whether it is another one. Raises OSError, and tries again with the next `poll`."""
        changed = config != self._wanted
        self._wanted = config
        self._switch()
        return changed

    def _switch(self) -> None:
        if self._replay or self._pending is not None:
            return
        if self.config != self._wanted:
            self._unsettled = True
            self._set_up(self._wanted, {name: one.dump() for name, one in self.detectors.items()})
            self.plant(*self._planted)
        if self._unsettled:
            self.checkpoint()
            self._unsettled = False

    def _set_up(self, config: DetectorConfig, states: Mapping[str, Any]) -> None:
        engine = Engine(config)
        for name, one in engine.detectors.items():
            if name in states:
                one.load(states[name])
        self.config, self._engine = config, engine

    @property
    def detectors(self) -> Mapping[str, Detector]:
        """Those that are enabled, by name."""
        return self._engine.detectors

    # -- the road -------------------------------------------------------------------------------------------------
    def poll(self, *, before: str | None = None, limit: int = BATCH) -> Batch:
        """Process the next records, at most `limit`. The batch before must have been `delivered`.

        `before`: an instant as records spell it, a little less than now, so that slow writers are waited for.
        """
        if self._pending is not None:
            return self._pending  # it could not be stored: the same again
        self._switch()
        replayed = bool(self._replay)
        if replayed:
            self._number, places = self._replay.pop(0)
            lines = _up_to(self._trail, self._places, places)
        else:
            lines = list(islice(merge(self._trail, self._places, before=before), limit))
            places = {**self._places, **{line.chain: line.place for line in lines}}
            if not lines:
                return Batch(self._number, 0, ())
            self._number += 1
            self._write_journal(self._number, places)
        findings, failures = self._process(lines)
        self._places = places
        self._since_records += len(lines)
        self._since_batches += 1
        last = str(lines[-1].record.get("at", "")) if lines else ""
        new_bundle = any(line.record.get("event") == "policy_loaded" for line in lines)
        batch = Batch(self._number, len(lines), tuple(findings), last, replayed, tuple(failures), new_bundle)
        self._pending = batch
        return batch

    def delivered(self, *, checkpoint: bool = False) -> None:
        """The findings of the last batch are safe. This writes a checkpoint where the caller finds that it is time, or
        much was read since the last one."""
        self._pending = None
        much = self._since_records >= _CHECKPOINT_RECORDS or self._since_batches >= _CHECKPOINT_BATCHES
        if self._since_batches and (checkpoint or much):
            self.checkpoint()

    def close(self) -> None:
        """Write a checkpoint where nothing is pending, and let go of the files."""
        if self._since_batches:
            self.checkpoint()
        self._journal.close()

    def _process(self, lines: list[Line]) -> tuple[list[Finding], list[tuple[str, str]]]:
        findings: list[Finding] = []
        failures: list[tuple[str, str]] = []
        feed = self._engine.feed
        for line in lines:
            found = feed(line.record, line.chain, failures)
            if found:
                findings += found
        return findings, failures

    # -- memory ---------------------------------------------------------------------------------------------------
    def checkpoint(self) -> None:
        """Write position and states, whole or not at all, then empty the journal. Not before all was replayed."""
        if self._replay or self._pending is not None:
            return
        data = orjson.dumps({
            "format": FORMAT,
            "batch": self._number,
            "places": _to_json(self._places),
            "config": to_document(self.config),
            "detectors": {name: one.dump() for name, one in self.detectors.items()},
        })  # fmt: skip
        write_whole(self._folder / CHECKPOINT, data)
        self._journal.truncate(0)
        self._since_records = self._since_batches = 0

    def _load(self) -> bool:
        path = self._folder / CHECKPOINT
        try:
            data = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            return False
        except ValueError as error:
            raise _unreadable(path, "is not JSON") from error
        try:
            if data["format"] != FORMAT:
                raise _unreadable(path, f"has format {data['format']}, this version reads {FORMAT}")
            self._number, self._places = int(data["batch"]), _from_json(data["places"])
            config = from_document(data["config"]) if "config" in data else self.config
            self._set_up(config, data["detectors"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _unreadable(path, "holds something else") from error
        return True

    def _read_journal(self) -> list[tuple[int, Places]]:
        """The batches that were begun after the checkpoint; half a line at the end was never begun."""
        try:
            lines = (self._folder / JOURNAL).read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        entries = [orjson.loads(line) for line in lines]
        return [(int(one["n"]), _from_json(one["to"])) for one in entries if one["n"] > self._number]

    def _mend_journal(self) -> None:
        path = self._folder / JOURNAL
        data = path.read_bytes()
        if data and not data.endswith(b"\n"):
            os.truncate(path, data.rfind(b"\n") + 1)

    def _write_journal(self, number: int, places: Places) -> None:
        self._journal.write(orjson.dumps({"n": number, "to": _to_json(places)}) + b"\n")


def _up_to(trail: Path, after: Places, places: Places) -> list[Line]:
    """The lines of a batch that was begun: as many as it held, in the same order."""
    found: list[Line] = []
    left = {chain for chain, place in places.items() if after.get(chain) != place}
    for line in merge(trail, after):
        if line.chain not in left:
            if not left:
                break
            continue
        target = places[line.chain]
        if (line.place.first, line.place.offset) > (target.first, target.offset):
            left.discard(line.chain)
            continue
        found.append(line)
        if line.place == target:
            left.discard(line.chain)
    return found


def _to_json(places: Places) -> dict[str, list[int]]:
    return {chain: [place.first, place.offset] for chain, place in places.items()}


def _from_json(places: dict[str, list[int]]) -> Places:
    return {chain: Place(int(first), int(offset)) for chain, (first, offset) in places.items()}


def _unreadable(path: Path, why: str) -> CheckpointUnreadable:
    hint = "Restore it from a backup, or move it away: detectors then learn anew from the trail."
    return CheckpointUnreadable(f"{path} {why}", hint=hint)


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file whole or not at all, durably."""
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
