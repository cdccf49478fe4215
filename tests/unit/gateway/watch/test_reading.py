"""The watcher's turns: nothing is forgotten before it is stored, checkpoints by time, detectors of the new bundle."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.errors import Problem, ProblemsFound
from gateway.trail.record import instant
from gateway.watch import reading
from gateway.watch.detector_config import DetectorConfig
from gateway.watch.finding import Finding
from gateway.watch.reading import BATCH, Reading
from gateway.watch.stream import Batch
from tests.support.findings import AT, finding

OTHER = DetectorConfig(timezone="UTC")


class Watcher:
    """Gives batches as the real one does: the same again until it is delivered."""

    def __init__(self, *batches: Batch) -> None:
        self.batches = list(batches)
        self.checkpoints: list[bool] = []
        self.config = DetectorConfig()
        self.before = ""
        self.closed = False

    def poll(self, *, before: str, limit: int) -> Batch:
        self.before = before
        return self.batches[0] if self.batches else Batch(0, 0, ())

    def delivered(self, *, checkpoint: bool) -> None:
        self.batches.pop(0)
        self.checkpoints.append(checkpoint)

    def use(self, config: DetectorConfig) -> bool:
        changed = config != self.config
        self.config = config
        return changed

    def close(self) -> None:
        self.closed = True


class Trail:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def event(self, name: str, session: bytes = b"", **members: Any) -> int:
        self.events.append((name, members))
        return 1


class Bench:
    def __init__(self, *batches: Batch, **more: Any) -> None:
        self.watcher, self.trail = Watcher(*batches), Trail()
        self.stored: list[Finding] = []
        self.broken = False
        self.reading = Reading(self.watcher, self.trail, self.admit, **more)  # type: ignore[arg-type]

    async def admit(self, findings: Sequence[Finding]) -> None:
        if self.broken:
            raise OSError("the store is gone")
        self.stored += findings


def batch(*seqs: int, records: int = 1, **changes: Any) -> Batch:
    return Batch(1, records, tuple(finding(n, key=f"k{n}") for n in seqs), AT, **changes)


async def test_a_batch_that_could_not_be_stored_comes_again() -> None:
    bench = Bench(batch(1), batch(2))
    bench.broken = True
    with pytest.raises(OSError, match="the store"):
        await bench.reading.round()
    assert len(bench.watcher.batches) == 2
    bench.broken = False
    await bench.reading.round()
    assert ([one.key for one in bench.stored], bench.watcher.batches) == (["k1", "k2"], [])


async def test_slow_chains_are_waited_for() -> None:
    bench = Bench(clock=lambda: 1_700_000_000_000_000)
    await bench.reading.round()
    assert bench.watcher.before == instant(1_700_000_000_000_000 - 20_000)


async def test_what_is_older_than_the_watch_is_not_told() -> None:
    old = replace(finding(1), at="2026-03-02T09:59:59.999999Z")
    bench = Bench(Batch(1, 2, (old, finding(2)), AT), began=AT)
    await bench.reading.round()
    assert [one.at for one in bench.stored] == [AT]


async def test_checkpoints_come_by_time_and_never_cost_more_than_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(reading, "time", SimpleNamespace(monotonic=lambda: now[0], perf_counter=time.perf_counter))
    bench = Bench(clock=lambda: 0)

    async def a_batch_after(seconds: float, cost: float = 0.0) -> bool:
        now[0] += seconds
        bench.watcher.batches.append(batch())
        delivered = bench.watcher.delivered

        def slow(*, checkpoint: bool) -> None:
            delivered(checkpoint=checkpoint)
            now[0] += cost

        monkeypatch.setattr(bench.watcher, "delivered", slow)
        await bench.reading.round()
        monkeypatch.setattr(bench.watcher, "delivered", delivered)
        return bench.watcher.checkpoints[-1]

    assert not await a_batch_after(9)
    assert await a_batch_after(2)
    assert not await a_batch_after(9)
    assert await a_batch_after(2, cost=0.5)
    assert not await a_batch_after(49), "half a second may be spent in fifty"
    assert await a_batch_after(2)


async def test_a_new_bundle_brings_its_detectors() -> None:
    bench = Bench(batch(new_bundle=True), batch(new_bundle=True), detectors=lambda: OTHER)
    await bench.reading.round()
    assert (bench.watcher.config, bench.trail.events) == (OTHER, [("detectors_loaded", {})])


async def test_without_a_new_bundle_nothing_is_loaded() -> None:
    bench = Bench(batch(), detectors=lambda: OTHER)
    await bench.reading.round()
    assert bench.watcher.config != OTHER


async def test_a_bad_file_never_replaces_a_good_one() -> None:
    def bad() -> DetectorConfig:
        raise ProblemsFound([Problem("detectors.yaml", 3, "there is no detector `volum`", "did you mean `volume`?")])

    bench = Bench(batch(new_bundle=True), detectors=bad)
    await bench.reading.round()
    assert bench.watcher.config == DetectorConfig()
    assert bench.trail.events == [("detectors_refused", {"problems": 1, "detail": "there is no detector `volum`"})]


async def test_figures() -> None:
    bench = Bench(clock=lambda: 1_772_445_605_000_000)
    assert not bench.reading.runs
    bench.watcher.batches = [batch(records=BATCH)]
    bench.broken = True
    await bench.reading.round()
    assert (bench.reading.runs, bench.reading.records, bench.reading.lag) == (True, BATCH, 0.0)
    bench.watcher.batches = [Batch(1, BATCH, (finding(1),), AT)]
    with pytest.raises(OSError, match="the store"):
        await bench.reading.round()
    assert bench.reading.lag == 5.0, "a full batch is behind, and there is more to read"


async def test_closing() -> None:
    bench = Bench()
    await bench.reading.close()
    assert bench.watcher.closed
