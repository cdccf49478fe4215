"""psycopg 3: text and binary, prepared, pipelined, COPY both ways, server-side cursors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.support.gateway import Gateway
from tests.system.drivers.conftest import Place

TICKET = "INSERT INTO service.tickets (customer_id, channel, status, subject, body) VALUES (%s, 'app', 'open', %s, %s)"


@pytest.fixture
def connection(place: Place) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(
        host=place.host,
        port=place.port,
        user=place.user,
        password=place.password,
        dbname=place.database,
        options=place.options,
    ) as made:
        yield made


@pytest.mark.parametrize("binary", [False, True])
def test_a_masked_read(place: Place, connection: psycopg.Connection[Any], binary: bool) -> None:
    cursor = connection.cursor(row_factory=dict_row, binary=binary)
    row = cursor.execute("SELECT id, full_name, phone, created_at FROM crm.customers WHERE id = %s", (1,)).fetchone()
    assert row is not None
    assert place.shows(row["phone"])
    assert row["created_at"].tzinfo is not None
    assert [column.name for column in cursor.description or ()] == ["id", "full_name", "phone", "created_at"]


def test_a_lookup_by_phone_prepared(place: Place, connection: psycopg.Connection[Any]) -> None:
    for _ in range(8):
        rows = connection.execute("SELECT id, phone FROM crm.customers WHERE phone = %s", (place.phone,), prepare=True)
        found = rows.fetchall()
        assert [row[0] for row in found] == [1]
        assert place.shows(found[0][1])


def test_a_transaction_rolls_back_and_a_savepoint_too(connection: psycopg.Connection[Any]) -> None:
    with connection.transaction():
        connection.execute(TICKET, (1, "psycopg kept", "正文"))
        with pytest.raises(psycopg.errors.NotNullViolation), connection.transaction():
            connection.execute("INSERT INTO service.tickets (customer_id) VALUES (1)")
    with connection.transaction():
        connection.execute(TICKET, (1, "psycopg lost", "正文"))
        raise psycopg.Rollback
    rows = connection.execute("SELECT subject FROM service.tickets WHERE subject LIKE 'psycopg %'").fetchall()
    assert ("psycopg kept",) in rows
    assert ("psycopg lost",) not in rows


def test_a_batch_insert_pipelined_and_returning(connection: psycopg.Connection[Any]) -> None:
    with connection.cursor() as cursor, connection.pipeline():
        cursor.executemany(TICKET + " RETURNING id", [(2, f"batch {n}", "b") for n in range(50)], returning=True)
        ids = {cursor.fetchone()}
        while cursor.nextset():
            ids.add(cursor.fetchone())
    assert len(ids) == 50
    count = connection.execute("SELECT count(*) FROM service.tickets WHERE subject LIKE 'batch %'").fetchone()
    assert count is not None
    assert count[0] >= 50


def test_copy_both_ways(place: Place, connection: psycopg.Connection[Any]) -> None:
    columns = "customer_id, channel, status, subject, body"
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY service.tickets ({columns}) FROM STDIN") as copy:
            for n in range(100):
                copy.write_row((3, "web", "open", f"copied {n}", "换行\n与\t制表"))
        with cursor.copy("COPY (SELECT id, phone FROM crm.customers ORDER BY id LIMIT 1) TO STDOUT") as copy:
            rows = list(copy.rows())
    assert rows[0][0] == "1"
    assert place.shows(rows[0][1])
    read = connection.execute(
        "SELECT count(*), min(body) FROM service.tickets WHERE subject LIKE 'copied %'"
    ).fetchone()
    assert read == (100, "换行\n与\t制表")
    connection.rollback()


def test_a_server_side_cursor(connection: psycopg.Connection[Any]) -> None:
    with connection.cursor(name="门") as cursor:
        cursor.itersize = 50
        cursor.execute("SELECT id FROM crm.customers ORDER BY id")
        ids = [row[0] for row in cursor]
    assert ids == sorted(ids)
    assert len(ids) > 250


def test_a_refusal_leaves_the_session_usable(gateway: Gateway) -> None:
    with psycopg.connect(gateway.dsn("crm_app")) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM crm.customers")
        connection.rollback()
        assert connection.execute("SELECT 1").fetchone() == (1,)
