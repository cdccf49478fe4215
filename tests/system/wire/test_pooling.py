"""Mode `session` of the pool: the next client gets the connection, and can meet nothing of the one before."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from adapters.postgres.pool.pool import Figures, PoolRules
from adapters.postgres.pool.reset import CLEAN
from adapters.postgres.wire import startup
from adapters.postgres.wire.framing import frame
from adapters.postgres.wire.requests import FLUSH, SYNC
from tests.support.rawpg import RawClient, bind, execute, parse, query
from tests.system.wire.conftest import PASSWORD, GatewayThread, StartGateway

ONE = PoolRules(size=1, idle=1, wait_seconds=8)
GOODBYE = frame(b"X")

# Libraries that were loaded stay in the process, with the settings that they define.
STATE = """
SELECT pg_backend_pid()::text, session_user || '/' || current_user || '/' || current_database(),
 (SELECT string_agg(name || '=' || setting || '@' || source, ' ' ORDER BY name) FROM pg_settings
   WHERE name NOT IN ('transaction_isolation', 'transaction_read_only', 'transaction_deferrable')
     AND name NOT LIKE 'plpgsql.%'),
 (SELECT count(*)::text FROM pg_prepared_statements),
 (SELECT count(*)::text FROM pg_cursors WHERE name <> ''),
 (SELECT count(*)::text FROM pg_listening_channels()),
 (SELECT count(*)::text FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'),
 (SELECT count(*)::text FROM pg_class WHERE relnamespace = pg_my_temp_schema()),
 (SELECT count(*)::text FROM pg_proc WHERE pronamespace = pg_my_temp_schema()),
 (SELECT (now() - xact_start < '1 minute')::text || state FROM pg_stat_activity WHERE pid = pg_backend_pid()),
 (SELECT count(*)::text FROM pooling_left)
"""

COPY_BY_PARTS = parse("COPY pooling_left FROM STDIN") + bind() + execute() + FLUSH
ROWS = "SELECT repeat('x', 1000) FROM generate_series(1, 100000)"

SLEEPS = "DO $$ BEGIN RAISE NOTICE 'begun'; PERFORM pg_sleep(60); END $$"

# What a session leaves, and how much of the answer it reads before it leaves.
LEFT = {
    "nothing": (b"", ""),
    "settings": (
        query(
            "SET work_mem='9MB'; SET TimeZone='Asia/Tokyo'; SET client_encoding='LATIN1'; SET search_path=pg_catalog"
        ),
        "C C C C Z:I",
    ),
    "a purpose of its own": (query("SET app.tenant = 'left'"), "C Z:I"),
    "characteristics": (
        query("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, ISOLATION LEVEL SERIALIZABLE"),
        "C Z:I",
    ),
    "temporary table": (query("CREATE TEMP TABLE pooling_t AS SELECT 1"), "C Z:I"),
    "temporary table in the way": (query("CREATE TEMP TABLE pg_settings AS SELECT 1 AS source"), "C Z:I"),
    "temporary function": (query("CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"), "C Z:I"),
    "SQL prepared": (query("PREPARE p AS SELECT 1"), "C Z:I"),
    "protocol prepared": (parse("SELECT 1", "p") + SYNC, "1 Z:I"),
    "cursor with hold": (query("DECLARE c CURSOR WITH HOLD FOR SELECT generate_series(1, 9)"), "C Z:I"),
    "advisory lock": (query("SELECT pg_advisory_lock(7)"), "T D C Z:I"),
    "listen": (query("LISTEN pooling"), "C Z:I"),
    "notification to itself": (query("LISTEN pooling; NOTIFY pooling, 'left'"), ""),
    "role": (query("SET ROLE pg_monitor"), "C Z:I"),
    "session authorization": (query("SET SESSION AUTHORIZATION pg_monitor"), "C Z:I"),
    "currval": (query("SELECT nextval('pooling_seq')"), "T D C Z:I"),
    "open transaction": (query("BEGIN") + query("INSERT INTO pooling_left VALUES (1)"), "C Z:T C Z:T"),
    "failed transaction": (
        query("BEGIN") + query("INSERT INTO pooling_left VALUES (1)") + query("SELECT 1/0"),
        "C Z:T C Z:T E:22012 Z:E",
    ),
    "two-phase begun": (query("BEGIN; SAVEPOINT a"), "C C Z:T"),
    "insert without Sync": (parse("INSERT INTO pooling_left VALUES (2)") + bind() + execute() + FLUSH, "1 2 C"),
    "insert without Flush": (parse("INSERT INTO pooling_left VALUES (2)") + bind() + execute(), ""),
    "parse without Sync": (parse("SELECT 1", "p") + FLUSH, "1"),
    "error without Sync": (parse("SELEC") + FLUSH, "E:42601"),
    "COPY in progress": (query("COPY pooling_left FROM STDIN") + frame(b"d", b"4\n"), "G"),
    "COPY by parts in progress": (COPY_BY_PARTS, "1 2 G"),
    "COPY out unread": (query(f"COPY ({ROWS}) TO STDOUT"), "H"),
    "portal suspended": (
        query("BEGIN") + parse("SELECT generate_series(1, 9)") + bind(portal="p") + execute(2, "p") + FLUSH,
        "C Z:T 1 2 D D s",
    ),
    "large result unread": (query(ROWS), "T"),
    "many results unread": (query(ROWS) * 3, "T"),
    "notices unread": (query("DO $$ BEGIN FOR i IN 1..2000 LOOP RAISE NOTICE 'left %', i; END LOOP; END $$"), "N"),
    "statement running": (query(SLEEPS), "N"),
}


@pytest.fixture
def pooled(start_gateway: StartGateway, dsn: str) -> GatewayThread:
    with psycopg.connect(dsn, autocommit=True) as c:
        c.execute("CREATE TABLE IF NOT EXISTS pooling_left (a int)")
        c.execute("TRUNCATE pooling_left")
        c.execute("CREATE SEQUENCE IF NOT EXISTS pooling_seq")
    return start_gateway(pool=ONE)


def figures(gateway: GatewayThread) -> Figures:
    found: Figures = gateway.call(lambda: gateway.server.pools()["app"])
    return found


def settle(gateway: GatewayThread, good: Callable[[Figures], bool]) -> Figures:
    deadline = time.monotonic() + 8
    while not good(found := figures(gateway)):
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


def look(client: RawClient, text: str) -> list[str]:
    client.send(query(text))
    kind, row = client.receive(), client.receive()
    assert kind is not None
    assert row is not None
    assert (kind[0], row[0]) == ("T", "D"), (kind, row, client.errors)
    values: list[str] = []
    body, position = row[1], 2
    for _ in range(int.from_bytes(body[:2], "big")):
        size = int.from_bytes(body[position : position + 4], "big", signed=True)
        position += 4
        values.append("~" if size < 0 else body[position : position + size].decode())
        position += max(size, 0)
    client.talk(b"", "C Z:I")
    return values


@pytest.mark.parametrize("goodbye", [True, False], ids=["goodbye", "gone"])
@pytest.mark.parametrize("left", LEFT)
def test_nothing_of_a_session_is_left_for_the_next(pooled: GatewayThread, left: str, goodbye: bool) -> None:
    with pooled.raw() as c:
        fresh = look(c, STATE)
        reported = dict(c.parameters)
        pid = c.key[0]
        sent, read = LEFT[left]
        if sent:
            c.talk(sent, read)
        if goodbye:
            c.send(GOODBYE)
    with pooled.raw() as c:
        assert c.key[0] == pid, f"another connection: {figures(pooled)}"
        assert c.parameters == reported
        assert look(c, STATE) == fresh
        c.talk(query("SELECT currval('pooling_seq')"), "T E:55000 Z:I")
        c.talk(query("SELECT lastval()"), "T E:55000 Z:I")
        c.talk(query("EXECUTE p"), "E:26000 Z:I")
        c.talk(bind(name="p") + SYNC, "E:26000 Z:I")
        c.talk(bind() + SYNC, "E:26000 Z:I")
        c.talk(execute(portal="p") + SYNC, "E:34000 Z:I")
        c.talk(query("SELECT 'mine'"), "T D:mine C Z:I")
    assert figures(pooled).reused == 1
    assert settle(pooled, lambda f: f.idle == 1).resets == {CLEAN: 2}


def test_random_starts_anew(pooled: GatewayThread) -> None:
    with pooled.raw() as c:
        look(c, "SELECT setseed(0.5)")
        expected = look(c, "SELECT random()")
        look(c, "SELECT setseed(0.5)")
    with pooled.raw() as c:
        assert look(c, "SELECT random()") != expected
    assert figures(pooled).reused == 1


def test_what_ends_within_a_message_is_never_used_again(pooled: GatewayThread) -> None:
    with pooled.raw() as c:
        pid = c.key[0]
        c.talk(query("COPY pooling_left FROM STDIN"), "G")
        c.send(b"d" + (1000).to_bytes(4, "big") + b"1\n")
        time.sleep(0.1)
    with pooled.raw() as c:
        assert c.key[0] != pid
        assert look(c, "SELECT count(*) FROM pooling_left") == ["0"]


def test_a_client_that_broke_the_protocol_leaves_no_connection(pooled: GatewayThread) -> None:
    with pooled.raw() as c:
        pid = c.key[0]
        c.talk(b"\0\0\0\0\4", "E:08P01 EOF")
    with pooled.raw() as c:
        assert c.key[0] != pid


def test_nothing_counts_behind_a_goodbye(pooled: GatewayThread) -> None:
    with pooled.raw() as c:
        c.send(query("SELECT 1") + GOODBYE + query("INSERT INTO pooling_left VALUES (1)"))
        while c.receive() is not None:
            pass
    with pooled.raw() as c:
        assert look(c, "SELECT count(*) FROM pooling_left") == ["0"]


def test_what_was_sent_behind_a_cancelled_statement_happens_before_the_next_client(pooled: GatewayThread) -> None:
    with pooled.raw() as c:
        pid = c.key[0]
        c.talk(query(SLEEPS) + query("INSERT INTO pooling_left VALUES (5)"), "N")
    with pooled.raw() as c:
        assert c.key[0] == pid
        assert look(c, "SELECT count(*) FROM pooling_left") == ["1"]


def test_sessions_that_were_killed_leave_no_connection(pooled: GatewayThread) -> None:
    with pooled.raw() as c:
        pid = c.key[0]
        pooled.call(lambda: pooled.server.end_sessions("tester", None, "suspended"))
        c.talk(b"", "E:57P01 EOF")
    with pooled.raw() as c:
        assert c.key[0] != pid


def test_another_principal_or_other_parameters_get_another_connection(pooled: GatewayThread) -> None:
    pooled.people["other"] = replace(pooled.people["tester"], name="other")
    pids = set()
    with pooled.raw() as c:
        pids.add(c.key[0])
    with RawClient(pooled.port).login("other", PASSWORD, "app") as c:
        pids.add(c.key[0])
    with pooled.raw(application_name="mine") as c:
        pids.add(c.key[0])
    assert len(pids) == 3
    assert figures(pooled).closed["evicted"] == 2


def test_each_session_has_a_cancel_key_of_its_own_and_a_late_cancel_hits_nobody(pooled: GatewayThread) -> None:
    with pooled.raw() as c:
        old = c.key
    with pooled.raw() as c:
        assert c.key[0] == old[0]
        assert c.key[1] != old[1]
        c.send(query("SELECT pg_sleep(0.5)"))
        with RawClient(pooled.port) as late:
            late.send(startup.encode_cancel(*old))
            assert late.receive() is None
        c.talk(b"", "T D C Z:I")


def test_a_cancel_on_its_way_does_not_hit_the_next(pooled: GatewayThread) -> None:
    for _ in range(20):
        with pooled.raw() as c:
            c.send(query("SELECT pg_sleep(0.02)"))
            with RawClient(pooled.port) as other:
                other.send(startup.encode_cancel(*c.key))
        with pooled.raw() as c:
            c.talk(query("SELECT pg_sleep(0.03)"), "T D C Z:I")


def test_a_kept_connection_that_ended_is_not_handed_out(pooled: GatewayThread, dsn: str) -> None:
    with pooled.raw() as c:
        pid = c.key[0]
    settle(pooled, lambda f: f.idle == 1)
    assert pid in pooled.call(pooled.server.backend_pids)
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
    assert settle(pooled, lambda f: not f.open).closed == {"lost": 1}
    with pooled.raw() as c:
        c.talk(query("SELECT 1"), "T D C Z:I")


@pytest.mark.parametrize("rules", [replace(ONE, idle=0), replace(ONE, lifetime_seconds=0)], ids=["off", "old"])
def test_without_reuse_each_session_has_a_new_connection(start_gateway: StartGateway, rules: PoolRules) -> None:
    gateway = start_gateway(pool=rules)
    pids = set()
    for _ in range(3):
        with gateway.raw() as c:
            pids.add(c.key[0])
            c.talk(query(SLEEPS), "N")
    assert len(pids) == 3
    settle(gateway, lambda f: not f.open)


def test_kept_connections_are_checked_and_end_in_time(start_gateway: StartGateway) -> None:
    gateway = start_gateway(pool=replace(ONE, check_seconds=0, idle_seconds=0.5))
    with gateway.raw() as c:
        pid = c.key[0]
    settle(gateway, lambda f: f.idle == 1)
    with gateway.raw() as c:
        assert c.key[0] == pid
    assert settle(gateway, lambda f: not f.open).closed == {"idle": 1}


def test_a_full_pool_says_so_and_one_principal_cannot_have_all(start_gateway: StartGateway) -> None:
    gateway = start_gateway(pool=replace(ONE, size=2, per_principal=1, wait_seconds=0.3))
    gateway.people["other"] = replace(gateway.people["tester"], name="other")
    with gateway.raw(), RawClient(gateway.port) as second:
        with pytest.raises(PermissionError):
            second.login("tester", PASSWORD, "app")
        assert second.errors[0]["C"] == "53300"
        assert "pool.per_principal" in second.errors[0]["H"]
        with RawClient(gateway.port).login("other", PASSWORD, "app") as other:
            other.talk(query("SELECT 1"), "T D C Z:I")
