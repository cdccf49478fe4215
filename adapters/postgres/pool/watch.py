"""Listens on a connection that nobody uses: it may tell parameters and notices, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from adapters.postgres.wire import responses
from adapters.postgres.wire.framing import FrameBuffer
from gateway.errors import ProtocolViolation

_LIMIT = 64 * 1024
_PARAMETER, _NOTICE = b"SN"


class Watch(asyncio.Protocol):
    """`parameters` is kept true; `gone` is called, perhaps more than once, when the connection cannot be used again."""

    def __init__(self, parameters: dict[str, str], gone: Callable[[], None]) -> None:
        self._parameters = parameters
        self._gone = gone
        self._frames = FrameBuffer(_LIMIT)

    def data_received(self, data: bytes) -> None:
        self._frames.feed(data)
        try:
            for kind, body in self._frames:
                if kind == _PARAMETER:
                    name, value = responses.decode_parameter_status(body)
                    self._parameters[name] = value
                elif kind != _NOTICE:
                    self._gone()
        except ProtocolViolation:
            self._gone()

    def rest(self) -> bytes:
        """The beginning of a message whose rest has not come."""
        return self._frames.rest()

    def eof_received(self) -> bool:
        self._gone()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone()
