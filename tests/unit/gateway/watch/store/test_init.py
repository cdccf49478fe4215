"""One transaction, one writer, one file: what holds for all of the store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from gateway.watch.incidents import State
from gateway.watch.sql import StoreUnavailable
from gateway.watch.store import Event, Message, Store
from tests.support.findings import AT, finding
from tests.support.incidents import NOW, admit, opened_to_a


async def test_what_fails_half_way_leaves_nothing(store: Store) -> None:
    def fails(event: Event) -> Iterable[Message]:
        if event.change.kind == "joined":
            raise RuntimeError("in the middle")
        return opened_to_a(event)

    with pytest.raises(RuntimeError):
        await store.admit([finding(1), finding(2)], at=AT, now=NOW, plan=fails)
    assert await store.incidents() == []
    assert await store.claim("me", NOW, NOW + 1, "a") == []
    assert [event.change.kind for event in await admit(store, 1, 2)] == ["opened", "joined"]


async def test_concurrent_writers_number_incidents_without_gaps(store: Store) -> None:
    await asyncio.gather(*(admit(store, n, key=f"k{n}") for n in range(8)))
    assert [one.number for one in await store.incidents()] == [8, 7, 6, 5, 4, 3, 2, 1]


async def test_it_is_all_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "incidents.sqlite3"
    first = await Store.open(path)
    await admit(first, 1, contain=True)
    await first.close()
    assert path.stat().st_mode & 0o077 == 0
    second = await Store.open(path)
    assert (await second.get(1)).state is State.CONTAINED
    assert len(await second.suspensions()) == 1
    await second.close()


async def test_a_store_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await Store.open(tmp_path / "none" / "incidents.sqlite3")
    with pytest.raises(StoreUnavailable) as refused:
        await Store.open(tmp_path / "x", "postgresql://u:secret@127.0.0.1:1/db")
    assert "secret" not in str(refused.value)
