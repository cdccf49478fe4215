"""Several workers behind one address: what concerns all of them reaches each, and one that dies takes only its own along."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.postgres.wire import auth, startup
from tests.support.gateway import Gateway
from tests.support.postgres import Database
from tests.support.rawpg import RawClient
from tests.system.gateway.conftest import CLEAR, FILES, MASKED, SCHEMA, connect
from tests.system.gateway.test_life import PHONE, control, until

WORKERS = 2
DETECTORS = "detectors:\n  first_use: {severity: medium}\n"
LIMITED = FILES["catalog.yaml"].replace(
    "phone: {parent: personal, mask: phone}",
    "phone: {parent: personal, mask: phone, predicate: lookup, lookup: {per_hour: 6}}",
)


@pytest.fixture
def two(tmp_path: Path, bundle: Path, database: Database) -> Iterator[Gateway]:
    database.execute(SCHEMA)
    (bundle / "catalog.yaml").write_text(LIMITED, "utf-8")
    (bundle / "detectors.yaml").write_text("detectors:\n  bulk_export: {rows: 100}\n", "utf-8")
    (bundle / "rules.csv").write_text(FILES["rules.csv"] + "p, desk, care, phone, lookup, allow\n", "utf-8")
    settings = {"gateway": {"workers": WORKERS}, "http": {"control_token": "a token of the tests"}}
    with Gateway(tmp_path / "gw", {"crm": database.dsn}, policies=bundle, settings=settings) as made:
        yield made


def processes(gateway: Gateway, kind: str = "") -> dict[int, dict[str, Any]]:
    """By process id."""
    found: Any = control(gateway, "GET", "/v1/status")["processes"]
    return {one["pid"]: one for one in found if kind in ("", one["kind"])}


def sessions(gateway: Gateway) -> list[dict[str, Any]]:
    found: Any = control(gateway, "GET", "/v1/sessions")["sessions"]
    return list(found)


def alive(connection: psycopg.Connection[Any]) -> bool:
    try:
        return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_cancel_reaches_the_worker_that_has_the_session(two: Gateway) -> None:
    for connection in [connect(two, "root_app") for _ in range(3 * WORKERS)]:
        timer = threading.Timer(0.2, connection.cancel_safe)
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(10)")
        timer.join()
        assert alive(connection)


def test_connections_are_shared_out_and_can_be_seen_and_ended(two: Gateway) -> None:
    connections = [connect(two, "root_app") for _ in range(4 * WORKERS)]
    until(lambda: [one["clients"] for one in processes(two, "worker").values()] == [4] * WORKERS)
    seen = sessions(two)
    assert len({one["session"] for one in seen}) == len(connections)
    crm = control(two, "GET", "/v1/pools")["pools"]["crm"]
    assert (crm["open"], crm["active"], crm["idle"], crm["limit"], crm["waiting"]) == (
        4 * WORKERS,
        4 * WORKERS,
        0,
        100,
        0,
    )
    control(two, "DELETE", f"/v1/sessions/{seen[0]['session']}")
    until(lambda: [alive(one) for one in connections].count(False) == 1)


def test_a_worker_that_dies_is_replaced_and_the_others_go_on(two: Gateway) -> None:
    connections = [connect(two, "root_app") for _ in range(4 * WORKERS)]
    victim = next(iter(processes(two, "worker")))
    os.kill(victim, signal.SIGKILL)
    until(lambda: gone(victim))
    assert [alive(one) for one in connections].count(True) == 4 * (WORKERS - 1)
    until(lambda: two.ready() and len(processes(two, "worker")) == WORKERS)
    assert victim not in processes(two)
    assert alive(connect(two, "root_app"))
    two.stop()
    verified = two.run("trail", "verify")
    assert verified.returncode == 0, verified.stdout


@pytest.fixture
def crowded(tmp_path: Path, bundle: Path, database: Database) -> Iterator[Gateway]:
    """Two workers, few clients of a principal, few failed logins; a verifier of 9,000 rounds."""
    database.execute(SCHEMA)
    limits = {"max_connections_per_principal": 3, "failed_logins_per_minute": 4}
    settings = {"gateway": {"workers": WORKERS, "limits": limits}, "http": {"control_token": "a token of the tests"}}
    with Gateway(tmp_path / "gw", {"crm": database.dsn}, policies=bundle, settings=settings) as made:
        yield made


def test_limits_hold_for_all_workers_and_a_dead_one_gives_its_places_back(crowded: Gateway) -> None:
    connections = [connect(crowded, "root_app") for _ in range(3)]
    assert len({one["clients"] for one in processes(crowded, "worker").values()} - {0}) > 0
    for _ in range(2 * WORKERS):
        with pytest.raises(psycopg.OperationalError, match="max_connections_per_principal"):
            connect(crowded, "root_app")
    assert alive(connect(crowded, "desk_app"))
    connections.pop().close()
    until(lambda: len(sessions(crowded)) == 2)
    connections.append(connect(crowded, "root_app"))
    for victim in processes(crowded, "worker"):
        os.kill(victim, signal.SIGKILL)
        until(lambda pid=victim: gone(pid))  # type: ignore[misc]
    until(lambda: crowded.ready() and len(processes(crowded, "worker")) == WORKERS)
    again = [connect(crowded, "root_app") for _ in range(3)]
    assert [alive(one) for one in connections + again] == [False] * 3 + [True] * 3


def test_failed_logins_are_counted_over_all_workers(crowded: Gateway) -> None:
    wrong = crowded.dsn("desk_app").replace(crowded.passwords["desk_app"], "guess")
    for _ in range(4):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
    for _ in range(2 * WORKERS):
        with pytest.raises(psycopg.OperationalError, match="too many logins from this address have failed"):
            connect(crowded, "desk_app")
    assert alive(connect(crowded, "root_app"))
    metrics = crowded.http("/metrics")[1]
    assert 'menshen_logins_failed_total{database="crm",reason="barred"} 4' in metrics, metrics


def test_the_processes_together_tell_what_they_use(two: Gateway) -> None:
    """Each tells it itself: no other process may look into them."""
    one = {
        line.partition(" ")[0]: float(line.rpartition(" ")[2])
        for line in two.http("/metrics")[1].splitlines()
        if line[0] != "#"
    }
    assert one["process_resident_memory_bytes"] > 100e6
    assert one["process_open_fds"] > 30
    assert one["process_cpu_seconds_total"] > 1


def test_a_watch_that_dies_is_replaced_and_clients_do_not_notice(two: Gateway) -> None:
    connection = connect(two, "root_app")
    (victim,) = processes(two, "watch")
    os.kill(victim, signal.SIGKILL)
    until(lambda: not two.ready())
    assert alive(connection)
    until(two.ready)
    assert victim not in processes(two, "watch")


def test_a_hang_up_replaces_every_process_and_refuses_nobody(two: Gateway) -> None:
    before = set(processes(two))
    old = connect(two, "desk_app")
    rules = two.policies / "rules.csv"
    rules.write_text(rules.read_text("utf-8").replace("phone, partial", "phone, clear"), "utf-8")
    two.reload()
    end = time.monotonic() + 30
    while {pid for pid, one in processes(two).items() if one["state"] == "running"} & before:
        assert time.monotonic() < end, processes(two)
        with connect(two, "desk_app") as new:  # raises where it is refused
            assert new.execute(PHONE, (1,)).fetchone() in ((MASKED,), (CLEAR,))
    assert old.execute(PHONE, (1,)).fetchone() == (CLEAR,), "a session of a retired worker follows the policy"
    old.close()
    until(lambda: not set(processes(two)) & before)
    assert two.log.count("Traceback") == 0


def test_a_reload_reaches_every_worker(two: Gateway) -> None:
    connections = [connect(two, "desk_app") for _ in range(2 * WORKERS)]
    assert {one.execute(PHONE, (1,)).fetchone() for one in connections} == {(MASKED,)}
    rules = two.policies / "rules.csv"
    rules.write_text(rules.read_text("utf-8").replace("phone, partial", "phone, clear"), "utf-8")
    control(two, "POST", "/v1/reload")
    assert {one.execute(PHONE, (1,)).fetchone() for one in connections} == {(CLEAR,)}


def test_a_suspension_ends_sessions_of_every_worker(two: Gateway, database: Database) -> None:
    database.execute(f"INSERT INTO app.people SELECT n, 'p', '{CLEAR}' FROM generate_series(2, 200) n")
    connections = [connect(two, "desk_app") for _ in range(2 * WORKERS)]
    connections[0].execute("SELECT phone FROM app.people").fetchall()
    found: list[Any] = []

    def opened() -> bool:
        found[:] = control(two, "GET", "/v1/incidents")["incidents"]  # type: ignore[call-overload]  # JSON
        return bool(found)

    until(opened)
    asked = time.monotonic()
    number = str(found[0]["number"])
    done = two.run("incident", "contain", number, "--who", "zhou", "--why", "a test")
    assert done.returncode == 0, done.stderr
    until(lambda: not any(alive(one) for one in connections))
    print(f"all sessions ended {time.monotonic() - asked:.2f} s after the command began")
    for _ in range(2 * WORKERS):
        with pytest.raises(psycopg.OperationalError, match=f"INC-{number}"):
            connect(two, "desk_app")


def test_lookups_are_counted_for_all_workers_together(two: Gateway) -> None:
    def looked_up(connection: psycopg.Connection[Any], value: str) -> bool:
        try:
            connection.execute("SELECT id FROM app.people WHERE phone = %s", (value,))
        except psycopg.errors.ProgramLimitExceeded:
            return False
        return True

    connections = [connect(two, "desk_app") for _ in range(2 * WORKERS)]
    allowed = 0
    for number in range(12):
        allowed += looked_up(connections[number % len(connections)], f"1380013800{number}")
        time.sleep(0.02)
    assert allowed == 6
    two.reload()
    until(lambda: not two.ready() or len(processes(two)) > WORKERS + 1)
    until(
        lambda: two.ready() and len([1 for one in processes(two).values() if one["state"] == "running"]) == WORKERS + 1
    )
    assert not looked_up(connect(two, "desk_app"), "13800138099"), "new processes know what the old ones counted"


def test_a_user_that_is_not_there_looks_the_same_at_every_worker(two: Gateway) -> None:
    def challenge(client: RawClient) -> bytes:
        client.send(startup.encode_startup({"user": "nobody_here", "database": "crm"}))
        client.receive()
        client.send(auth.encode_initial_response("SCRAM-SHA-256", b"n,,n=,r=abc"))
        found = client.receive()
        assert found is not None
        answer = auth.decode(found[1])
        assert isinstance(answer, auth.SASLContinue)
        return answer.data.partition(b",s=")[2]  # salt and rounds, without the nonce

    clients = [RawClient(two.port) for _ in range(3 * WORKERS)]
    assert len({challenge(client) for client in clients}) == 1
    for client in clients:
        client.socket.close()


def test_without_its_supervisor_nothing_goes_on(two: Gateway) -> None:
    """Nobody could be suspended any more."""
    connection = connect(two, "root_app")
    children = set(processes(two))
    os.kill(two.pid, signal.SIGKILL)
    until(lambda: all(gone(pid) for pid in children))
    assert not alive(connection)
