"""Whose data an answer held: through the front door, in text and binary, by result column and by condition."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import pq

from gateway.trail.subjects import decode
from tests.support.gateway import Gateway
from tests.support.postgres import Database, Postgres
from tests.system.sql.company import CASES


@pytest.fixture(scope="module")
def gateway(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    database: Database = postgres.create()
    database.execute((CASES / "schema.sql").read_text(encoding="utf-8"))
    with Gateway(tmp_path_factory.mktemp("g"), {"crm": database.dsn}, policies=CASES / "bundle") as started:
        yield started


def ask(
    gateway: Gateway, sql: str, parameters: list[Any] | None = None, *, binary: bool = False, who: str = "support_app"
) -> dict[str, Any]:
    """Run one statement and give its (last) record with `found`: table → keys."""
    with psycopg.connect(gateway.dsn(who), autocommit=True) as connection:
        cursor = connection.cursor(binary=binary)
        cursor.execute(sql.encode(), parameters, prepare=True)
        if cursor.description:
            cursor.fetchall()
    found = [r for r in gateway.records() if r.get("event") == "statement" and r["kind"] != "SET"]
    last = found[-1]
    last["found"] = {table: list(one.keys(100)) for table, one in decode(last).items()}
    return last


VISIBLE = [2, 4, 6, 8, 101]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(
    ("sql", "want"),
    [
        ("SELECT id, phone FROM crm.customers", {"crm.customers": VISIBLE}),
        ("SELECT * FROM crm.customers", {"crm.customers": VISIBLE}),
        ("SELECT phone, c.id AS key FROM crm.customers c", {"crm.customers": VISIBLE}),
        ("SELECT s.k FROM (SELECT id AS k, phone FROM crm.customers) s", {"crm.customers": VISIBLE}),
        ("WITH w(a, b) AS (SELECT phone, id FROM crm.customers) SELECT w.* FROM w", {"crm.customers": VISIBLE}),
        ("SELECT id FROM crm.customers WHERE id < 5 UNION ALL SELECT id FROM crm.customers WHERE id > 100", {"crm.customers": [2, 4, 101]}),
        ("SELECT c.id, k.customer_id FROM crm.customers c JOIN crm.contacts k ON k.customer_id = c.id WHERE c.id = 4",
         {"crm.customers": [4], "crm.contacts": [4]}),
        ("SELECT phone FROM crm.customers WHERE id = 4", {"crm.customers": [4]}),
        ("SELECT phone FROM crm.customers WHERE id IN (4, 6)", {"crm.customers": [4, 6]}),
        ("UPDATE crm.customers SET status = status WHERE id = 4 RETURNING id", {"crm.customers": [4]}),
        ("SELECT phone FROM crm.customers WHERE id = 3", {}),
        ("SELECT code FROM ref.regions", {}),
    ],
)  # fmt: skip
def test_the_record_names_the_subjects(gateway: Gateway, sql: str, want: dict[str, list[int]], binary: bool) -> None:
    record = ask(gateway, sql, binary=binary)
    assert record["found"] == want
    assert "unattributed" not in record


def test_a_parameter_that_is_the_key_names_the_subject(gateway: Gateway) -> None:
    for binary in (False, True):
        assert ask(gateway, "SELECT phone FROM crm.customers WHERE id = %s", [6], binary=binary)["found"] == {
            "crm.customers": [6]
        }


def test_rows_without_a_key_are_counted_with_the_reason(gateway: Gateway) -> None:
    record = ask(gateway, "SELECT phone FROM crm.customers")
    assert record["found"] == {}
    assert record["unattributed"] == {"rows": 5, "reason": "computed"}
    assert ask(gateway, "SELECT count(*) FROM crm.customers")["unattributed"]["rows"] == 1


def test_a_long_answer_tells_its_subjects_whatever_the_chunks(gateway: Gateway) -> None:
    sql = "SELECT c.id, repeat('x', 300 + g) FROM crm.customers c, generate_series(1, 20000) g"
    ask(gateway, sql, binary=True)
    records = [r for r in gateway.records() if str(r.get("statement", "")).startswith("SELECT c.id, repeat")]
    assert [r["phase"] for r in records] == ["open", "close"]
    first, every = ({key for one in decode(record).values() for key in one.keys(100)} for record in records)
    assert every == set(VISIBLE) >= first
    assert all("unattributed" not in r for r in records)


def test_who_leaves_in_the_middle_of_an_answer_has_seen_what_came(gateway: Gateway) -> None:
    """Else nobody would ever take more than the last row: the closing record is what detectors read."""
    sql = "SELECT c.id, repeat('x', 300 + g) AS left_early FROM crm.customers c, generate_series(1, 20000) g"
    connection = pq.PGconn.connect(gateway.dsn("support_app").encode())
    connection.send_query(sql.encode())
    connection.set_single_row_mode()
    for _ in range(20_000):
        connection.get_result()
    connection.finish()
    records = _until(gateway, "left_early", 2)
    first, last = records
    assert (first["phase"], last["phase"], last["sqlstate"]) == ("open", "close", "08006")
    assert 20_000 <= last["rows"] < 100_000
    assert last["bytes"] > 20_000 * 300
    assert len(decode(last)["crm.customers"]) >= 1
    assert _of_worker(gateway)[-1]["event"] == "logout"


def test_a_statement_whose_answer_nobody_awaits_is_recorded(gateway: Gateway) -> None:
    connection = pq.PGconn.connect(gateway.dsn("support_app").encode())
    connection.send_query(b"SELECT id AS awaited FROM crm.customers, generate_series(1, 100000000) WHERE id = 3")
    time.sleep(0.3)
    connection.finish()
    [record] = _until(gateway, "awaited", 1)
    assert (record["phase"], record["sqlstate"]) == ("single", "08006")


def _of_worker(gateway: Gateway) -> list[dict[str, Any]]:
    """In their order; the watch has a chain of its own."""
    return [record for record in gateway.records() if record.get("worker") == 0]


def _until(gateway: Gateway, name: str, count: int) -> list[dict[str, Any]]:
    """Records of the statement that names this, when the session is over."""
    end = time.monotonic() + 20
    while True:
        records = _of_worker(gateway)
        found = [record for record in records if name in record.get("statement", "")]
        if len(found) >= count and records[-1]["event"] == "logout":
            return found
        assert time.monotonic() < end, "the record does not come"
        time.sleep(0.05)
