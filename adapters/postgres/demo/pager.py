"""The demo's person on call: a webhook on this machine that says a line for each message.

A real installation names a chat, a pager or a mail address in `[[notify]]`. This shows that the message comes.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

from gateway.watch.notify import KEY_HEADER

_MAX_BYTES: Final = 100_000


class Pager:
    """Listens on a free port from construction on; answers as a context."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` gets one line for each message, in a thread of its own."""
        self._say = say
        self._keys: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """For `[[notify]]`."""
        return f"json://127.0.0.1:{self.port}/page"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="demo-pager", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, key: str, body: bytes) -> bool:
        """One message; False: it is none. What comes again under its key is not said again."""
        try:
            title = json.loads(body)["title"]
        except (ValueError, KeyError, TypeError):
            return False
        if not key or key not in self._keys:
            self._keys.add(key)
            self._say(" ".join(str(title).split()))
        return True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self.take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = self.headers.get("Content-Length", "")
                good = size.isdigit() and int(size) <= _MAX_BYTES
                good = good and take(self.headers.get(KEY_HEADER, ""), self.rfile.read(int(size)))
                self.send_response(204 if good else 400)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing goes to stderr."""

        return Handler
