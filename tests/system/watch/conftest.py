"""A gateway with the watch, a receiver of its messages, and a bundle whose breach needs few rows."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from adapters.postgres.demo.state import shipped_policies
from tests.support.gateway import Gateway
from tests.support.postgres import Database
from tests.system.gateway.conftest import FILES, SCHEMA

TOKEN = "a token of the tests"
CUSTOMERS = 400


@dataclass
class Receiver:
    """A webhook that keeps what it gets, with the time, and drops what it has by the message's key."""

    pages: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    """What reached a person."""
    repeats: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """What came again under a key that is known, with the key: nobody sees it."""
    keys: set[str] = field(default_factory=set)
    refuse: int = 0
    """So many of the next messages are answered with 503."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/page"

    def take(self, key: str, body: dict[str, Any]) -> None:
        if key in self.keys:
            self.repeats.append((key, body))
        else:
            self.keys.add(key)
            self.pages.append((time.time(), body))

    def titles(self) -> list[str]:
        return [page["title"] for _, page in self.pages]

    def wait(self, count: int, seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while len(self.pages) < count:
            assert time.monotonic() < end, f"{len(self.pages)} of {count} messages came: {self.titles()}"
            time.sleep(0.01)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if receiver.refuse > 0:
                receiver.refuse -= 1
                self.send_response(503)
            else:
                receiver.take(self.headers["Idempotency-Key"], body)
                self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


DETECTORS = """\
detectors:
  bulk_export: {rows: 100, copy_rows: 100}
"""


@pytest.fixture
def gateway(tmp_path: Path, database: Database, receiver: Receiver) -> Iterator[Gateway]:
    database.execute(SCHEMA)
    database.execute(
        f"INSERT INTO app.people SELECT n, '测试' || n, '1380013' || lpad(n::text, 4, '0') FROM generate_series(2, {CUSTOMERS}) n"
    )
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "model.conf").write_bytes((shipped_policies() / "model.conf").read_bytes())
    for name, text in {**FILES, "detectors.yaml": DETECTORS}.items():
        (folder / name).write_text(text, "utf-8")
    made = Gateway(
        tmp_path / "gw",
        {"crm": database.dsn},
        policies=folder,
        settings={
            "http": {"control_token": TOKEN},
            "watch": {"bypass_interval_seconds": 0},
            "notify": [{"name": "oncall", "url": receiver.url, "severity": "medium"}],
        },
    )
    with made:
        yield made
