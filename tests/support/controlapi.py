"""A stand-in for the control API of a gateway: answers what it was told to, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from adapters.postgres.demo.state import shipped_policies

TOKEN = "0123456789abcdef"

_CONFIG = """\
[gateway]
state_dir = "state"
[policy]
path = {policies}
[http]
port = {port}
control_token = "{token}"
[[listen]]
port = 6432
[databases.crm]
dsn = "postgresql://u:p@127.0.0.1:1/crm"
"""


@dataclass
class ControlApi:
    """`answers`: by `METHOD /path`, a document, or (status, bytes)."""

    config: Path
    port: int
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def answer(self, call: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append((call, json.loads(body) if body else None))
        found = self.answers.get(call, (404, b""))
        return found if isinstance(found, tuple) else (200, json.dumps(found).encode())


@contextmanager
def control_api(folder: Path, answers: dict[str, Any]) -> Iterator[ControlApi]:
    """One that listens, with a configuration that leads to it and to the worked example of a bundle."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            api.tokens.add(self.headers.get("Authorization", ""))
            status, body = api.answer(f"{self.command} {self.path}", self.rfile.read(size))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    (folder / "state").mkdir()
    config = folder / "menshen.toml"
    port = int(server.server_address[1])
    config.write_text(_CONFIG.format(policies=json.dumps(str(shipped_policies())), port=port, token=TOKEN), "utf-8")
    api = ControlApi(config, port, answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
