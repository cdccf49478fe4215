"""The gateway as a process, without a database: what stops a start, what does not, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from adapters.postgres.demo.embedded import free_port
from tests.support.gateway import Gateway

NOWHERE = "postgresql://menshen:s3cret-word@127.0.0.1:1/crm"


def begun(gateway: Gateway) -> subprocess.Popen[bytes]:
    """`menshen serve`, without waiting for readiness: the database is down on purpose."""
    command = [sys.executable, "-m", "gateway.cli", "serve", "--json", "-c", str(gateway.config)]
    with open(gateway.log_file, "wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=gateway.folder)


def ended(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(60)
    finally:
        process.kill()


def wait_for(gateway: Gateway, path: str) -> tuple[int, str]:
    for _ in range(300):
        status, text = gateway.http(path)
        if status:
            return status, text
        time.sleep(0.05)
    raise AssertionError(gateway.log)


def test_it_starts_without_its_database_and_says_so(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, {"crm": NOWHERE}, passwords={"crm_app": "a password"})
    process = begun(gateway)
    try:
        assert wait_for(gateway, "/healthz")[0] == 200
        while (answer := gateway.http("/readyz"))[0] != 503 or not json.loads(answer[1])["checks"]["serving"]["ok"]:
            time.sleep(0.05)
        checks = json.loads(answer[1])["checks"]
        assert checks["policy"]["ok"]
        assert checks["trail"]["ok"]
        assert checks["upstream.crm"] == {"ok": False, "reason": "nothing listens at the address of the database"}
        with pytest.raises(psycopg.OperationalError, match="is not ready") as caught:
            psycopg.connect(gateway.dsn("crm_app", purpose="ticket_resolution"))
        assert "s3cret" not in str(caught.value)
        metrics = gateway.http("/metrics")[1]
        assert 'menshen_upstream_up{database="crm"} 0.0' in metrics
        assert 'menshen_ready{check="upstream.crm"} 0.0' in metrics
        process.send_signal(signal.SIGTERM)
        assert ended(process) == 0
    finally:
        process.kill()
    assert "s3cret" not in gateway.log
    events = [json.loads(line)["event"] for line in gateway.log.splitlines()]
    assert {"event_loop", "policy_loaded", "database_down", "listening", "draining", "stopped"} <= set(events)
    for file in gateway.trail.rglob("*.jsonl"):
        assert json.loads(file.read_bytes().splitlines()[-1])["event"] == "trail_closed"
    assert "gateway_stopped" in [record["event"] for record in gateway.records()]
    for file in ("pseudonym-key", "trail-signing-key.pem"):
        assert ((tmp_path / "state" / file).stat().st_mode & 0o777) == 0o600


def test_a_bad_bundle_stops_the_start(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, {"crm": NOWHERE})
    (gateway.policies / "rules.csv").write_text("p, nobody, nothing\n")
    assert ended(begun(gateway)) == 2
    assert "rules.csv" in gateway.log
    assert '"line": 1' in gateway.log


def test_a_taken_port_stops_the_start(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, {"crm": NOWHERE})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", gateway.port))
        taken.listen()
        assert ended(begun(gateway)) == 2
    assert f"cannot listen on 127.0.0.1:{gateway.port}" in gateway.log


def test_a_second_gateway_on_the_same_trail_is_refused(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path, {"crm": NOWHERE})
    first = begun(gateway)
    try:
        wait_for(gateway, "/healthz")
        text = gateway.config.read_text()
        gateway.config.write_text(text.replace(f"port = {gateway.http_port}", f"port = {free_port()}"))
        assert ended(begun(gateway)) == 2
        assert "another process writes the trail" in gateway.log
    finally:
        first.terminate()
        ended(first)
