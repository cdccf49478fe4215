"""What the pool did is in the metrics."""

from __future__ import annotations

import re
import time
from pathlib import Path

import psycopg

from tests.support.gateway import Gateway
from tests.support.postgres import Database
from tests.system.gateway.conftest import SCHEMA, connect


def _pool(gateway: Gateway) -> dict[str, int]:
    pattern = r'^menshen_pool_(\w+)\{database="crm"(?:,(?:verdict|reason)="(\w+)")?\} (\d+)\.0$'
    return {
        f"{name} {word}".strip(): int(n)
        for name, word, n in re.findall(pattern, gateway.http("/metrics")[1], re.MULTILINE)
    }


def test_what_is_reused_cleaned_and_closed_is_counted(tmp_path: Path, bundle: Path, database: Database) -> None:
    database.execute(SCHEMA)
    settings = {"databases": {"crm": {"pool": {"mode": "session", "size": 3, "idle": 1}}}}
    with Gateway(tmp_path / "gw", {"crm": database.dsn}, policies=bundle, settings=settings) as gateway:
        for _ in range(3):
            with connect(gateway, "desk_app") as session:
                session.execute("SET application_name = 'one of three'")
            deadline = time.monotonic() + 20
            while _pool(gateway)["idle_connections"] != 1:
                assert time.monotonic() < deadline, _pool(gateway)
                time.sleep(0.05)
        found = _pool(gateway)
        assert (found["opened_total"], found["reused_total"], found["resets_total clean"]) == (1, 2, 3)
        assert (found["connections"], found["limit_connections"], found["waiting_clients"]) == (1, 3, 0)
        with psycopg.connect(database.dsn, autocommit=True) as owner:
            owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        deadline = time.monotonic() + 20
        while _pool(gateway).get("closed_total lost") != 1:
            assert time.monotonic() < deadline, _pool(gateway)
            time.sleep(0.05)
        assert _pool(gateway)["idle_connections"] == 0
