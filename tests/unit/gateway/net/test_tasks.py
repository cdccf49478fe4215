from __future__ import annotations

import asyncio

import pytest

from gateway.net.tasks import Tasks


async def test_failures_are_logged_and_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise RuntimeError("boom")

    tasks = Tasks()
    tasks.start(fail(), name="the one that fails")
    await tasks.join()
    await asyncio.sleep(0)
    assert len(tasks) == 0
    assert "the one that fails" in caplog.text


async def test_cancel_ends_all() -> None:
    tasks = Tasks()
    started = [tasks.start(asyncio.sleep(60), name=str(n)) for n in range(3)]
    await tasks.cancel()
    assert all(task.cancelled() for task in started)
    await asyncio.sleep(0)
    assert len(tasks) == 0
