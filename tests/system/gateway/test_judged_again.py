"""What was kept under one verdict does not run under another: every way to keep a statement, every kind of change.

A statement of the protocol is judged again and goes on with what the rules say now. What the database keeps with its old
text (PREPARE, a cursor, an open portal) is refused, and can be made again. A suspended principal's sessions end.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.postgres.wire.requests import SYNC
from tests.support.gateway import Gateway
from tests.support.postgres import Database
from tests.support.rawpg import RawClient, bind, close, describe, execute, parse, query
from tests.system.gateway.conftest import CLEAR, FILES, MASKED, connect
from tests.system.gateway.test_life import control, until

SQL = "SELECT phone FROM app.people WHERE id < 4 ORDER BY id"
SHORTER = "***"
"""What the mask makes of a number of eight digits."""


@dataclass(frozen=True)
class Way:
    """How a statement is kept, run, and let go. `{}` in a pattern stands for the value that is shown."""

    keep: list[bytes]
    kept: str
    run: list[bytes]
    shown: str
    drop: list[bytes]
    dropped: str
    refused: str = ""
    """The answer after a change; nothing where it is judged again and goes on."""
    locks: bool = False
    """It holds a lock of its table, so that DDL has to be that of another one."""


WAYS = {
    "named statement": Way(
        [parse(SQL, "s"), SYNC], "1 Z:I",
        [bind(name="s"), execute(1), SYNC], "2 D:{} s Z:I",
        [close("S", "s"), SYNC], "3 Z:I",
    ),
    "named statement, as drivers send it": Way(
        [parse(f"{SQL} LIMIT 1", "s"), SYNC], "1 Z:I",
        [bind(name="s"), describe(), execute(), SYNC], "2 T D:{} C Z:I",
        [close("S", "s"), SYNC], "3 Z:I",
    ),
    "unnamed statement": Way(
        [parse(SQL), SYNC], "1 Z:I",
        [bind(), execute(1), SYNC], "2 D:{} s Z:I",
        [close("S"), SYNC], "3 Z:I",
    ),
    "SQL PREPARE": Way(
        [query(f"PREPARE k AS {SQL} LIMIT 1")], "C:PREPARE Z:I",
        [query("EXECUTE k")], "T D:{} C Z:I",
        [query("DEALLOCATE k")], "C Z:I", refused="E:55000 Z:I",
    ),
    "cursor": Way(
        [query(f"DECLARE k SCROLL CURSOR WITH HOLD FOR {SQL}")], "C Z:I",
        [query("FETCH ABSOLUTE 1 FROM k")], "T D:{} C Z:I",
        [query("CLOSE k")], "C Z:I", refused="E:55000 Z:I",
    ),
    "cursor of a transaction": Way(
        [query("BEGIN"), query(f"DECLARE k SCROLL CURSOR FOR {SQL}")], "C Z:T C Z:T",
        [query("FETCH ABSOLUTE 1 FROM k")], "T D:{} C Z:T",
        [query("ROLLBACK")], "C Z:I", refused="E:55000 Z:E", locks=True,
    ),
    "open portal": Way(
        [query("BEGIN"), parse(SQL, "s"), bind(name="s", portal="p"), SYNC], "C Z:T 1 2 Z:T",
        [execute(1, "p"), SYNC], "D:{} s Z:T",
        [query("ROLLBACK"), close("S", "s"), SYNC], "C Z:I 3 Z:I", refused="E:55000 Z:E", locks=True,
    ),
}  # fmt: skip
PURPOSES = FILES["purposes.yaml"] + "  audit: {basis: contract, departments: [it]}\n"
RULES = FILES["rules.csv"] + "p, desk, audit, public, clear, allow\np, desk, audit, phone, clear, allow\n"


def more_by_purpose(gateway: Gateway, client: RawClient, way: Way) -> None:
    state_purpose(client, "audit")


def less_by_purpose(gateway: Gateway, client: RawClient, way: Way) -> None:
    state_purpose(client, "care")


def state_purpose(client: RawClient, purpose: str) -> None:
    """By the extended protocol: a simple query would drop the unnamed statement."""
    client.send(
        parse(f"SET menshen.purpose = '{purpose}'", "set"), bind(name="set"), execute(), close("S", "set"), SYNC
    )
    assert [client.token().partition(":")[0] for _ in range(5)] == ["1", "2", "C", "3", "Z"]


def more_by_reload(gateway: Gateway, client: RawClient, way: Way) -> None:
    reload(gateway, RULES.replace("care, phone, partial", "care, phone, clear"))


def less_by_reload(gateway: Gateway, client: RawClient, way: Way) -> None:
    reload(gateway, RULES)


def reload(gateway: Gateway, rules: str) -> None:
    (gateway.policies / "rules.csv").write_text(rules, "utf-8")
    control(gateway, "POST", "/v1/reload")


def ddl(gateway: Gateway, client: RawClient, way: Way) -> None:
    before = events(gateway, "catalogue_refreshed")
    other, same = "CREATE TABLE app.more (id int)", "ALTER COLUMN phone TYPE varchar(8) USING left(phone, 8)"
    with connect(gateway, "root_app") as root:
        root.execute(other if way.locks else f"ALTER TABLE app.people {same}")
    until(lambda: events(gateway, "catalogue_refreshed") > before)


def events(gateway: Gateway, name: str) -> int:
    return [r["event"] for r in gateway.records()].count(name)


def nothing(gateway: Gateway, client: RawClient, way: Way) -> None:
    """Without a change everything goes on: the tests can tell the difference."""


@dataclass(frozen=True)
class Change:
    apply: Callable[[Gateway, RawClient, Way], None]
    before: str
    after: str
    purpose: str = "care"
    rules: str = RULES


CHANGES = {
    "purpose that shows more": Change(more_by_purpose, MASKED, CLEAR),
    "purpose that shows less": Change(less_by_purpose, CLEAR, MASKED, purpose="audit"),
    "reload that shows more": Change(more_by_reload, MASKED, CLEAR),
    "reload that shows less": Change(
        less_by_reload, CLEAR, MASKED, rules=RULES.replace("care, phone, partial", "care, phone, clear")
    ),
    "catalogue change": Change(ddl, MASKED, SHORTER),
    "no change": Change(nothing, MASKED, MASKED),
}


@pytest.fixture
def bundle(bundle: Path) -> Path:
    """With a second purpose, for which telephones are clear, and an incident for a hundred rows."""
    (bundle / "purposes.yaml").write_text(PURPOSES, "utf-8")
    (bundle / "rules.csv").write_text(RULES, "utf-8")
    (bundle / "detectors.yaml").write_text("detectors:\n  bulk_export: {rows: 100}\n", "utf-8")
    return bundle


@pytest.fixture(autouse=True)
def many_people(gateway: Gateway, database: Database) -> None:
    database.execute(f"INSERT INTO app.people SELECT n, 'p', '{CLEAR}' FROM generate_series(2, 200) n")


def raw(gateway: Gateway, purpose: str = "care") -> RawClient:
    user = "desk_app"
    options = {"options": f"-c menshen.purpose={purpose}"}
    return RawClient(gateway.port).login(user, gateway.passwords[user], gateway.database, **options)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", WAYS)
def test_what_was_kept_is_judged_again(way: str, change: str, gateway: Gateway) -> None:
    kept, changed = WAYS[way], CHANGES[change]
    if changed.rules != RULES:
        reload(gateway, changed.rules)
    after = MASKED if kept.locks and changed.apply is ddl else changed.after
    with raw(gateway, changed.purpose) as client:
        client.talk(kept.keep, kept.kept)
        for _ in range(2):
            client.talk(kept.run, kept.shown.format(changed.before))
        changed.apply(gateway, client, kept)
        same_text = change == "no change" or (way == "open portal" and changed.apply is ddl)  # a portal goes on then
        client.talk(kept.run, kept.refused if kept.refused and not same_text else kept.shown.format(after))
        client.talk(kept.drop, kept.dropped)
        client.talk(kept.keep, kept.kept)
        client.talk(kept.run, kept.shown.format(after))


@pytest.mark.parametrize("way", WAYS)
def test_the_sessions_of_a_suspended_principal_end(way: str, gateway: Gateway) -> None:
    kept = WAYS[way]
    with raw(gateway) as client, connect(gateway, "root_app") as other:
        client.talk(kept.keep, kept.kept)
        client.talk(kept.run, kept.shown.format(MASKED))
        number = incident(gateway)
        asked = time.monotonic()
        act(gateway, number, "contain")
        assert [client.token(), client.token()] == ["E:57P01", "EOF"]
        print(f"ended {time.monotonic() - asked:.3f} s after it was asked for")
        with pytest.raises(PermissionError, match="28000"):
            raw(gateway)
        assert other.execute(SQL).fetchone() == (CLEAR,)
        act(gateway, number, "lift")
    with raw(gateway) as client:
        client.talk(kept.keep, kept.kept)
        client.talk(kept.run, kept.shown.format(MASKED))


def incident(gateway: Gateway) -> int:
    """The number of an incident of desk_app, which reads too much for it."""
    with connect(gateway, "desk_app") as session:
        session.execute("SELECT phone FROM app.people").fetchall()
    found: list[dict[str, int]] = []

    def opened() -> bool:
        found[:] = control(gateway, "GET", "/v1/incidents")["incidents"]  # type: ignore[call-overload]  # JSON
        return bool(found)

    until(opened)
    return found[0]["number"]


def act(gateway: Gateway, number: int, action: str) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{gateway.http_port}/v1/incidents/{number}/{action}",
        data=json.dumps({"who": "the tests", "why": "a test"}).encode(),
        headers={"Authorization": "Bearer a token of the tests", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
