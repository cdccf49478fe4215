"""A cancel reaches the statement that it means, over TLS too, and never the next one on the same connection."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.postgres.pool.pool import PoolRules
from adapters.postgres.pool.reset import CLEAN
from adapters.postgres.wire import startup
from tests.support.certificates import self_signed
from tests.support.needs import need
from tests.support.postgres import Postgres, debian_programs
from tests.support.rawpg import RawClient, query
from tests.system.wire.conftest import GatewayThread, StartGateway

CANCELS = 100


def cancel(gateway: GatewayThread, key: tuple[int, bytes]) -> None:
    with RawClient(gateway.port) as other:
        other.send(startup.encode_cancel(*key))
        assert other.receive() is None


def test_a_hundred_cancels_race_the_next_user_of_the_connection(start_gateway: StartGateway) -> None:
    """One connection to the database, which clients have in turn; each leaves as its cancel is on its way."""
    gateway = start_gateway(pool=PoolRules(size=1, idle=1, wait_seconds=15))
    backends = set()
    for number in range(CANCELS):
        with gateway.raw() as client:
            backends.add(client.key[0])
            client.send(query("SELECT pg_sleep(0.005)"))
            racing = threading.Thread(target=cancel, args=(gateway, client.key))
            racing.start()
            time.sleep(0.0001 * (number % 30))
        with gateway.raw() as after:
            backends.add(after.key[0])
            after.talk(query("SELECT pg_sleep(0.01)"), "T D C Z:I")
        racing.join(10)
    assert len(backends) < CANCELS / 2, "connections were used again"


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[Postgres]:
    """A server that takes nothing but TLS over the network."""
    programs = debian_programs()
    need(programs, "Debian's PostgreSQL")
    folder = tmp_path / "server"
    folder.mkdir(mode=0o755)
    for part in (tmp_path, *tmp_path.parents[:3]):
        with contextlib.suppress(PermissionError):
            part.chmod(part.stat().st_mode | 0o755)
    server = Postgres(folder, programs=programs)
    server.start()
    try:
        data = server.embedded.data
        owner = data.stat()
        for path in self_signed(data, "server", datetime.now(UTC) + timedelta(days=30)):
            path.chmod(0o600)
            shutil.chown(path, owner.st_uid, owner.st_gid)
        (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n")
        with (data / "postgresql.auto.conf").open("a") as settings:
            settings.write("ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n")
        server.stop()
        server.embedded.start()
        yield server
    finally:
        server.stop()


def test_a_cancel_goes_to_the_database_over_tls(start_gateway: StartGateway, encrypted: Postgres) -> None:
    """`sslmode=require` for the session holds for its cancel: the server would not take another one."""
    gateway = GatewayThread(f"{encrypted.dsn()}?sslmode=require").start()
    try:
        with gateway.raw() as client:
            client.talk(query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), "T D:t C Z:I")
            client.send(query("SELECT pg_sleep(30)"))
            time.sleep(0.3)
            cancel(gateway, client.key)
            client.talk(b"", "T E:57014 Z:I")
    finally:
        gateway.stop()


def test_a_client_that_is_gone_as_soon_as_it_asked_holds_up_nobody(start_gateway: StartGateway) -> None:
    """Its cancel may reach the database before its statement does, and is lost then: it is sent again."""
    gateway = start_gateway(pool=PoolRules(size=1, idle=1, wait_seconds=15))
    for _ in range(30):
        with gateway.raw() as client:
            client.send(query("SELECT pg_sleep(60)"))
        with gateway.raw() as after:
            after.talk(query("SELECT 1"), "T D:1 C Z:I")
    resets = gateway.call(gateway.server.pools)["app"].resets
    assert CLEAN in resets
    assert "timeout" not in resets, resets
