"""The catalogue is read at the start, on request and on an interval; a database that is down is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from gateway.errors import UpstreamUnavailable
from gateway.upkeep import catalogue as module
from gateway.upkeep.catalogue import CatalogueKeeper


class Fake:
    def __init__(self) -> None:
        self.reads = 0
        self.pings = 0
        self.down = False
        self.closed = False

    async def read(self) -> int:
        await asyncio.sleep(0.001)
        self._ask()
        self.reads += 1
        return self.reads

    async def ping(self) -> None:
        self._ask()
        self.pings += 1

    def _ask(self) -> None:
        if self.down:
            raise UpstreamUnavailable("the database refuses connections")

    async def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PROBE_SECONDS", 0.02)
        patch.setattr(module, "FIRST_RETRY_SECONDS", 0.01)
        yield


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def test_it_is_read_at_the_start_and_the_database_is_asked_from_then_on() -> None:
    source, seen = Fake(), list[int]()
    keeper = CatalogueKeeper("crm", source, seen.append, 0.0)
    assert not keeper.fresh
    task = asyncio.create_task(keeper.run())
    await until(lambda: source.pings >= 2)
    assert seen == [1]
    assert keeper.fresh
    assert keeper.trouble == ""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert source.closed


async def test_a_database_that_is_down_is_tried_until_it_comes() -> None:
    source, seen = Fake(), list[int]()
    source.down = True
    keeper = CatalogueKeeper("crm", source, seen.append, 0.0)
    task = asyncio.create_task(keeper.run())
    await until(lambda: keeper.counts["failed"] >= 2)
    assert keeper.trouble == "the database refuses connections"
    assert not keeper.fresh
    source.down = False
    await until(lambda: seen)
    await until(lambda: keeper.trouble == "")
    source.down = True
    await until(lambda: keeper.trouble)
    assert keeper.fresh, "the last snapshot still serves"
    task.cancel()


async def test_a_refresh_is_a_reading_that_begins_after_it_was_asked() -> None:
    source = Fake()
    keeper = CatalogueKeeper("crm", source, lambda _: None, 0.0)
    task = asyncio.create_task(keeper.run())
    await until(lambda: source.reads == 1)
    await asyncio.gather(*(keeper.refresh() for _ in range(20)))
    assert source.reads == 2, "those who ask at the same time share a reading"
    source.down = True
    with pytest.raises(UpstreamUnavailable):
        await keeper.refresh()
    task.cancel()


async def test_the_interval() -> None:
    source = Fake()
    keeper = CatalogueKeeper("crm", source, lambda _: None, 0.03)
    task = asyncio.create_task(keeper.run())
    await until(lambda: source.reads >= 3)
    task.cancel()


async def test_an_old_reading_is_not_fresh() -> None:
    now = 100.0
    keeper = CatalogueKeeper("crm", Fake(), lambda _: None, 60.0, clock=lambda: now)
    task = asyncio.create_task(keeper.run())
    await until(lambda: keeper.fresh)
    task.cancel()
    now += 181
    assert not keeper.fresh
