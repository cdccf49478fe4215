"""From a breach's last row to the webhook of whoever is on call, through the shipped files of Prometheus and Alertmanager."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.gateway import Gateway
from tests.support.monitoring import Alertmanager, Prometheus, Receiver, found, wait_for
from tests.support.needs import need


@pytest.fixture
def watched(gateway: Gateway, receiver: Receiver, tmp_path: Path) -> Iterator[Prometheus]:
    """Prometheus over the gateway, and an Alertmanager that tells the receiver."""
    need(found("prometheus"), "prometheus")
    need(found("alertmanager", "prometheus-alertmanager"), "prometheus-alertmanager")
    with Alertmanager(tmp_path / "alertmanager", receiver.url) as alertmanager:
        address = f"127.0.0.1:{alertmanager.port}"
        targets = [f"127.0.0.1:{gateway.http_port}"]
        with Prometheus(tmp_path / "prometheus", targets, alertmanager=address) as prometheus:
            wait_for(lambda: receiver.alerts("MenshenWatchdog", "heartbeat"), timeout=30, why="the heartbeat")
            yield prometheus


def test_a_bulk_export_reaches_who_is_on_call_both_ways(
    gateway: Gateway, receiver: Receiver, watched: Prometheus
) -> None:
    wait_for(lambda: watched.ask("menshen_watch_running == 1"), timeout=10, why="the watch runs")
    with psycopg.connect(gateway.dsn("auditor"), autocommit=True) as connection:
        rows = connection.execute("SELECT id, full_name, phone FROM crm.customers").fetchall()
        ended = time.monotonic()
    assert len(rows) >= 8
    alerts = wait_for(lambda: receiver.alerts("MenshenIncidentOpen"), timeout=40, why="a page", every=0.02)
    took = alerts[0][0] - ended
    direct = next(at for at, name, _ in receiver.got if name == "page") - ended
    print(
        f"\nfrom the last row: {direct:.2f} s (target 2) to the direct page, {took:.1f} s (target 10) through Prometheus"
    )
    alert = alerts[0][1]
    assert alert["labels"]["department"] == "legal"
    assert alert["labels"]["drill"] == "no"
    assert "部门 legal" in alert["annotations"]["summary_zh"]
    assert "王芳" not in str(receiver.got)
    assert "auditor" not in str([document for _, name, document in receiver.got if name != "page"])


def test_a_burst_of_denials_reaches_who_is_on_call(gateway: Gateway, receiver: Receiver, watched: Prometheus) -> None:
    _denied(gateway, 1)
    denied = 'menshen_department_statements_total{verdict="deny"}'
    wait_for(lambda: watched.ask(denied), timeout=20, why="a first denial")
    time.sleep(2.5)
    assert not receiver.alerts("MenshenDenialBurst")
    _denied(gateway, 60)
    ended = time.monotonic()
    alerts = wait_for(lambda: receiver.alerts("MenshenDenialBurst"), timeout=40, why="a page")
    took = alerts[0][0] - ended
    print(f"\nfrom the last denial to the page through Prometheus and Alertmanager: {took:.1f} s (target 10)")
    alert = alerts[0][1]
    assert alert["labels"]["department"] == "support"
    assert alert["labels"]["severity"] == "high"
    assert "部门 support" in alert["annotations"]["summary_zh"]
    assert "support_app" not in str([document for _, name, document in receiver.got if name != "page"])


def _denied(gateway: Gateway, times: int) -> None:
    with psycopg.connect(gateway.dsn("support_app"), autocommit=True) as connection:
        for _ in range(times):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT balance FROM crm.customers")
