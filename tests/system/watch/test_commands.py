"""The commands against a running gateway: see, contain, lift, close, report; honey; drills."""

from __future__ import annotations

import json
import time
from pathlib import Path

import psycopg
import pytest

from tests.support.gateway import Gateway
from tests.system.gateway.conftest import connect
from tests.system.watch.conftest import Receiver


def breach(gateway: Gateway, receiver: Receiver, pages: int = 1) -> None:
    with connect(gateway, "desk_app") as session:
        session.execute("SELECT id, name, phone FROM app.people").fetchall()
    receiver.wait(pages)


def run(gateway: Gateway, *arguments: str) -> str:
    done = gateway.run(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_life_of_an_incident(gateway: Gateway, receiver: Receiver, tmp_path: Path) -> None:
    breach(gateway, receiver)
    assert "desk_app" in run(gateway, "incident", "list")
    shown = json.loads(run(gateway, "incident", "show", "1", "--json"))
    assert shown["incident"]["state"] == "open"
    assert shown["incident"]["evidence"]
    assert shown["messages"][0]["state"] == "sent"
    run(gateway, "incident", "ack", "INC-1", "--who", "zhou")
    with connect(gateway, "desk_app") as session:
        session.execute("SELECT 1")
        asked = time.monotonic()
        run(gateway, "incident", "contain", "1", "--who", "zhou", "--why", "not the nightly job")
        with pytest.raises(psycopg.OperationalError, match="INC-1") as ended:
            session.execute("SELECT 1")
        print(f"contained after {time.monotonic() - asked:.2f} s, the start of the command included")
        assert ended.value.sqlstate == "57P01"
    with pytest.raises(psycopg.OperationalError, match='"desk_app" is suspended because of incident INC-1'):
        connect(gateway, "desk_app")
    gateway.kill()
    gateway.start()
    with pytest.raises(psycopg.OperationalError, match="INC-1"):
        connect(gateway, "desk_app")
    connect(gateway, "root_app").close()
    run(gateway, "incident", "lift", "1", "--who", "zhou", "--why", "password changed")
    connect(gateway, "desk_app").close()
    page = tmp_path / "report.html"
    run(gateway, "incident", "dossier", "1", "--language", "zh", "-o", str(page))
    assert "个人信息安全事件报告" in page.read_text("utf-8")
    assert json.loads(run(gateway, "incident", "dossier", "1", "--json"))["who"]["account"] == "desk_app"
    run(gateway, "incident", "resolve", "1", "--who", "zhou", "--why", "a stolen password")
    assert "no open incidents" in run(gateway, "incident", "list")
    refused = gateway.run("incident", "ack", "1")
    assert refused.returncode == 2
    assert "is resolved" in refused.stderr
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        changes = [(r["detail"], r["by"]) for r in gateway.records() if r["event"] == "incident_changed"]
        if ("resolve", "zhou") in changes:
            break
        time.sleep(0.05)
    assert [kind for kind, who in changes if who == "zhou"] == ["acknowledge", "contain", "lift", "resolve"]


def test_a_drill_passes_suspends_only_itself_and_is_marked(gateway: Gateway, receiver: Receiver) -> None:
    with connect(gateway, "desk_app") as bystander:
        done = gateway.run("drill", "bulk-export", "--dsn", gateway.dsn("desk_app"), "--table", "app.people", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        report = json.loads(done.stdout)
        print({key: report[key] for key in ("seconds_to_detect", "seconds_to_page", "seconds_to_contain")})
        bystander.execute("SELECT 1")
    assert report["passed"]
    assert report["login_refused"]
    assert "[DRILL]" in receiver.titles()[0]
    assert "no open incidents" in run(gateway, "incident", "list")
    assert "[drill]" in run(gateway, "incident", "list", "--all")
    files = sorted((gateway.folder / "state" / "drills").iterdir())
    assert [file.suffix for file in files] == [".json", ".md"]
    assert "passed" in files[1].read_text("utf-8")
    assert 'menshen_drill_duration_seconds{drill="bulk-export",step="page"}' in gateway.http("/metrics")[1]


def test_a_drill_mark_that_nobody_announced_hides_nothing(gateway: Gateway, receiver: Receiver) -> None:
    with psycopg.connect(gateway.dsn("desk_app", options="-c menshen.actor=drill:mine"), autocommit=True) as session:
        session.execute("SELECT id, name, phone FROM app.people").fetchall()
    receiver.wait(1)
    assert "DRILL" not in receiver.titles()[0]


def test_honey_is_planted_and_the_drill_finds_it(gateway: Gateway, receiver: Receiver) -> None:
    planted = run(gateway, "honey", "plant", "--table", "app.people", "--count", "2")
    assert planted.count("planted crm:app.people/") == 2
    assert run(gateway, "honey", "list").count("crm:app.people/") == 2
    done = gateway.run("drill", "honey", "--dsn", gateway.dsn("desk_app"), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["incidents"][0]["detector"] == "honey"


def test_a_connection_around_the_gateway_is_found(gateway: Gateway, receiver: Receiver) -> None:
    gateway.stop()
    config = gateway.config.read_text("utf-8")
    gateway.config.write_text(config.replace("bypass_interval_seconds = 0", "bypass_interval_seconds = 0.5"), "utf-8")
    gateway.start()
    connect(gateway, "desk_app").close()
    done = gateway.run("drill", "bypass", "--json", "--wait", "15")
    assert done.returncode == 0, done.stdout + done.stderr
    print(json.loads(done.stdout)["seconds_to_page"])
    # Neither the gateway's own connections nor those of its sessions were taken for strangers.
    assert {r["application"] for r in gateway.records() if r["event"] == "backend_seen"} == {
        f"drill:{json.loads(done.stdout)['drill']}"
    }


@pytest.mark.parametrize("kind", ["scrape", "stolen-credential"])
def test_other_drills(gateway: Gateway, receiver: Receiver, kind: str) -> None:
    done = gateway.run("drill", kind, "--dsn", gateway.dsn("desk_app"), "--json", "--wait", "15")
    assert done.returncode == 0, done.stdout + done.stderr
