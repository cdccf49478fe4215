from __future__ import annotations

import asyncio

import pytest

from adapters.postgres.backend import Backend
from adapters.postgres.dsn import Dsn
from gateway.errors import UpstreamUnavailable


async def test_places_are_limited_and_given_back() -> None:
    backend = Backend("app", Dsn((("h", 1),), "u", "d"), size=1, timeout=1, wait=0.05)
    await backend.acquire()
    with pytest.raises(UpstreamUnavailable) as found:
        await backend.acquire()
    assert found.value.sqlstate == "53300"
    waiting = asyncio.ensure_future(backend.acquire())
    await asyncio.sleep(0)
    assert (backend.open, backend.waiting) == (1, 1)
    backend.release()
    await waiting
    assert (backend.open, backend.waiting) == (1, 0)
