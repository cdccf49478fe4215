"""A connection waits for the cancels that were decided, and remembers the doubtful ones."""

from __future__ import annotations

import asyncio

from adapters.postgres.pool.cancels import Cancels


async def test_it_is_settled_when_the_last_one_has_ended() -> None:
    cancels = Cancels()
    assert await cancels.settled()
    cancels.begin()
    cancels.begin()
    waiting = asyncio.ensure_future(cancels.settled())
    await asyncio.sleep(0)
    cancels.end(certain=True)
    await asyncio.sleep(0)
    assert not waiting.done()
    cancels.end(certain=True)
    assert await waiting


async def test_a_doubtful_one_is_not_forgotten() -> None:
    cancels = Cancels()
    cancels.begin()
    cancels.end(certain=False)
    cancels.begin()
    cancels.end(certain=True)
    assert not await cancels.settled()
