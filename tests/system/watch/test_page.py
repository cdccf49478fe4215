"""From a breach through a real client to the page, and to the end of its sessions."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
import pytest
from psycopg import pq

from tests.support.gateway import Gateway
from tests.support.postgres import Database
from tests.system.gateway.conftest import connect
from tests.system.watch.conftest import Receiver


def until_ended(session: psycopg.Connection[tuple[object, ...]]) -> None:
    """Work on until the session is ended; raises what it ended with, nothing after five seconds."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        session.execute("SELECT 1")
        time.sleep(0.01)


def test_a_bulk_export_is_paged_within_seconds(gateway: Gateway, receiver: Receiver) -> None:
    with connect(gateway, "desk_app") as session:
        rows = session.execute("SELECT id, name, phone FROM app.people").fetchall()
        last_row = time.time()
    assert len(rows) >= 100
    receiver.wait(1)
    at, page = receiver.pages[0]
    print(f"time to page: {at - last_row:.3f} s")
    assert "INC-1" in page["title"]
    assert "desk_app" in page["message"]
    assert "INC-1/opened/oncall" in page["message"]
    assert "1380013" not in str(page)
    assert "测试" not in str(page)


def test_who_leaves_before_the_last_row_is_paged_too(gateway: Gateway, receiver: Receiver) -> None:
    thief = pq.PGconn.connect(gateway.dsn("desk_app").encode())
    thief.send_query(b"SELECT p.id, p.name, p.phone, g FROM app.people p, generate_series(1, 1000) g")
    thief.set_single_row_mode()
    for _ in range(50_000):
        thief.get_result()
    thief.finish()
    receiver.wait(1)
    assert "desk_app" in receiver.titles()[0]


def test_a_refused_message_is_sent_again(gateway: Gateway, receiver: Receiver) -> None:
    receiver.refuse = 2
    with connect(gateway, "desk_app") as session:
        session.execute("SELECT id, name, phone FROM app.people").fetchall()
    receiver.wait(1, 20)
    time.sleep(1.5)
    assert len(receiver.pages) == 1


def test_incidents_in_postgres_suspend_on_every_gateway(
    gateway: Gateway, receiver: Receiver, database: Database, tmp_path: Path
) -> None:
    gateway.stop()
    text = gateway.config.read_text("utf-8")
    gateway.config.write_text(text.replace("[watch]", f'[watch]\nstore_dsn = "{database.dsn}"', 1), "utf-8")
    gateway.start()
    other = Gateway(
        tmp_path / "other",
        {"crm": database.dsn},
        policies=gateway.policies,
        verifiers=False,
        settings={"gateway": {"node": "other"}, "watch": {"store_dsn": database.dsn, "bypass_interval_seconds": 0}},
    )
    other.passwords = gateway.passwords
    with other, connect(other, "desk_app") as elsewhere:
        with connect(gateway, "desk_app") as session:
            session.execute("SELECT id, name, phone FROM app.people").fetchall()
        receiver.wait(1)
        done = gateway.run("incident", "contain", "1", "--why", "a test")
        assert done.returncode == 0, done.stderr
        began = time.monotonic()
        with pytest.raises(psycopg.OperationalError, match="INC-1"):
            until_ended(elsewhere)
        print(f"ended on the other gateway after {time.monotonic() - began:.2f} s")
        with pytest.raises(psycopg.OperationalError, match="INC-1"):
            connect(other, "desk_app")
