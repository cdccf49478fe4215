"""Masks are in the statement: whatever a driver asks for, and leaves out, of the extended protocol, its rows are veiled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.postgres.wire.requests import FLUSH, SYNC, Bind, encode_bind
from tests.support.gateway import Gateway
from tests.support.postgres import Database
from tests.support.rawpg import RawClient, bind, close, describe, execute, parse, query
from tests.system.gateway.conftest import CLEAR, MASKED

PHONES = "SELECT phone FROM app.people ORDER BY id"
MANY = [f"138{number:08}" for number in range(2, 6)]
VEILED = [f"138****{phone[7:]}" for phone in MANY]


@pytest.fixture
def desk(gateway: Gateway, database: Database) -> Iterator[RawClient]:
    for number, phone in enumerate(MANY, 2):
        database.execute("INSERT INTO app.people VALUES (%s, '某某', %s)", (number, phone))
    with RawClient(gateway.port) as client:
        yield client.login("desk_app", gateway.passwords["desk_app"], "crm")


def test_a_portal_that_is_read_in_parts(desk: RawClient) -> None:
    """Several Executes of one portal, over several Syncs of one transaction, with other statements between them."""
    desk.talk(query("BEGIN"), "C Z:T")
    desk.talk(parse(PHONES, "s") + bind(name="s", portal="p") + describe("P", "p") + execute(1, "p") + SYNC,
              f"1 2 T D:{MASKED} s Z:T")  # fmt: skip
    desk.talk(execute(2, "p") + FLUSH, f"D:{VEILED[0]} D:{VEILED[1]} s")
    desk.talk(parse(f"SELECT phone FROM app.people WHERE phone = '{CLEAR}'") + bind() + execute() + SYNC, "1 2 C Z:T")
    desk.talk(execute(1, "p") + execute(0, "p") + SYNC, f"D:{VEILED[2]} s D:{VEILED[3]} C Z:T")
    desk.talk(close("P", "p") + SYNC, "3 Z:T")
    desk.talk(execute(1, "p") + SYNC, "E:34000 Z:E")
    desk.talk(query("ROLLBACK"), "C Z:I")


def test_no_describe_at_all(desk: RawClient) -> None:
    """As drivers do that keep what they were told of a statement before."""
    desk.talk(parse(f"{PHONES} LIMIT 1", "s") + SYNC, "1 Z:I")
    for _ in range(3):
        desk.talk(bind(name="s") + execute() + SYNC, f"2 D:{MASKED} C Z:I")


def test_describe_of_the_statement_only_and_binary_results(desk: RawClient) -> None:
    desk.talk(parse(f"{PHONES} LIMIT 1", "s") + describe("S", "s") + SYNC, "1 t T Z:I")
    binary = encode_bind(Bind(b"", b"s", (), (), (1,)))
    desk.talk(binary + execute() + SYNC, f"2 D:{MASKED} C Z:I")


def test_a_portal_whose_purpose_ended_gives_no_more_rows(desk: RawClient) -> None:
    """A row that was not read yet belongs to what is allowed now."""
    desk.talk(query("BEGIN"), "C Z:T")
    desk.talk(parse(PHONES) + bind(portal="p") + execute(1, "p") + SYNC, f"1 2 D:{MASKED} s Z:T")
    desk.talk(query("SET menshen.purpose = 'care'"), "C Z:T")
    desk.talk(execute(1, "p") + SYNC, f"D:{VEILED[0]} s Z:T")
    desk.talk(query("COMMIT"), "C Z:I")
    desk.talk(execute(1, "p") + SYNC, "E:34000 Z:I")
