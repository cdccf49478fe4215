"""What comes at odd moments, or not at all: a tap between gateway and database says what it likes, or falls silent."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.postgres.dsn import parse_dsn
from adapters.postgres.server import ServerLimits
from adapters.postgres.session.channel import Limits
from adapters.postgres.wire.framing import frame
from adapters.postgres.wire.requests import SYNC
from tests.support.postgres import Database
from tests.support.rawpg import bind, describe, execute, parse, query
from tests.system.wire.conftest import GatewayThread, StartGateway

NOTICE = frame(b"N", b"SNOTICE\0VNOTICE\0C00000\0M\xe9\x97\xa8\xe7\xa5\x9e\0\0")


class Tap:
    """Passes on bytes both ways; `say` adds some towards the gateway between two answers."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.clients: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                self.clients.append(client)
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def say(self, data: bytes) -> None:
        self.clients[-1].sendall(data)

    def close(self) -> None:
        for one in (self._listening, *self.clients):
            one.close()


@pytest.fixture
def tap(dsn: str) -> Iterator[Tap]:
    made = Tap(parse_dsn(dsn).hosts[0][1])
    yield made
    made.close()


@pytest.fixture
def tapped(tap: Tap, database: Database) -> Iterator[GatewayThread]:
    gateway = GatewayThread(f"postgresql://postgres@127.0.0.1:{tap.port}/{database.name}?sslmode=disable").start()
    yield gateway
    gateway.stop()


def test_notices_arrive_while_the_client_is_idle(tapped: GatewayThread, tap: Tap) -> None:
    """ "Protocol flow": a frontend must be prepared for NoticeResponse at any time, as after a smart shutdown."""
    with tapped.raw() as client:
        client.talk(query("SELECT 1"), "T D:1 C Z:I")
        tap.say(NOTICE)
        assert client.receive() == ("N", NOTICE[5:])
        tap.say(NOTICE[:9])
        time.sleep(0.1)
        tap.say(NOTICE[9:] + NOTICE)
        client.talk(query("SELECT 2"), "N N T D:2 C Z:I")


def test_an_error_while_idle_is_told_and_ends_the_session_where_it_is_fatal(tapped: GatewayThread, tap: Tap) -> None:
    with tapped.raw() as client:
        client.talk(query("SELECT 1"), "T D:1 C Z:I")
        tap.say(frame(b"E", b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"))
        found = client.receive()
        assert found is not None
        assert found[0] == "E"
        assert client.receive() is None


def test_a_database_that_answers_what_nobody_asked_ends_the_session(tapped: GatewayThread, tap: Tap) -> None:
    with tapped.raw() as client:
        client.talk(query("SELECT 1"), "T D:1 C Z:I")
        tap.say(frame(b"D", b"\0\1\0\0\0\6secret"))
        answer = client.receive()
        assert answer is not None
        assert answer[0] == "E"
        assert b"secret" not in answer[1]
        assert client.receive() is None


@pytest.mark.parametrize("way", ["in", "out"])
def test_a_client_that_vanishes_in_the_middle_of_copy_leaves_nothing(
    gateway: GatewayThread, database: Database, way: str
) -> None:
    database.execute(
        "CREATE TABLE copied (a text); INSERT INTO copied SELECT repeat('x', 1000) FROM generate_series(1, 100000)"
    )
    client = gateway.raw()
    if way == "in":
        client.talk(query("COPY copied FROM STDIN"), "G")
        client.send(frame(b"d", b"new\n") * 1000)
    else:
        client.send(query("COPY copied TO STDOUT"))
        assert client.receive() is not None
    time.sleep(0.2)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.socket.close()
    end = time.monotonic() + 10
    left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    while database.execute(left) != [(0,)] and time.monotonic() < end:
        time.sleep(0.05)
    assert database.execute(left) == [(0,)]
    assert database.execute("SELECT count(*) FROM copied WHERE a = 'new'") == [(0,)]
    assert gateway.server.sessions() == []


def test_a_parameter_of_a_gigabyte_is_refused_within_bounded_memory(start_gateway: StartGateway) -> None:
    """Its length is in its first bytes, and nothing of it is kept."""
    gateway = start_gateway(limits=ServerLimits(session=Limits()))
    status = Path(f"/proc/{os.getpid()}/status")

    def resident() -> int:
        return int(next(line for line in status.read_text().splitlines() if line.startswith("VmRSS")).split()[1])

    with gateway.raw() as client:
        client.talk(parse("SELECT length($1)", "s") + SYNC, "1 Z:I")
        before = resident()
        size = 1 << 30
        head = b"\0s\0\0\0\0\1" + size.to_bytes(4, "big")
        client.send(b"B" + (4 + len(head) + size + 2).to_bytes(4, "big") + head)
        with contextlib.suppress(OSError):  # the gateway has closed
            for _ in range(256):
                client.send(b"x" * (1 << 20))
        assert resident() - before < 32 * 1024  # KiB
        answer = client.receive()
        assert answer is None or b"C08P01" in answer[1]  # a reset may have overtaken it
        with gateway.raw() as other:
            other.talk(query("SELECT 1"), "T D:1 C Z:I")


def test_a_parameter_just_below_the_limit_passes(start_gateway: StartGateway) -> None:
    gateway = start_gateway(limits=ServerLimits(session=Limits(message=20_000_000)))
    with gateway.raw() as client:
        value = "y" * 19_000_000
        client.talk(parse("SELECT length($1)") + bind(value) + describe() + execute() + SYNC, "1 2 T D:19000000 C Z:I")
