"""Names mean what they mean to the database, whatever a transaction does with search_path.

PostgreSQL reports search_path since 18; before, the gateway follows transactions itself (MENSHEN_TEST_POSTGRES names an
older one's programs).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.postgres.wire.requests import SYNC
from tests.support.gateway import Gateway
from tests.support.postgres import Database
from tests.support.rawpg import RawClient, bind, execute, parse, query
from tests.system.gateway.conftest import SCHEMA, connect

READ, ONE, TWO, BAD = "SELECT v FROM t", "SET search_path = one", "SET search_path = two", "SELECT 1/0"
LOCAL = "SET LOCAL search_path = two"
DIALOGUES = [
    [TWO, READ, "RESET search_path", READ],
    ["BEGIN", TWO, READ, "ROLLBACK", READ],
    ["BEGIN", TWO, "COMMIT", READ],
    ["BEGIN", TWO, "ROLLBACK AND CHAIN", READ, "COMMIT", READ],
    ["BEGIN", TWO, "COMMIT AND CHAIN", READ, ONE, "ROLLBACK", READ],
    ["BEGIN", LOCAL, READ, "COMMIT", READ],
    ["BEGIN", LOCAL, ONE, READ, "COMMIT", READ],
    [TWO, "BEGIN", ONE, LOCAL, READ, "COMMIT", READ],
    [TWO, "BEGIN", "SET LOCAL search_path = one", "RESET search_path", READ, "ROLLBACK", READ],
    [LOCAL, READ],
    ["BEGIN", "SAVEPOINT a", TWO, "ROLLBACK TO a", READ, "COMMIT", READ],
    ["BEGIN", TWO, "SAVEPOINT a", ONE, READ, "ROLLBACK TO SAVEPOINT a", READ, "COMMIT", READ],
    ["BEGIN", "SAVEPOINT a", TWO, "RELEASE a", READ, "COMMIT", READ],
    ["BEGIN", "SAVEPOINT a", TWO, "RELEASE a", READ, "ROLLBACK", READ],
    ["BEGIN", "SAVEPOINT a", LOCAL, "RELEASE a", READ, "COMMIT", READ],
    [
        "BEGIN",
        "SAVEPOINT a",
        TWO,
        "SAVEPOINT a",
        ONE,
        "ROLLBACK TO a",
        READ,
        "RELEASE a",
        "ROLLBACK TO a",
        READ,
        "COMMIT",
    ],
    ["BEGIN", "SAVEPOINT a", TWO, "SAVEPOINT b", "ROLLBACK TO a", READ, "ROLLBACK TO b", "ROLLBACK", READ],
    ["BEGIN", TWO, BAD, "COMMIT", READ],
    ["BEGIN", TWO, BAD, "ROLLBACK", READ],
    ["BEGIN", TWO, "SAVEPOINT s", BAD, "ROLLBACK TO s", READ, "COMMIT", READ],
    ["BEGIN", "SAVEPOINT s", TWO, BAD, "ROLLBACK TO s", READ, "COMMIT", READ],
    ["BEGIN", "SAVEPOINT s", TWO, BAD, "RELEASE s", "COMMIT", READ],
    ["COMMIT", TWO, "ROLLBACK", READ],
    [TWO, "BEGIN", ONE, "BEGIN", READ, "ROLLBACK", READ],
    [TWO, "DISCARD ALL", READ],
    [TWO, "RESET ALL", READ],
    ["BEGIN", TWO, "RESET ALL", READ, "ROLLBACK", READ],
]
TEXTS = [
    [f"{TWO}; {BAD}", READ],
    [f"{LOCAL}; {READ}", READ],
    [f"{TWO}; {READ}", READ],
    [f"BEGIN; {TWO}; {READ}; ROLLBACK", READ],
    [f"BEGIN; {TWO}; ROLLBACK; {READ}"],
    [f"{TWO}; ROLLBACK; {READ}", READ],
    [f"{TWO}; COMMIT; {BAD}", READ],
    [f"{TWO}; BEGIN; {BAD}", "ROLLBACK", READ],
    [f"BEGIN; SAVEPOINT a; {TWO}; ROLLBACK TO a; {READ}; COMMIT", READ],
]


@pytest.fixture
def pathed(tmp_path: Path, bundle: Path, database: Database) -> Iterator[Gateway]:
    database.execute(SCHEMA)
    for schema in ("one", "two"):
        database.execute(
            f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.t (v text); INSERT INTO {schema}.t VALUES ('{schema}')"
        )
    database.execute(f'ALTER DATABASE "{database.name}" SET search_path = one')
    catalog = (bundle / "catalog.yaml").read_text("utf-8")
    opened = catalog.replace('"ref.*": allow', '"ref.*": allow\n  "one.*": allow\n  "two.*": allow')
    (bundle / "catalog.yaml").write_text(opened, "utf-8")
    rules = (bundle / "rules.csv").read_text("utf-8") + "p, *, *, public, clear, allow\n"
    (bundle / "rules.csv").write_text(rules, "utf-8")
    with Gateway(tmp_path / "gw", {"crm": database.dsn}, policies=bundle) as made:
        yield made


def answers(session: psycopg.Connection[tuple[object, ...]], texts: list[str], *, simple: bool) -> list[str]:
    """What each text gave: its last value, or the SQLSTATE."""
    raw = session.pgconn
    found = []
    for text in texts:
        result = raw.exec_(text.encode()) if simple else raw.exec_params(text.encode(), [])
        state = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
        value = result.get_value(0, 0) if result.ntuples else None
        found.append(((state or value) or b"").decode())
    return found


@pytest.mark.parametrize("way", ["simple", "extended", "text", "pipeline"])
def test_a_name_means_what_the_database_means(way: str, pathed: Gateway, database: Database) -> None:
    wrong = {}
    for dialogue in TEXTS if way == "text" else DIALOGUES:
        with psycopg.connect(database.dsn, autocommit=True) as direct:
            wanted = answers(direct, dialogue, simple=way != "extended")
        if way == "pipeline":
            got = pipelined(pathed, dialogue)
            wanted = [one for text, one in zip(dialogue, wanted, strict=True) if text == READ]
        else:
            with connect(pathed, "desk_app") as session:
                got = answers(session, dialogue, simple=way != "extended")
        if got != wanted:
            wrong[" / ".join(dialogue)] = f"{got}, not {wanted}"
    assert not wrong


def pipelined(gateway: Gateway, texts: list[str]) -> list[str]:
    """All of them sent at once, by turns as queries and as Parse to Sync; what READ gave."""
    with RawClient(gateway.port).login("desk_app", gateway.passwords["desk_app"], gateway.database) as client:
        for number, text in enumerate(texts):
            client.send(*((query(text),) if number % 2 else (parse(text), bind(), execute(), SYNC)))
        found: list[str] = []
        for text in texts:
            value = ""
            while not (token := client.token()).startswith("Z"):
                value = token.partition(":")[2] if token[0] in "DE" else value
            found += [value] if text == READ else []
        return found
