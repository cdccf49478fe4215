"""The demo's flow around a stand-in for the gateway: what it starts it stops, and the second start is quick."""

from __future__ import annotations

import http.server
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from adapters.postgres.demo.demo import Options, run


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="menshen-demo-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


class Stand:
    """Answers /readyz, remembers what it could see, and ends by itself."""

    def __init__(self, stop_after: float = 0.3) -> None:
        self.count = -1
        self.stop_after = stop_after

    def __call__(self, config: Path) -> int:
        tree = tomllib.loads(config.read_text())
        with psycopg.connect(tree["databases"]["crm"]["dsn"]) as connection:
            row = connection.execute("SELECT count(*) FROM crm.customers").fetchone()
            assert row is not None
            self.count = row[0]
        server = http.server.HTTPServer(("127.0.0.1", tree["http"]["port"]), _Ready)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        time.sleep(self.stop_after)
        server.shutdown()
        server.server_close()
        return 0


class _Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def _run(folder: Path, stand: Stand, **more: object) -> tuple[int, str]:
    out = io.StringIO()
    options = Options(folder=folder / "state", customers=40, port=0, http_port=0, **more)  # type: ignore[arg-type]
    before = [(order, signal.getsignal(order)) for order in (signal.SIGINT, signal.SIGTERM)]
    try:
        return run(options, stand, Console(file=out, width=80)), out.getvalue()
    finally:
        for order, handler in before:
            signal.signal(order, handler)


def test_it_fills_serves_prints_and_stops(folder: Path) -> None:
    stand = Stand()
    code, text = _run(folder, stand)
    assert (code, stand.count) == (0, 40)
    assert "PGPASSWORD=" in text
    commands = [line for line in (folder / "state" / "lines.sh").read_text().splitlines() if line.startswith("PG")]
    assert all(command in text for command in commands), "a command was wrapped"
    assert not (folder / "state" / "pgdata" / "postmaster.pid").exists()


def test_the_second_start_keeps_the_data_and_is_quick(folder: Path) -> None:
    _run(folder, Stand())
    began = time.monotonic()
    code, text = _run(folder, Stand(stop_after=0))
    assert code == 0
    assert time.monotonic() - began < 5
    assert "from an earlier run" in text


def test_data_that_cannot_be_used_is_made_anew(folder: Path) -> None:
    _run(folder, Stand())
    (folder / "state" / "secrets.json").unlink()
    stand = Stand()
    code, text = _run(folder, stand)
    assert (code, stand.count) == (0, 40)
    assert "making it anew" in text


def test_fresh_forgets(folder: Path) -> None:
    _run(folder, Stand())
    _, text = _run(folder, Stand(), fresh=True)
    assert "from an earlier run" not in text


def test_ctrl_c_and_sigterm_stop_all_and_a_second_demo_is_told(folder: Path) -> None:
    code = (
        "import sys, time, pathlib; from adapters.postgres.demo.demo import *;"
        "o = Options(folder=pathlib.Path(sys.argv[1]), customers=20, port=0, http_port=0);"
        "sys.exit(run(o, lambda c: (print('serving', flush=True), time.sleep(60))[0] or 0))"
    )
    for order in (signal.SIGINT, signal.SIGTERM):
        command = [sys.executable, "-c", code, str(folder / "state")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
            assert demo.stdout is not None
            for line in demo.stdout:
                if "serving" in line:
                    break
            second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
            assert second.returncode == 2
            assert "another demo runs" in " ".join(second.stdout.split())
            os.kill(demo.pid, order)
            assert demo.wait(15) == 0
        assert not (folder / "state" / "pgdata" / "postmaster.pid").exists()


def test_json_is_one_document(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    options = Options(folder=folder / "state", customers=20, port=0, http_port=0, as_json=True)
    before = [(order, signal.getsignal(order)) for order in (signal.SIGINT, signal.SIGTERM)]
    run(options, Stand(stop_after=0.5))
    for order, handler in before:
        signal.signal(order, handler)
    document = json.loads(capfd.readouterr().out)
    assert {line["principal"] for line in document["lines"]} >= {"crm_app", "dba_chen"}
