"""Reload, refresh and drain under open sessions, on a real database."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import urllib.request
from collections.abc import Callable

import psycopg
import pytest

from tests.support.gateway import Gateway
from tests.support.postgres import Database
from tests.system.gateway.conftest import CLEAR, FILES, MASKED, SCHEMA, connect

PHONE = "SELECT phone FROM app.people WHERE id = %s"


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def metric(gateway: Gateway, name: str) -> float:
    for line in gateway.http("/metrics")[1].splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    raise AssertionError(name)


def control(gateway: Gateway, method: str, path: str) -> dict[str, object]:
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.http_port}{path}", method=method)
    request.add_header("Authorization", "Bearer a token of the tests")
    with urllib.request.urlopen(request, timeout=10) as answer:
        document: dict[str, object] = json.load(answer)
        return document


def test_a_changed_rule_is_in_force_for_open_sessions_and_prepared_statements(gateway: Gateway) -> None:
    rules = gateway.policies / "rules.csv"
    with connect(gateway, "desk_app") as session:
        assert session.execute(PHONE, (1,), prepare=True).fetchone() == (MASKED,)
        rules.write_text(FILES["rules.csv"].replace("phone, partial", "phone, clear"))
        until(lambda: session.execute(PHONE, (1,), prepare=True).fetchone() == (CLEAR,))
        rules.write_text(FILES["rules.csv"].replace("p, desk, care, phone, partial, allow\n", ""))
        until(lambda: session.execute(PHONE, (1,), prepare=True).fetchone() == (None,))
    assert [r["event"] for r in gateway.records()].count("policy_loaded") == 3


def test_a_bad_bundle_keeps_the_last_good_one_and_says_so(gateway: Gateway) -> None:
    rules = gateway.policies / "rules.csv"
    with connect(gateway, "desk_app") as session:
        rules.write_text("p, desk, care, no.such.class, clear, allow\n")
        until(lambda: metric(gateway, "menshen_policy_stale") == 1.0)
        assert session.execute(PHONE, (1,)).fetchone() == (MASKED,)
        status, text = gateway.http("/readyz")
        assert status == 200
        assert "an older bundle is in force" in json.loads(text)["checks"]["policy"]["reason"]
        assert "policy_refused" in [r["event"] for r in gateway.records()]
        rules.write_text(FILES["rules.csv"])
        until(lambda: metric(gateway, "menshen_policy_stale") == 0.0)
        assert json.loads(gateway.http("/readyz")[1])["checks"]["policy"] == {"ok": True}


def test_a_principal_that_is_gone_gets_nothing_more(gateway: Gateway) -> None:
    principals, rules = gateway.policies / "principals.yaml", gateway.policies / "rules.csv"
    with connect(gateway, "desk_app") as desk, connect(gateway, "root_app") as root:
        principals.write_text(re.sub(r"\bdesk_app\b", "other_app", principals.read_text()))
        rules.write_text(FILES["rules.csv"].replace("desk_app", "other_app"))
        control(gateway, "POST", "/v1/reload")
        with pytest.raises(psycopg.OperationalError, match="not in the policy any more"):
            desk.execute(PHONE, (1,))
        assert root.execute(PHONE, (1,)).fetchone() == (CLEAR,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(gateway, "desk_app")


def test_a_purpose_that_is_withdrawn_ends_the_sessions_that_pursue_it(gateway: Gateway) -> None:
    purposes = gateway.policies / "purposes.yaml"
    with connect(gateway, "desk_app") as desk:
        more = "  audit: {basis: contract, departments: [it]}\n"
        purposes.write_text(FILES["purposes.yaml"] + more)
        until(lambda: _may(desk, "audit"))
        purposes.write_text(FILES["purposes.yaml"])
        until(lambda: [r["event"] for r in gateway.records()].count("policy_loaded") == 3)
        with pytest.raises(psycopg.OperationalError, match='unknown purpose "audit"'):
            desk.execute("SELECT 1")
    with connect(gateway, "desk_app") as desk:
        assert desk.execute(PHONE, (1,)).fetchone() == (MASKED,)


def _may(session: psycopg.Connection[tuple[object, ...]], purpose: str) -> bool:
    try:
        session.execute(f"SET menshen.purpose = '{purpose}'")
    except psycopg.Error:
        return False
    return True


def test_ddl_that_passes_through_is_known_at_once(gateway: Gateway) -> None:
    with connect(gateway, "desk_app") as desk, connect(gateway, "root_app") as root:
        with pytest.raises(psycopg.Error, match=r"ref\.cities"):
            desk.execute("SELECT * FROM ref.cities")
        root.execute("CREATE TABLE ref.cities AS SELECT '上海' AS name")

        def known() -> bool:
            try:
                return desk.execute("SELECT name FROM ref.cities").fetchone() == ("上海",)
            except psycopg.Error:
                return False

        until(known, 3.0)


def test_ddl_beside_the_gateway_is_known_after_sighup(gateway: Gateway, database: Database) -> None:
    database.execute("CREATE TABLE ref.towns (name text)")
    with connect(gateway, "desk_app") as desk:
        with pytest.raises(psycopg.Error):
            desk.execute("SELECT * FROM ref.towns")
        before = [r["event"] for r in gateway.records()].count("catalogue_refreshed")
        os.kill(gateway.pid, signal.SIGHUP)
        until(lambda: [r["event"] for r in gateway.records()].count("catalogue_refreshed") > before)
        assert desk.execute("SELECT * FROM ref.towns").fetchall() == []


def test_drain_lets_a_transaction_end_and_refuses_new_clients(gateway: Gateway) -> None:
    with psycopg.connect(gateway.dsn("desk_app")) as busy, connect(gateway, "desk_app") as idle:
        busy.execute(PHONE, (1,))
        os.kill(gateway.pid, signal.SIGTERM)
        until(lambda: gateway.http("/readyz")[0] == 503)
        assert "stopping" in gateway.http("/readyz")[1]
        with pytest.raises(psycopg.OperationalError):
            connect(gateway, "desk_app")
        with pytest.raises(psycopg.OperationalError, match="administrator command"):
            idle.execute(PHONE, (1,))
        assert busy.execute(PHONE, (1,)).fetchone() == (MASKED,)
        busy.commit()
    assert gateway.stop() == 0
    verified = gateway.run("trail", "verify", "--json")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_database_that_comes_later(gateway: Gateway, database: Database) -> None:
    gateway.stop()
    name = f"{database.name}_late"
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace(f"/{database.name}", f"/{name}"))
    server = database.server
    with pytest.raises(AssertionError, match="was not ready"):
        gateway.start(timeout=10.0)
    process_log = gateway.log
    assert "the database of the dsn does not exist" in process_log
    database.execute(f'CREATE DATABASE "{name}"')
    try:
        with psycopg.connect(server.dsn(name), autocommit=True) as late:
            late.execute(SCHEMA)
        gateway.start()
        with connect(gateway, "desk_app") as session:
            assert session.execute(PHONE, (1,)).fetchone() == (MASKED,)
        gateway.stop()
    finally:
        database.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_control_tells_and_reloads(gateway: Gateway) -> None:
    status = control(gateway, "GET", "/v1/status")
    assert status["ready"] is True
    reloaded = control(gateway, "POST", "/v1/reload")
    assert reloaded["catalogues_failed"] == []
    assert isinstance(reloaded["policy"], dict)
    assert reloaded["policy"]["changed"] is False


def test_what_is_done_is_counted(gateway: Gateway) -> None:
    with connect(gateway, "desk_app") as session:
        session.execute(PHONE, (1,))
        with pytest.raises(psycopg.Error):
            session.execute("SELECT * FROM app.nothing")
    text = gateway.http("/metrics")[1]
    assert 'menshen_statements_total{database="crm",kind="SELECT",purpose="care",verdict="veil"} 1.0' in text
    assert 'menshen_rows_total{class="phone",disclosure="partial"} 1.0' in text
    assert 'menshen_sessions_total{database="crm"} 1.0' in text
    assert 'verdict="deny"' in text
    assert "menshen_denials_total{" in text
    assert 'menshen_stage_duration_seconds_count{stage="judge"} 0.0' not in text
