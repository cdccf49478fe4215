"""pg8000: pure Python, extended protocol, COPY through streams."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pg8000.native
import pytest

from tests.system.drivers.conftest import Place


@pytest.fixture
def connection(place: Place) -> Iterator[pg8000.native.Connection]:
    made = pg8000.native.Connection(
        place.user,
        host=place.host,
        port=place.port,
        database=place.database,
        password=place.password,
        startup_params={"options": place.options},
    )
    yield made
    made.close()


def test_reads_and_lookups(place: Place, connection: pg8000.native.Connection) -> None:
    rows = connection.run("SELECT id, phone, birth FROM crm.customers WHERE phone = :phone", phone=place.phone)
    assert rows[0][0] == 1
    assert place.shows(rows[0][1])
    assert [column["name"] for column in connection.columns] == ["id", "phone", "birth"]


def test_prepared_inserts_in_a_transaction(connection: pg8000.native.Connection) -> None:
    connection.run("START TRANSACTION")
    statement = connection.prepare(
        "INSERT INTO service.tickets (customer_id, channel, status, subject, body)"
        " VALUES (:customer, 'app', 'open', :subject, '正文') RETURNING id"
    )
    ids = {statement.run(customer=1, subject=f"pg8000 prepared {n}")[0][0] for n in range(20)}
    statement.close()
    connection.run("ROLLBACK")
    assert len(ids) == 20
    assert connection.run("SELECT count(*) FROM service.tickets WHERE subject LIKE 'pg8000 prepared %'") == [[0]]


def test_copy_both_ways(place: Place, connection: pg8000.native.Connection) -> None:
    source = io.StringIO("3\tweb\topen\tpg8000 copied\t正文\n")
    connection.run("COPY service.tickets (customer_id, channel, status, subject, body) FROM STDIN", stream=source)
    out = io.StringIO()
    connection.run("COPY (SELECT id, phone FROM crm.customers WHERE id = 1) TO STDOUT WITH (FORMAT csv)", stream=out)
    assert place.shows(out.getvalue().strip().split(",")[1])


def test_a_mistake_leaves_the_session_usable(connection: pg8000.native.Connection) -> None:
    with pytest.raises(pg8000.native.DatabaseError) as raised:
        connection.run("SELECT nothing_of_that_name FROM crm.customers")
    assert raised.value.args[0]["C"] in {"42703", "42501"}
    assert connection.run("SELECT 1") == [[1]]
