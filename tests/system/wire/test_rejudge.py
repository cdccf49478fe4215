"""Prepared statements are judged again at Bind, and prepared again where the text differs (DESIGN 3)."""

from __future__ import annotations

import pytest

from adapters.postgres.wire.requests import SYNC
from tests.support.rawpg import bind, close, describe, execute, parse, query
from tests.system.wire.conftest import GatewayThread

VEILED = "SELECT v FROM secret_table x"


@pytest.fixture
def gw(restricted: GatewayThread) -> GatewayThread:
    return restricted


@pytest.mark.parametrize("name", ["", "s"])
def test_text_is_prepared_again_unseen(gw: GatewayThread, name: str) -> None:
    with gw.raw() as c:
        c.talk([parse(VEILED, name), bind(name=name), execute(), SYNC], "1 2 D:maintenance C Z:I")
        # The unnamed statement would not survive a simple query.
        change = [parse("SELECT 0 /*purpose=support*/", "c"), bind(name="c"), execute(), SYNC]
        c.talk(change, "1 2 D C Z:I")
        c.talk([bind(name=name), describe(), execute(), SYNC], "2 T D:support C Z:I")
        c.talk([bind(name=name), describe(), execute(), SYNC], "2 T D:support C Z:I")


def test_policy_change_is_seen_at_the_next_bind(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk([parse("SELECT 1", "s"), bind(name="s"), execute(), SYNC], "1 2 D:1 C Z:I")
        gw.planner.bundle = "next"
        c.talk([bind(name="s"), execute(), SYNC], "2 D:1 C Z:I")
        assert gw.planner.planned.count("SELECT 1") == 2


def test_prepared_again_in_a_failed_transaction_keeps_the_truth(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk([parse(VEILED, "s"), SYNC], "1 Z:I")
        c.talk(query("BEGIN"), "C Z:T")
        c.talk(query("SELECT 0 /*purpose=support*/"), "T D C Z:T")
        c.talk(query("SELECT 1/0"), "E:22012 Z:E")
        c.talk([bind(name="s"), execute(), SYNC], "E:25P02 Z:E")
        c.talk(query("ROLLBACK"), "C Z:I")
        # Its Close was carried out and its Parse was not: it must come back.
        c.talk([bind(name="s"), execute(), SYNC], "2 D:support C Z:I")


def test_effect_of_a_failed_statement_is_undone(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk(query("SELECT 1/0 /*purpose=support*/"), "E:22012 Z:I")
        c.talk(query(VEILED), "T D:maintenance C Z:I")
        # In one text, the statements before the one that failed did run.
        c.talk(query("SELECT 0 /*purpose=support*/; SELECT 1/0 /*purpose=other*/"), "T D C E:22012 Z:I")
        c.talk(query(VEILED), "T D:support C Z:I")


def test_pipelined_statements_after_an_effect_are_judged_after_it(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk(
            [query("SELECT 0 /*purpose=support*/"), query(VEILED), query("SELECT 1/0 /*purpose=x*/"), query(VEILED)],
            "T D C Z:I T D:support C Z:I E:22012 Z:I T D:support C Z:I",
        )


def test_reused_name_cannot_hide_what_runs(gw: GatewayThread) -> None:
    """The second Parse fails in the database; a Bind that is pipelined behind it must not count as its own."""
    with gw.raw() as c:
        c.talk([parse("SELECT 'first'", "s"), SYNC], "1 Z:I")
        c.talk(
            [parse("SELECT 'second'", "s"), SYNC, bind(name="s"), execute(), SYNC],
            "E:42P05 Z:I 2 D:first C Z:I",
        )
        assert gw.trail.find("'first'")
        assert not gw.trail.find("'second'")


def test_skipped_close_and_parse_leave_the_old_statement(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk([parse("SELECT 'first'", "s"), SYNC], "1 Z:I")
        c.talk(
            [parse("selec"), close("S", "s"), parse("SELECT 'second'", "s"), SYNC, bind(name="s"), execute(), SYNC],
            "E:42601 Z:I 2 D:first C Z:I",
        )
        assert not gw.trail.find("'second'")


def test_discard_all_and_deallocate_forget_names(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk([parse("SELECT 1", "s"), parse("SELECT 2", "t"), SYNC], "1 1 Z:I")
        c.talk(query("DEALLOCATE s"), "C Z:I")
        c.talk([bind(name="s"), SYNC], "E:26000 Z:I")
        c.talk([bind(name="t"), execute(), SYNC], "2 D:2 C Z:I")
        c.talk(query("BEGIN"), "C Z:T")
        c.talk(query("DISCARD ALL"), "E:25001 Z:E")
        c.talk(query("ROLLBACK"), "C Z:I")
        c.talk([bind(name="t"), execute(), SYNC], "2 D:2 C Z:I")
        c.talk(query("DISCARD ALL"), "C Z:I")
        c.talk([bind(name="t"), SYNC], "E:26000 Z:I")


def test_names_given_by_sql_are_judged_at_each_use(gw: GatewayThread) -> None:
    """`EXECUTE x` means what x means now, not what it meant when the text was prepared."""
    with gw.raw() as c:
        c.talk(query("PREPARE x AS SELECT 1"), "C:PREPARE Z:I")
        c.talk([parse("EXECUTE x", "s"), bind(name="s"), execute(), SYNC], "1 2 D:1 C Z:I")
        before = gw.planner.asked.count("EXECUTE x")
        c.talk([bind(name="s"), execute(), SYNC], "2 D:1 C Z:I")
        assert gw.planner.asked.count("EXECUTE x") == before
        c.talk(query("DEALLOCATE x"), "C Z:I")
        c.talk(query("PREPARE x AS SELECT 2"), "C:PREPARE Z:I")
        c.talk([bind(name="s"), execute(), SYNC], "2 D:2 C Z:I")
        assert gw.planner.asked.count("EXECUTE x") == before + 1


def test_refusal_after_a_change_does_not_prepare_again(gw: GatewayThread) -> None:
    with gw.raw() as c:
        c.talk([parse("SELECT v, $1::text FROM secret_table x /*guard*/", "s"), SYNC], "1 Z:I")
        c.talk(query("SELECT 0 /*purpose=support*/"), "T D C Z:I")
        c.talk([bind("138****5678", name="s"), execute(), SYNC], "E:42501 Z:I")
        c.talk([bind("138", name="s"), execute(), SYNC], "2 D:support,138 C Z:I")
