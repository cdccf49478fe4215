"""From a breach's last row to the webhook of whoever is on call, through the shipped files of Prometheus and Alertmanager."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
import pytest

from tests.support.gateway import Gateway
from tests.support.monitoring import Alertmanager, Prometheus, Receiver, found, wait_for
from tests.support.needs import need

TARGET_SECONDS = 10.0


def test_a_burst_of_denials_reaches_who_is_on_call(gateway: Gateway, tmp_path: Path) -> None:
    need(found("prometheus"), "prometheus")
    need(found("alertmanager", "prometheus-alertmanager"), "prometheus-alertmanager")
    with Receiver() as receiver, Alertmanager(tmp_path / "alertmanager", receiver.url) as alertmanager:
        address = f"127.0.0.1:{alertmanager.port}"
        with Prometheus(
            tmp_path / "prometheus", [f"127.0.0.1:{gateway.http_port}"], alertmanager=address
        ) as prometheus:
            _denied(gateway, 1)
            wait_for(
                lambda: prometheus.ask('menshen_department_statements_total{verdict="deny"}'),
                timeout=20,
                why="a first denial",
            )
            time.sleep(2.5)
            assert not receiver.alerts("MenshenDenialBurst")
            _denied(gateway, 60)
            ended = time.monotonic()
            alerts = wait_for(lambda: receiver.alerts("MenshenDenialBurst"), timeout=40, why="a page")
            took = alerts[0][0] - ended
            print(f"\nfrom the last denial to the page through Prometheus and Alertmanager: {took:.1f} s")
            alert = alerts[0][1]
            assert alert["labels"]["department"] == "support"
            assert alert["labels"]["severity"] == "high"
            assert "部门 support" in alert["annotations"]["summary_zh"]
            assert "support_app" not in str(receiver.got)
            wait_for(
                lambda: receiver.alerts("MenshenWatchdog", "heartbeat"),
                timeout=30,
                why=f"the heartbeat, not only {[(n, d['alerts'][0]['labels']) for _, n, d in receiver.got]}",
            )
            assert took <= TARGET_SECONDS


def _denied(gateway: Gateway, times: int) -> None:
    with psycopg.connect(gateway.dsn("support_app"), autocommit=True) as connection:
        for _ in range(times):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT balance FROM crm.customers")
