"""A DSN with several hosts: which of them a client gets, and what it notices when one goes away."""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres import Postgres
from tests.system.wire.conftest import GatewayThread, StartGateway


@dataclass(frozen=True)
class Pair:
    """`primary` takes writes; `standby` is in recovery; `reader` is a primary whose transactions are read-only."""

    primary: Postgres
    standby: Postgres
    reader: Postgres

    def dsn(self, *servers: Postgres, **options: str) -> str:
        places = ",".join(f"127.0.0.1:{server.port}" for server in servers)
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"postgresql://postgres@{places}/postgres?{query}"


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="menshen-hosts-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        root.chmod(0o755)
        servers = []
        for name, settings in (
            ("primary", {}),
            ("standby", {"wal_level": "replica"}),
            ("reader", {"default_transaction_read_only": "on"}),
        ):
            (root / name).mkdir(mode=0o755)
            servers.append(Postgres(root / name, settings=settings))
        primary, standby, reader = servers
        try:
            for server in servers:
                server.start()
            # A cluster that waits for more of a log that never comes: in recovery, and open for reading.
            standby.stop()
            signal = standby.embedded.data / "standby.signal"
            signal.touch()
            owner = standby.embedded.data.stat()
            shutil.chown(signal, owner.st_uid, owner.st_gid)
            standby.start()
            yield Pair(primary, standby, reader)
        finally:
            for server in servers:
                server.stop()


def port_of(gateway: GatewayThread) -> int:
    with psycopg.connect(**gateway.conninfo, dbname="app") as c:
        row = c.execute("SELECT current_setting('port')::int").fetchone()
        assert row is not None
        return int(row[0])


@pytest.mark.parametrize(
    ("attrs", "order", "gets"),
    [
        ("any", ("standby", "primary"), "standby"),
        ("read-write", ("standby", "reader", "primary"), "primary"),
        ("read-only", ("primary", "reader"), "reader"),
        ("read-only", ("primary", "standby"), "standby"),
        ("primary", ("standby", "reader", "primary"), "reader"),
        ("standby", ("primary", "reader", "standby"), "standby"),
        ("prefer-standby", ("primary", "standby"), "standby"),
        ("prefer-standby", ("reader", "primary"), "reader"),
    ],
)
def test_the_first_host_that_is_what_was_asked_for(
    start_gateway: StartGateway, pair: Pair, attrs: str, order: tuple[str, ...], gets: str
) -> None:
    servers = [getattr(pair, name) for name in order]
    gateway = start_gateway(pair.dsn(*servers, target_session_attrs=attrs))
    assert port_of(gateway) == getattr(pair, gets).port


def test_no_host_is_what_was_asked_for(start_gateway: StartGateway, pair: Pair) -> None:
    gateway = start_gateway(pair.dsn(pair.standby, pair.reader, target_session_attrs="read-write"))
    with pytest.raises(psycopg.OperationalError, match="none of its hosts is read-write"):
        port_of(gateway)


def test_what_the_client_sets_itself_says_nothing_about_the_host(start_gateway: StartGateway, pair: Pair) -> None:
    gateway = start_gateway(pair.dsn(pair.standby, pair.primary, target_session_attrs="read-write"))
    with psycopg.connect(**gateway.conninfo, dbname="app", options="-c default_transaction_read_only=on") as c:
        assert c.execute("SELECT current_setting('port')::int").fetchone() == (pair.primary.port,)
        assert c.execute("SHOW transaction_read_only").fetchone() == ("on",)


def test_a_dead_host_costs_its_time_out_once(start_gateway: StartGateway, pair: Pair) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        places = f"127.0.0.1:{silent.getsockname()[1]},127.0.0.1:{pair.primary.port}"
        gateway = start_gateway(f"postgresql://postgres@{places}/postgres", connect_timeout_seconds=1.0)
        began = time.monotonic()
        assert port_of(gateway) == pair.primary.port
        assert time.monotonic() - began >= 1.0
        began = time.monotonic()
        assert port_of(gateway) == pair.primary.port
        assert time.monotonic() - began < 0.9


def test_restart_and_failover_are_an_error_and_then_over(start_gateway: StartGateway, pair: Pair) -> None:
    """A session ends with an error of class 57 or 08; the next one gets the host that is there."""
    gateway = start_gateway(pair.dsn(pair.primary, pair.reader))
    with psycopg.connect(**gateway.conninfo, dbname="app", autocommit=True) as c:
        assert c.execute("SELECT current_setting('port')::int").fetchone() == (pair.primary.port,)
        pair.primary.stop()
        try:
            with pytest.raises(psycopg.OperationalError) as found:
                c.execute("SELECT 1")
            assert found.value.sqlstate is None or found.value.sqlstate[:2] in ("57", "08")
            assert port_of(gateway) == pair.reader.port
        finally:
            pair.primary.start()
    assert gateway.server.sessions() == []
