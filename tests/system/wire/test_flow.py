"""The steady state against real drivers: COPY, cancel, slow readers, the trail's gate, drain, abandoned work."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from pathlib import Path

import asyncpg
import pg8000.dbapi
import psycopg
import pytest

from adapters.postgres.server import ServerLimits
from adapters.postgres.session.channel import Limits
from adapters.postgres.wire import startup
from adapters.postgres.wire.framing import HEADER, frame
from adapters.postgres.wire.requests import COPY_DONE, FLUSH, SYNC
from tests.support.postgres import Database
from tests.support.rawpg import RawClient, bind, describe, execute, parse, query
from tests.support.stub_planner import StubPlanner
from tests.system.wire.conftest import PASSWORD, GatewayThread, StartGateway


def copy_data(text: str) -> bytes:
    return frame(b"d", text.encode())


# -- drivers ----------------------------------------------------------------------------------------------------------
def test_psycopg(gateway: GatewayThread) -> None:
    with psycopg.connect(**gateway.conninfo, dbname="app") as c:
        c.execute("CREATE TABLE 客户 (id int PRIMARY KEY, 姓名 text)")
        with c.cursor() as cur:
            cur.executemany("INSERT INTO 客户 VALUES (%s, %s)", [(i, f"门神{i}") for i in range(100)])
            for _ in range(8):  # prepared from the fifth time on
                assert cur.execute("SELECT 姓名 FROM 客户 WHERE id = %s", (7,)).fetchone() == ("门神7",)
            with cur.copy("COPY 客户 FROM STDIN") as copy:
                for i in range(100, 5100):
                    copy.write_row((i, "x" * 50))
            with cur.copy("COPY 客户 TO STDOUT (FORMAT binary)") as copy:
                assert sum(len(block) for block in copy) > 5000 * 60
        with c.pipeline():
            results = [c.execute("SELECT %s::int", (i,)) for i in range(50)]
            assert [r.fetchone() for r in results] == [(i,) for i in range(50)]
        c.commit()
        with pytest.raises(psycopg.errors.UniqueViolation):
            c.execute("INSERT INTO 客户 VALUES (1, 'x')")
        c.rollback()
        assert c.execute("SELECT count(*) FROM 客户").fetchone() == (5100,)
    copied = gateway.trail.find('"kind":"COPY"', '"rows":5000')
    assert len(copied) == 1
    assert gateway.ddl == ["app"]


async def test_asyncpg(gateway: GatewayThread) -> None:
    c = await asyncpg.connect(**gateway.conninfo, database="app")
    try:
        await c.execute("CREATE TABLE t (id int, v text)")
        await c.executemany("INSERT INTO t VALUES ($1, $2)", [(i, str(i)) for i in range(500)])
        await c.copy_records_to_table("t", records=[(i, "c") for i in range(2000)])
        async with c.transaction():
            got = 0
            async for _ in c.cursor("SELECT * FROM t"):
                got += 1
        assert got == 2500
        with pytest.raises(asyncpg.DivisionByZeroError):
            await c.fetch("SELECT 1/(random()*0)::int")
        assert await c.fetchval("SELECT $1::jsonb ->> 'a'", '{"a": "门"}') == "门"
        await c.reset()
    finally:
        await c.close()


def test_pg8000(gateway: GatewayThread) -> None:
    c = pg8000.dbapi.connect(**gateway.conninfo, database="app")
    cursor = c.cursor()
    cursor.execute("SELECT g, %s FROM generate_series(1, 3) g", ("门",))
    assert list(cursor.fetchall()) == [[1, "门"], [2, "门"], [3, "门"]]
    c.close()


# -- COPY -------------------------------------------------------------------------------------------------------------
def test_copy_in_pipelined_with_its_data(gateway: GatewayThread) -> None:
    """The client does not wait for CopyInResponse; the Sync before CopyDone is swallowed by the COPY."""
    with gateway.raw() as c:
        c.talk(query("CREATE TABLE t (a int)"), "C Z:I")
        c.talk(
            [parse("COPY t FROM STDIN"), bind(), execute(), SYNC, copy_data("1\n"), copy_data("2\n"), COPY_DONE, SYNC],
            "1 2 G C:COPY_2 Z:I",
        )
        c.talk(query("SELECT count(*) FROM t"), "T D:2 C Z:I")
        c.talk([parse("COPY t FROM STDIN"), bind(), execute(), SYNC], "1 2 G")
        c.talk([copy_data("3\n"), FLUSH, SYNC, COPY_DONE, SYNC], "C:COPY_1 Z:I")
        c.talk([query("COPY t FROM STDIN"), copy_data("x\n"), copy_data("4\n"), COPY_DONE], "G E:22P02 Z:I")
        c.talk(query("SELECT count(*) FROM t"), "T D:3 C Z:I")
        c.talk(query("COPY t TO STDOUT; SELECT 1"), "H d:1 d:2 d:3 c C:COPY_3 T D:1 C Z:I")


def test_copy_data_larger_than_a_message_may_be(start_gateway: StartGateway) -> None:
    gateway = start_gateway(limits=ServerLimits(session=Limits(message=100_000)))
    with gateway.raw() as c:
        c.talk(query("CREATE TABLE t (a text)"), "C Z:I")
        c.talk(query("COPY t FROM STDIN"), "G")
        c.talk([copy_data("x" * 3_000_000 + "\n"), COPY_DONE], "C:COPY_1 Z:I")
        c.talk(query("SELECT length(a) FROM t"), "T D:3000000 C Z:I")
        # Any other message is held in memory, and this one announces too much.
        c.send(b"Q" + HEADER.pack(200_000))
        assert c.token() == "E:08P01"
        assert c.errors[-1]["S"] == "FATAL"
        assert c.token() == "EOF"


# -- the gate ---------------------------------------------------------------------------------------------------------
def test_rows_do_not_leave_when_the_record_fails(gateway: GatewayThread) -> None:
    with gateway.raw() as c:
        c.talk(query("SELECT 'seen'"), "T D C Z:I")
        gateway.trail.fail = True
        c.talk(query("SELECT 'unseen' /*governed*/"), "T E:58030 Z:I")
        c.talk(query("SELECT 'seen'"), "T D C Z:I")
    assert ("trail_failed",) in gateway.observer.events


def test_long_result_opens_a_record_before_its_first_row(gateway: GatewayThread) -> None:
    with gateway.raw() as c:
        c.send(query("SELECT repeat('x', 1000) FROM generate_series(1, 20000)"))
        while c.token() != "Z:I":
            pass
    opened = gateway.trail.find('"phase":"open"')
    closed = gateway.trail.find('"phase":"close"', '"rows":20000')
    assert len(opened) == len(closed) == 1


def test_long_result_of_which_the_record_fails_sends_no_row(gateway: GatewayThread) -> None:
    with gateway.raw() as c:
        gateway.trail.fail = True
        c.send(query("SELECT repeat('x', 1000) FROM generate_series(1, 20000) /*governed*/"))
        assert [c.token() for _ in range(3)] == ["T", "E:58030", "Z:I"]


def test_governed_statements_are_denied_without_a_trail(restricted: GatewayThread) -> None:
    with restricted.raw() as c:
        c.talk([parse("SELECT 1 /*governed*/", "s"), SYNC], "1 Z:I")
        restricted.trail.healthy = False
        c.talk(query("SELECT 1 /*governed*/"), "E:58030 Z:I")
        c.talk([bind(name="s"), execute(), SYNC], "E:58030 Z:I")
        c.talk(query("SELECT 1"), "T D C Z:I")
        restricted.trail.healthy = True
        c.talk([bind(name="s"), execute(), SYNC], "2 D:1 C Z:I")


def test_what_is_not_governed_goes_on_without_a_trail(restricted: GatewayThread) -> None:
    restricted.trail.fail = True
    restricted.trail.healthy = False
    with restricted.raw() as c:
        c.talk(query("SELECT 1"), "T D:1 C Z:I")
        c.talk(query("SELECT 1 /*governed*/"), "E:58030 Z:I")
        assert c.errors[-1]["S"] == "ERROR"
        c.talk(query("SELECT /*deny*/ 1"), "E:42501 Z:I")
        c.talk(query("BEGIN"), "C Z:T")
    assert ("trail_failed",) in restricted.observer.events


def test_rows_wait_for_the_disk(gateway: GatewayThread) -> None:
    with gateway.raw() as c:
        gateway.trail.gate = gate = gateway.call(lambda: gateway.loop.create_future())
        c.send(query("SELECT 1"))
        c.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            c.token()
        c.socket.settimeout(10)
        gateway.trail.gate = None
        gateway.call(lambda: gate.set_result(None))
        c.talk(b"", "T D:1 C Z:I")


def test_lookup_values_are_recorded_as_hashes(restricted: GatewayThread) -> None:
    with restricted.raw() as c:
        c.talk([parse("SELECT $1::text /*lookup*/"), bind("13800000000"), execute(), SYNC], "1 2 D C Z:I")
    assert restricted.trail.find('"lookup_values":[[1,"hash-of-11"]]')
    assert not restricted.trail.find("13800000000")


# -- errors -----------------------------------------------------------------------------------------------------------
def test_errors_do_not_quote_values(restricted: GatewayThread, database: Database) -> None:
    database.execute("CREATE TABLE c (id int PRIMARY KEY, phone text UNIQUE); INSERT INTO c VALUES (1, '13800000000')")
    with restricted.raw() as c:
        c.talk(query("INSERT INTO c VALUES (2, '13800000000') /*scrub*/"), "E:23505 Z:I")
        assert "D" not in c.errors[-1]
        assert c.errors[-1]["n"] == "c_phone_key"
        assert '"c_phone_key"' in c.errors[-1]["M"]
        c.talk(query("SELECT phone::int4 FROM c /*scrub*/"), "T E:22003 Z:I")
        assert "13800000000" not in str(c.errors[-1])
        c.talk(query("DO $$BEGIN RAISE EXCEPTION 'phone %', 138; END$$ /*scrub*/"), "E:P0001 Z:I")
        assert "138" not in str(c.errors[-1])
        c.talk(query("DO $$BEGIN RAISE NOTICE 'phone %', 138; END$$ /*scrub*/"), "N:00000 C Z:I")


def test_positions_are_those_of_the_clients_text(restricted: GatewayThread) -> None:
    with restricted.raw() as c:
        text = "SELECT 门, nope FROM secret_table 门(门)"
        c.talk(query(text), "E:42703 Z:I")
        assert text[int(c.errors[-1]["P"]) - 1 :].startswith("nope")
        text = "SELECT 1 FROM secret_table x WHERE nope"
        c.talk(query(text), "E:42703 Z:I")
        assert text[int(c.errors[-1]["P"]) - 1 :].startswith("nope")


# -- cancel, drain, leaving -------------------------------------------------------------------------------------------
def cancel(gateway: GatewayThread, key: tuple[int, bytes]) -> None:
    with RawClient(gateway.port) as other:
        other.send(startup.encode_cancel(*key))
        assert other.receive() is None


def test_cancel(gateway: GatewayThread) -> None:
    with gateway.raw() as c:
        cancel(gateway, c.key)  # nothing runs: nothing happens
        c.talk(query("SELECT 1"), "T D C Z:I")
        c.send(query("SELECT pg_sleep(10)"))
        time.sleep(0.2)
        cancel(gateway, (c.key[0], b"nope"))
        cancel(gateway, (c.key[0] ^ 1, c.key[1]))
        time.sleep(0.2)
        began = time.monotonic()
        cancel(gateway, c.key)
        c.talk(b"", "T E:57014 Z:I")
        assert time.monotonic() - began < 2
        c.talk(query("SELECT 1"), "T D C Z:I")


def test_drain_ends_idle_sessions_and_waits_for_busy_ones(gateway: GatewayThread) -> None:
    idle, busy = gateway.raw(), gateway.raw()
    with idle, busy:
        busy.talk(query("BEGIN"), "C Z:T")
        done = threading.Thread(target=gateway.call, args=(lambda: gateway.server.drain(5),))
        done.start()
        assert idle.token() == "E:57P01"
        assert idle.token() == "EOF"
        with pytest.raises(OSError):  # noqa: PT011 - refused or reset, as the system likes
            gateway.raw()
        busy.talk(query("SELECT 1"), "T D C Z:T")
        busy.talk(query("COMMIT"), "C:COMMIT Z:I E:57P01 EOF")
        done.join(5)
        assert not done.is_alive()


def test_drain_has_an_end(gateway: GatewayThread) -> None:
    with gateway.raw() as c:
        c.send(query("SELECT pg_sleep(20)"))
        time.sleep(0.1)
        began = time.monotonic()
        gateway.call(lambda: gateway.server.drain(0.3))
        gateway.stop()
        assert time.monotonic() - began < 4
        assert c.token() == "E:57P01"


def test_backend_that_is_terminated(gateway: GatewayThread, database: Database) -> None:
    with gateway.raw() as c:
        c.talk(query("SELECT 1"), "T D C Z:I")
        database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                         "AND datname = current_database()")  # fmt: skip
        assert c.token() == "E:57P01"
        assert c.token() == "EOF"
    assert gateway.trail.find('"event":"logout"', '"reason":"upstream"')


@pytest.mark.parametrize("how", ["busy", "idle"])
def test_abandoned_work_is_rolled_back(gateway: GatewayThread, database: Database, how: str) -> None:
    database.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    c = gateway.raw()
    c.talk(query("BEGIN"), "C Z:T")
    c.talk(query("UPDATE t SET a = 2"), "C Z:T")
    if how == "busy":
        c.send(query("SELECT pg_sleep(30)"))
        time.sleep(0.2)
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    c.socket.close()
    assert database.execute("SET lock_timeout = '3s'; UPDATE t SET a = a + 10 RETURNING a") == [(11,)]
    assert gateway.server.sessions() == []


def test_slow_reader_stops_the_database(gateway: GatewayThread) -> None:
    status = Path(f"/proc/{os.getpid()}/status")

    def resident() -> int:
        return int(next(line for line in status.read_text().splitlines() if line.startswith("VmRSS")).split()[1])

    with RawClient(gateway.port, receive_buffer=65536).login("tester", PASSWORD, "app") as c:
        c.talk(query("SELECT 1"), "T D C Z:I")
        before = resident()
        c.send(query("SELECT repeat('x', 10000) FROM generate_series(1, 100000)"))
        time.sleep(1.5)
        assert resident() - before < 24 * 1024  # KiB, of a result of 1 GB
        # Others are served meanwhile.
        with gateway.raw() as other:
            other.talk(query("SELECT 1"), "T D C Z:I")


def test_slow_database_stops_the_client(gateway: GatewayThread) -> None:
    """A pipeline that is not read back fills both ways and then stands still, and goes on when it is read."""
    batch = b"".join([parse("SELECT repeat('y', 1000)"), bind(), describe(), execute(), SYNC])
    with gateway.raw() as c:
        blob = batch * 3000
        sender = threading.Thread(target=c.socket.sendall, args=(blob,))
        sender.start()
        ready = 0
        while ready < 3000:
            ready += c.token() == "Z:I"
        sender.join(5)
        c.talk(query("SELECT 1"), "T D C Z:I")


def test_byte_by_byte(gateway: GatewayThread) -> None:
    blob = query("SELECT 'a'") + parse("SELECT 2") + bind() + execute() + SYNC
    with gateway.raw() as c:
        for byte in blob:
            c.send(bytes([byte]))
        c.talk(b"", "T D:a C Z:I 1 2 D:2 C Z:I")


def test_many_sessions_at_once(start_gateway: StartGateway) -> None:
    gateway = start_gateway(planner=StubPlanner())

    async def one(number: int) -> int:
        c = await asyncpg.connect(**gateway.conninfo, database="app")
        try:
            return sum([await c.fetchval("SELECT $1::int", number) for _ in range(20)])
        finally:
            await c.close()

    async def run() -> list[int]:
        return await asyncio.gather(*(one(n) for n in range(25)))

    assert asyncio.run(run()) == [20 * n for n in range(25)]
    assert len(gateway.trail.find('"event":"login"')) == 25
