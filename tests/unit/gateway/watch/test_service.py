"""Findings become incidents, suspensions and records; trouble of the store loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import TrailUnavailable
from gateway.metrics import Metrics
from gateway.watch.containment import Containment, Suspended
from gateway.watch.incidents import Action
from gateway.watch.service import Rhythm, WatchService, drill_until
from gateway.watch.sql import StoreUnavailable
from gateway.watch.store import Drill, Honey, Store
from gateway.watch.stream import Batch
from tests.support.findings import AT, finding


class Trail:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.broken = False

    def event(self, name: str, session: bytes = b"", **members: Any) -> int:
        if self.broken:
            raise TrailUnavailable("full")
        self.events.append((name, members))
        return len(self.events)


class Watcher:
    """Gives batches as the real one does: the same again until it is delivered."""

    def __init__(self, *batches: Batch) -> None:
        self.batches = list(batches)
        self.planted: list[int | str] = []
        self.closed = False

    def poll(self, *, before: str | None = None, limit: int = 0) -> Batch:
        return self.batches[0] if self.batches else Batch(0, 0, ())

    def delivered(self, *, checkpoint: bool = False) -> None:
        self.batches.pop(0)

    def plant(self, keys: list[int | str], values: list[str] | None = None) -> None:
        self.planted = keys

    def close(self) -> None:
        self.closed = True


class House:
    def __init__(self, store: Store, *batches: Batch) -> None:
        self.trail, self.watcher, self.metrics = Trail(), Watcher(*batches), Metrics(["crm"])
        self.ended: list[str] = []
        self.containment = Containment(lambda principal, actor, message: self.ended.append(principal) or 0)  # type: ignore[func-returns-value]
        self.service = WatchService(
            store, self.watcher, self.trail, self.containment,  # type: ignore[arg-type]
            routes={}, metrics=self.metrics, owner="me", rhythm=Rhythm(0.01),
        )  # fmt: skip

    async def until(self, condition: Callable[[], bool]) -> None:
        running = asyncio.ensure_future(self.service.run())
        for _ in range(500):
            if condition():
                break
            await asyncio.sleep(0.01)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        assert condition()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await Store.open(tmp_path / "s")
    yield made
    await made.close()


def batch(*seqs: int, **changes: Any) -> Batch:
    return Batch(1, 10, tuple(finding(n, **changes) for n in seqs), AT)


async def test_from_finding_to_record_and_metrics(store: Store) -> None:
    house = House(store, batch(1, 2), batch(3, key="other"))
    await house.until(lambda: len(house.trail.events) == 3 and bool(house.service.figures().incidents))
    assert [(name, m["incident"], m["detail"]) for name, m in house.trail.events] == [
        ("incident_changed", 1, "opened"), ("incident_changed", 1, "joined"), ("incident_changed", 2, "opened"),
    ]  # fmt: skip
    text = house.metrics.exposition().decode()
    assert 'menshen_findings_total{detector="bulk_export",drill="no",severity="high"} 3.0' in text
    assert 'menshen_incidents{department="support",drill="no",severity="high",state="open"} 2.0' in text
    assert house.service.figures().records == 20


async def test_a_finding_is_not_delivered_before_it_is_stored(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(store, batch(1))
    real, failures = store.admit, 0

    async def admit(*arguments: Any, **named: Any) -> Any:
        nonlocal failures
        failures += 1
        if failures == 1:
            raise StoreUnavailable("away")
        return await real(*arguments, **named)

    monkeypatch.setattr(store, "admit", admit)
    await house.until(lambda: not house.watcher.batches)
    assert failures == 2
    assert len(await store.incidents()) == 1


async def test_a_detector_that_contains_ends_sessions_and_logins(store: Store) -> None:
    house = House(store, batch(1, contain=True))
    await house.until(lambda: bool(house.ended))
    with pytest.raises(Suspended):
        house.containment.check("crm_app", None)
    await house.service.act(1, Action.LIFT, who="zhou", why="known job")
    house.containment.check("crm_app", None)
    again = House(store)
    await house.service.act(1, Action.CONTAIN, who="zhou", why="no, it was not")
    await again.service.prepare()
    with pytest.raises(Suspended):
        again.containment.check("crm_app", None)


async def test_changes_wait_for_the_trail(store: Store) -> None:
    house = House(store, batch(1))
    house.trail.broken = True
    await house.until(lambda: not house.watcher.batches)
    assert len(await store.unrecorded()) == 1
    house.trail.broken = False
    await house.until(lambda: bool(house.trail.events))
    assert await store.unrecorded() == []


async def test_honey_reaches_the_detectors(store: Store) -> None:
    house = House(store)
    await house.service.plant([Honey("crm:t.a/17", "17", (), AT, "zhou"), Honey("crm:t.a/x", "ab12", (), AT, "zhou")])
    assert house.watcher.planted == [17, "ab12"]
    later = House(store)
    await later.service.prepare()
    assert later.watcher.planted == [17, "ab12"]


async def test_the_end_of_a_drill_closes_its_incidents_and_keeps_its_times(store: Store) -> None:
    house = House(store)
    await house.service.start_drill(Drill("d1", "honey", "crm_app", drill_until(2**52, 60)))
    await house.service.admit([finding(1, drill=True)])
    await house.service.end_drill("d1", {"kind": "honey", "seconds_to_page": 1.5, "seconds_to_detect": None})
    assert await store.incidents() == []
    assert 'menshen_drill_duration_seconds{drill="honey",step="page"} 1.5' in house.metrics.exposition().decode()
    assert [name for name, _ in house.trail.events] == ["drill_started", "drill_ended"]


async def test_a_clock_that_jumps_and_a_watch_that_lags_are_recorded(store: Store) -> None:
    now = [2_000_000_000_000_000]
    house = House(store)
    house.service._clock = house.service._reading._clock = lambda: now[0]  # type: ignore[union-attr]
    house.service._own_health()
    house.trail.events.clear()
    now[0] += 3600 * 1_000_000
    assert house.service._reading is not None
    house.service._reading._behind, house.service._reading._read_at = True, AT
    house.service._own_health()
    house.service._own_health()
    assert [name for name, _ in house.trail.events] == ["clock_jumped", "watch_behind"]
    assert house.trail.events[0][1]["seconds"] == 3600


async def test_history_is_learned_and_not_told(store: Store) -> None:
    house = House(store, batch(1, at="2026-03-01T00:00:00.000000Z"), batch(2, key="k2"))
    house.service._reading._began = AT  # type: ignore[union-attr]
    await house.until(lambda: not house.watcher.batches)
    assert [one.key for one in await store.incidents()] == ["k2"]


async def test_stopping_closes_the_watcher(tmp_path: Path) -> None:
    house = House(await Store.open(tmp_path / "t"))
    await house.service.stop()
    assert house.watcher.closed
