"""The same tests for SQLite and for PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.watch.store import Store


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    dsn = request.getfixturevalue("dsn") if request.param == "postgres" else ""
    made = await Store.open(tmp_path / "incidents.sqlite3", dsn)
    yield made
    await made.close()
