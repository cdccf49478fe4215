"""The embedded server: starts, stops, survives what an unclean stop leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.postgres.demo.embedded import EmbeddedError, EmbeddedPostgres, free_port
from tests.support.postgres import Database, Postgres


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="menshen-embedded-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_the_fixture_is_a_postgres_18_that_speaks_utf8(database: Database) -> None:
    (row,) = database.execute(
        "SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding'), upper('é门')"
    )
    assert row == (18, "UTF8", "É门")


def test_databases_are_fresh_and_go_away(postgres: Postgres) -> None:
    first = postgres.create()
    first.execute("CREATE TABLE 客户 (编号 int); INSERT INTO 客户 VALUES (1)")
    copy = postgres.create(template=first.name)
    assert copy.execute("SELECT 编号 FROM 客户") == [(1,)]
    postgres.drop(copy)
    postgres.drop(first)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first.dsn)


def test_data_survives_a_stop_and_a_kill_and_a_password_is_asked(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "pgdata", password="s3cret é/@:")
    with server:
        with psycopg.connect(server.dsn()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host="127.0.0.1", port=server.port, user="postgres", dbname="postgres")
    assert not server.running
    server.start()
    assert server.pid is not None
    # The postmaster alone, as the kernel does it when memory runs out; its children notice and end.
    os.kill(server.pid, signal.SIGKILL)
    while server.running:
        time.sleep(0.01)
    with server, psycopg.connect(server.dsn()) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)


def test_a_server_that_an_earlier_run_left_is_stopped_first(folder: Path) -> None:
    earlier = EmbeddedPostgres(folder / "pgdata")
    earlier.start()
    left = earlier._process
    assert left is not None
    with EmbeddedPostgres(folder / "pgdata", port=free_port()) as server:
        assert left.wait(5) == 0
        assert server.running


def test_it_dies_with_its_parent(folder: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("the kernel's parent-death signal is Linux only")
    code = (
        "import sys, time, pathlib; from adapters.postgres.demo.embedded import EmbeddedPostgres as E;"
        "s = E(pathlib.Path(sys.argv[1])); s.start(); print(s.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(folder / "pgdata")], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and _state(pid) != "Z" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists() or _state(pid) == "Z"


def test_a_port_that_is_taken_is_told_with_the_log(folder: Path, postgres: Postgres) -> None:
    with pytest.raises(EmbeddedError, match="Address already in use"):
        EmbeddedPostgres(folder / "pgdata", port=postgres.port).start()


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize(
    ("version", "provider"),
    [("15.14 (Debian 15.14-0+deb12u1)", False), ("17.0", True), ("18.1", True), ("19beta1", True)],
)
def test_a_server_older_than_its_own_locales_is_made_with_the_systems(
    version: str, provider: bool, folder: Path
) -> None:
    program = folder / "initdb"
    program.write_text(f"#!/bin/sh\necho 'initdb (PostgreSQL) {version}'\n", encoding="utf-8")
    program.chmod(0o755)
    server = EmbeddedPostgres(folder / "data", programs=folder)
    assert ("--locale-provider=builtin" in server._locale()) is provider
