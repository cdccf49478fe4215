"""Denials in every position: the session stays usable and its transaction state stays true (DESIGN 3, Denial)."""

from __future__ import annotations

import struct

import pytest

from adapters.postgres.wire.framing import frame
from adapters.postgres.wire.requests import FLUSH, SYNC
from tests.support.rawpg import bind, describe, execute, parse, query
from tests.system.wire.conftest import GatewayThread

DENIED = "SELECT /*deny*/ 1"


@pytest.fixture
def gw(restricted: GatewayThread) -> GatewayThread:
    return restricted


def test_query_is_denied_with_message_and_hint(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk(query(DENIED), "E:42501 Z:I")
        assert c.errors[-1]["M"] == "no rule allows contact.phone"
        assert c.errors[-1]["H"] == "Ask for a grant."
        assert c.errors[-1]["S"] == "ERROR"
        c.talk(query("SELECT 1"), "T D:1 C:SELECT_1 Z:I")
    assert len(gw.trail.find('"sqlstate":"42501"', '"verdict":"deny"')) == 1
    assert ("denied", "no_rule") in gw.observer.events


def test_denial_aborts_the_transaction_as_an_error_of_the_database_does(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk(query("BEGIN"), "C:BEGIN Z:T")
        c.talk(query(DENIED), "E:42501 Z:E")
        c.talk(query(DENIED), "E:25P02 Z:E")
        c.talk(query("SELECT 1"), "E:25P02 Z:E")
        c.talk(query("ROLLBACK"), "C:ROLLBACK Z:I")


def test_denial_inside_a_savepoint(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk(query("BEGIN"), "C:BEGIN Z:T")
        c.talk(query("SAVEPOINT s"), "C:SAVEPOINT Z:T")
        c.talk(query(DENIED), "E:42501 Z:E")
        c.talk(query("ROLLBACK TO s"), "C:ROLLBACK Z:T")
        c.talk(query("SELECT 1"), "T D:1 C Z:T")


def test_multi_statement_text_is_denied_before_any_of_it_is_sent(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk(query("CREATE TABLE t (a int)"), "C:CREATE_TABLE Z:I")
        c.talk(query(f"INSERT INTO t VALUES (1); {DENIED}"), "E:42501 Z:I")
        c.talk(query("SELECT count(*) FROM t"), "T D:0 C Z:I")


def test_parse_is_denied_and_the_batch_is_skipped(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk([parse(DENIED), bind(), describe(), execute(), SYNC], "E:42501 Z:I")
        c.talk([parse(DENIED, "s"), SYNC], "E:42501 Z:I")
        c.talk([bind(name="s"), SYNC], "E:26000 Z:I")
        c.talk([parse("SELECT 2", "s"), bind(name="s"), execute(), SYNC], "1 2 D:2 C Z:I")


def test_denied_parse_between_good_ones_in_a_pipeline(gw: GatewayThread) -> None:
    with gw.raw() as c:
        good = [parse("SELECT 1"), bind(), execute(), SYNC]
        c.talk(
            [*good, parse(DENIED), bind(), execute(), SYNC, *good, query(DENIED), query("SELECT 3")],
            "1 2 D:1 C Z:I E:42501 Z:I 1 2 D:1 C Z:I E:42501 Z:I T D:3 C Z:I",
        )


def test_work_before_a_denial_in_one_batch_is_rolled_back(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk(query("CREATE TABLE t (a int)"), "C Z:I")
        c.talk(
            [parse("INSERT INTO t VALUES (1)"), bind(), execute(), parse(DENIED), bind(), execute(), SYNC],
            "1 2 C:INSERT_0_1 E:42501 Z:I",
        )
        c.talk(query("SELECT count(*) FROM t"), "T D:0 C Z:I")


def test_denial_reaches_the_client_on_flush(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk([parse(DENIED), FLUSH], "E:42501")
        c.talk([parse("SELECT 1"), bind(), query("SELECT 2"), SYNC], "Z:I")
        c.talk(query("SELECT 1"), "T D:1 C Z:I")


def test_bind_is_denied_when_the_purpose_has_changed(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk(query("SELECT 0 /*purpose=support*/"), "T D C Z:I")
        c.talk([parse("SELECT /*deny-unless-support*/ 1", "s"), bind(name="s"), execute(), SYNC], "1 2 D:1 C Z:I")
        c.talk(query("SELECT 0 /*purpose=other*/"), "T D C Z:I")
        c.talk([bind(name="s"), execute(), SYNC], "E:42501 Z:I")
        assert c.errors[-1]["M"] == "purpose support is needed"
        c.talk(query("SELECT 0 /*purpose=support*/"), "T D C Z:I")
        c.talk([bind(name="s"), execute(), SYNC], "2 D:1 C Z:I")


def test_unnamed_statement_survives_a_denied_bind(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk([parse("SELECT $1::text /*guard*/"), SYNC], "1 Z:I")
        c.talk([bind("138****5678"), execute(), SYNC], "E:42501 Z:I")
        assert "masked value would overwrite" in c.errors[-1]["M"]
        c.talk([bind("13812345678"), execute(), SYNC], "2 D:13812345678 C Z:I")


def test_portal_bound_under_another_purpose_is_refused(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk(query("BEGIN"), "C Z:T")
        c.talk([parse("SELECT v FROM secret_table x"), bind(portal="p"), SYNC], "1 2 Z:T")
        c.talk(query("SELECT 0 /*purpose=other*/"), "T D C Z:T")
        c.talk([execute(portal="p"), SYNC], "E:55000 Z:E")
        c.talk(query("ROLLBACK"), "C Z:I")


def test_function_call_is_denied(gw: GatewayThread) -> None:
    call = frame(b"F", struct.pack("!IHhHiii", 177, 1, 1, 2, 4, 2, 4)[:-4] + struct.pack("!iih", 4, 3, 1))
    with gw.raw() as c:
        c.talk([call, query("SELECT 1")], "E:42501 Z:I T D:1 C Z:I")


def test_names_that_the_session_does_not_know_are_refused(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk(query("PREPARE hidden AS SELECT 1"), "C:PREPARE Z:I")
        c.talk([bind(name="hidden"), execute(), SYNC], "E:26000 Z:I")
        c.talk([describe("S", "hidden"), SYNC], "E:26000 Z:I")
        c.talk(query("BEGIN"), "C Z:T")
        c.talk(query("DECLARE hid CURSOR FOR SELECT 1"), "C Z:T")
        c.talk([execute(portal="hid"), SYNC], "E:34000 Z:E")
        c.talk(query("ROLLBACK"), "C Z:I")


def test_statement_that_is_not_utf8_is_refused(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk([frame(b"Q", b"SELECT '\xc3\x28'\0")], "E:22021 Z:I")
        c.talk(query("SELECT '门神'"), "T D:门神 C Z:I")
