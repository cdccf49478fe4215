from __future__ import annotations

import socket

from gateway.net import tcp


def test_a_peer_that_vanished_is_found_out_in_minutes() -> None:
    with socket.socket() as sock:
        tcp.tune(sock)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == tcp.IDLE_SECONDS
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == tcp.PROBES
    assert tcp.IDLE_SECONDS + tcp.INTERVAL_SECONDS * tcp.PROBES <= 120


def test_unix_sockets_have_nothing_to_tune() -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        tcp.tune(sock)
