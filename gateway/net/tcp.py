"""Settings of TCP connections, the same in both directions."""

from __future__ import annotations

import socket
from typing import Final

IDLE_SECONDS: Final = 60
"""After this long without a byte the peer is asked whether it is still there."""
INTERVAL_SECONDS: Final = 10
PROBES: Final = 6
"""Unanswered questions after which the connection counts as lost: two minutes, where systems wait two hours."""


def tune(sock: socket.socket) -> None:
    """Small writes leave at once, and a peer that vanished without a word (a half-open connection) is found out.

    A slow reader is not mistaken for one: its system answers also while its window is closed."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", IDLE_SECONDS), ("TCP_KEEPINTVL", INTERVAL_SECONDS), ("TCP_KEEPCNT", PROBES)):
        if (option := getattr(socket, name, None)) is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
