"""Managed mode over a pool: a connection that is kept is used again by the persona whose role it has, and by no other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres import Postgres
from tests.system.managed.conftest import Installed, prepared


@pytest.fixture
def pooled(postgres: Postgres, tmp_path: Path) -> Iterator[Installed]:
    with prepared(postgres, tmp_path, pool={"mode": "session", "size": 6, "idle": 6}) as one:
        one.install("--yes")
        one.gateway.start()
        yield one


def _visit(pooled: Installed, purpose: str, principal: str = "desk_app") -> tuple[int, str, str]:
    """Backend, role and first phone of one session, which leaves something behind."""
    with psycopg.connect(pooled.gateway.dsn(principal, purpose=purpose), autocommit=True) as session:
        row = session.execute(
            "SELECT pg_backend_pid(), (SELECT current_user::text), phone FROM app.people ORDER BY id LIMIT 1"
        ).fetchone()
        session.execute("SET statement_timeout = '7s'")
        session.execute("PREPARE one AS SELECT id FROM app.people")
    assert row is not None
    return row


def _kept(pooled: Installed, count: int) -> None:
    deadline = time.monotonic() + 20
    while f'menshen_pool_idle_connections{{database="db"}} {count}.0' not in pooled.gateway.http("/metrics")[1]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_kept_connection_stays_with_its_persona(pooled: Installed) -> None:
    seen = {}
    for number, (purpose, principal) in enumerate(
        (("care", "desk_app"), ("research", "desk_app"), ("care", "root_app"))
    ):
        seen[purpose, principal] = _visit(pooled, purpose, principal)
        _kept(pooled, number + 1)
    backends = {pid for pid, _, _ in seen.values()}
    assert len(backends) == 3
    assert seen["care", "desk_app"][1:] == (pooled.role(), "138****8000")
    assert seen["research", "desk_app"][1] == pooled.role("research")
    assert seen["research", "desk_app"][2].startswith("p_")
    assert seen["care", "root_app"][1:] == ("postgres", "13800138000")
    for (purpose, principal), before in seen.items():
        assert _visit(pooled, purpose, principal) == before
        _kept(pooled, 3)
