"""Protocol 3.2 of PostgreSQL 18 and what a client may ask beyond it; long cancel keys on both sides."""

from __future__ import annotations

import struct
import time

import psycopg
import pytest

from adapters.postgres.wire import startup
from tests.support.rawpg import RawClient, query
from tests.support.stub_planner import StubPlanner
from tests.system.wire.conftest import PASSWORD, GatewayThread, StartGateway


def cancel(gateway: GatewayThread, key: tuple[int, bytes]) -> None:
    with RawClient(gateway.port) as other:
        other.send(startup.encode_cancel(*key))
        assert other.receive() is None


@pytest.mark.parametrize(("asked", "length"), [(0x30000, 4), (0x30002, 32)])
def test_a_version_that_is_spoken_needs_no_negotiation(gateway: GatewayThread, asked: int, length: int) -> None:
    with RawClient(gateway.port).login("tester", PASSWORD, "app", protocol=asked) as c:
        assert c.negotiated == []
        assert len(c.key[1]) == length
        c.talk(query("SELECT 1"), "T D:1 C Z:I")


@pytest.mark.parametrize(
    ("asked", "options", "answer"),
    [
        (0x30063, {}, (0x30002, ())),
        (0x30000, {"_pq_.x": "1"}, (0x30000, (b"_pq_.x",))),
        (0x30002, {"_pq_.x": "1", "_pq_.y": ""}, (0x30002, (b"_pq_.x", b"_pq_.y"))),
    ],
)
def test_what_is_not_spoken_is_negotiated_once_and_before_authentication(
    gateway: GatewayThread, asked: int, options: dict[str, str], answer: tuple[int, tuple[bytes, ...]]
) -> None:
    version, unknown = answer
    body = struct.pack("!ii", version, len(unknown)) + b"".join(name + b"\0" for name in unknown)
    with RawClient(gateway.port) as c:
        c.send(startup.encode_startup({"user": "tester", "database": "app", **options}, asked))
        assert c.receive() == ("v", body)
        found = c.receive()
        assert found is not None
        assert found[0] == "R"
    with RawClient(gateway.port).login("tester", PASSWORD, "app", protocol=asked, **options) as c:
        assert c.negotiated == [body]


def test_another_major_version_is_refused(gateway: GatewayThread) -> None:
    with RawClient(gateway.port) as c:
        c.send(startup.encode_startup({"user": "tester"}, 0x20000))
        assert c.token() == "E:0A000"
        assert c.token() == "EOF"


@pytest.mark.parametrize("upstream", ["3.0", "3.2"])
@pytest.mark.parametrize("client", [0x30000, 0x30002])
def test_keys_of_either_length_cancel_whatever_the_other_side_speaks(
    start_gateway: StartGateway, dsn: str, upstream: str, client: int
) -> None:
    gateway = start_gateway(f"{dsn}?max_protocol_version={upstream}")
    with RawClient(gateway.port).login("tester", PASSWORD, "app", protocol=client) as c:
        c.send(query("SELECT pg_sleep(20)"))
        time.sleep(0.2)
        pid, secret = c.key
        for wrong in (
            secret[:-1] + bytes([secret[-1] ^ 1]),
            secret[:4] if len(secret) > 4 else secret * 8,
            b"\0" * 256,
        ):
            cancel(gateway, (pid, wrong))
        cancel(gateway, (pid + 1, secret))
        c.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            c.receive()
        c.socket.settimeout(10)
        cancel(gateway, c.key)
        found = c.token()
        assert (found if found != "T" else c.token()) == "E:57014"
        assert c.token() == "Z:I"


def test_libpq_cancels_with_a_long_key(start_gateway: StartGateway, dsn: str) -> None:
    gateway = start_gateway(f"{dsn}?max_protocol_version=latest", planner=StubPlanner(unrestricted=False))
    options = {"dbname": "app"}
    if psycopg.pq.version() >= 180000:
        options["max_protocol_version"] = "latest"
    with psycopg.connect(**gateway.conninfo, **options) as c:
        c.execute("SET statement_timeout = '20s'")
        c.execute("SELECT 1")
        c.cancel_safe()
        assert c.execute("SELECT 1").fetchone() == (1,)


def test_the_process_id_of_a_key_is_the_databases_own(gateway: GatewayThread) -> None:
    """Drivers compare it with those of notifications, and terminate by it."""
    with psycopg.connect(**gateway.conninfo, dbname="app", autocommit=True) as c:
        assert c.execute("SELECT pg_backend_pid()").fetchone() == (c.info.backend_pid,)
        c.execute("LISTEN news")
        c.execute("NOTIFY news, 'here'")
        (heard,) = c.notifies(timeout=5, stop_after=1)
        assert (heard.pid, heard.payload) == (c.info.backend_pid, "here")
