"""The planner's own part: purposes in comments and settings, several statements, what goes stale, what is kept."""

from __future__ import annotations

import orjson
import pytest

from adapters.postgres.plan import Plan, SetPurpose
from gateway.errors import PurposeRefused
from gateway.model import Outcome
from tests.support.smallplanner import plan, planner, state


def record(made: Plan, index: int = 0) -> dict[str, object]:
    found: dict[str, object] = orjson.loads(b"{" + made.statements[index].fragment + b"}")
    return found


def test_a_statement_that_needs_no_veil_is_forwarded_as_it_was_written() -> None:
    sql = "select /* plain */ 1 ;-- end"
    made = plan(sql)
    assert made.text.decode() == sql
    assert made.edits == ()
    assert made.statements[0].outcome is Outcome.ALLOW


def test_an_open_schema_needs_no_purpose_and_a_governed_table_does() -> None:
    one = planner()
    assert one.plan("SELECT * FROM ref.lands", state(one, None), single=True).denial is None
    denied = one.plan("SELECT id FROM crm.customers", state(one, None), single=True).denial
    assert denied is not None
    assert denied.reason == "no_purpose"
    assert "menshen.purpose" in denied.hint


@pytest.mark.parametrize(
    ("sql", "purpose"),
    [
        ("/*purpose='service'*/ SELECT id FROM crm.customers", "service"),
        ("SELECT id FROM crm.customers /*purpose='service',traceparent='00-a'*/", "service"),
        ("SELECT id FROM crm.customers /*menshen.purpose='service'*/;", "service"),
        ("SELECT /*purpose='service'*/ id FROM crm.customers", None),
        ("SELECT '/*purpose=''service''*/' FROM ref.lands", None),
    ],
)
def test_a_comment_at_either_end_states_the_purpose(sql: str, purpose: str | None) -> None:
    one = planner()
    made = one.plan(sql, state(one, None), single=True)
    assert made.statements[0].purpose == purpose
    assert (made.denial is None) == (purpose is not None or "ref.lands" in sql)


def test_an_actor_in_a_comment_is_recorded_with_its_statement() -> None:
    made = plan("/*actor='agent%2042'*/ SELECT id FROM crm.customers")
    assert record(made)["statement_actor"] == "agent 42"


def test_a_purpose_that_is_set_holds_for_the_statements_behind_it() -> None:
    one = planner()
    made = one.plan("SET menshen.purpose = 'service'; SELECT id FROM crm.customers", state(one, None), single=False)
    assert made.denial is None
    assert made.statements[0].effects == (SetPurpose("service"),)
    assert made.statements[1].purpose == "service"


def test_one_refused_statement_refuses_the_text() -> None:
    made = plan("SELECT 1; SELECT * FROM crm.unknown; SELECT 2")
    assert made.denial is not None
    assert made.denial.position == 25


def test_a_purpose_of_another_department_is_refused_at_the_start() -> None:
    one = planner()
    with pytest.raises(PurposeRefused):
        one.startup_purpose(one.policy.principals["app"], "nonsense")
    assert one.startup_purpose(one.policy.principals["app"], None) == "service"


def test_an_unrestricted_persona_is_recorded_and_never_rewritten() -> None:
    one = planner(rules="p, root, service, *, *, allow\ng, app, root\n", rows=False)
    assert one.is_unrestricted(state(one))
    for sql in (
        "SELECT phone FROM customers",
        "CREATE TABLE t AS SELECT * FROM crm.customers",
        "SELECT shout(1)",
        "not sql",
    ):
        made = one.plan(sql, state(one), single=True)
        assert made.denial is None
        assert made.text.decode() == sql
    made = one.plan("SELECT phone FROM customers", state(one), single=True)
    assert record(made)["classes"] == {"contact.phone": "clear"}
    assert made.statements[0].governed
    assert not made.statements[0].scrub


def test_what_is_not_understood_counts_as_governed_for_an_unrestricted_persona() -> None:
    """No trail, no data: DO, CALL and unread texts may touch anything."""
    one = planner(rules="p, root, service, *, *, allow\ng, app, root\n", rows=False)
    for sql in ("DO $$ BEGIN END $$", "CALL anything()", "SELECT shout(1)", "not sql at all", "SELECT * FROM nowhere"):
        assert one.plan(sql, state(one), single=True).statements[0].governed, sql
    assert one.function_call(1, state(one)).statements[0].governed
    assert not one.plan("SELECT 1", state(one), single=True).statements[0].governed


def test_show_answers_for_the_gateway_itself() -> None:
    assert plan("SHOW menshen.purpose").text.decode() == """SELECT 'service'::text AS "menshen.purpose\""""


def test_execute_runs_only_what_was_prepared_under_the_same_token() -> None:
    one = planner()
    session = state(one)
    prepared = one.plan("PREPARE q AS SELECT phone FROM crm.customers", session, single=False)
    for effect in prepared.statements[0].effects:
        session.apply(effect)
    ran = one.plan("EXECUTE q", session, single=False)
    assert ran.denial is None
    assert record(ran)["classes"] == {"contact.phone": "partial"}
    session.search_path = ("public",)
    stale = one.plan("EXECUTE q", session, single=False).denial
    assert stale is not None
    assert stale.reason == "stale"


@pytest.mark.parametrize(
    ("made", "used"),
    [
        ("PREPARE q AS SELECT id FROM crm.customers", "EXECUTE q"),
        ("DECLARE q CURSOR FOR SELECT id FROM crm.customers", "FETCH ALL FROM q"),
    ],
)
def test_what_a_comment_s_purpose_prepared_does_not_run_without_that_purpose(made: str, used: str) -> None:
    one = planner()
    session = state(one, None)
    planned = one.plan(f"/*purpose='service'*/ {made}", session, single=False)
    assert planned.denial is None
    for effect in planned.statements[0].effects:
        session.apply(effect)
    refused = one.plan(used, session, single=False).denial
    assert refused is not None
    assert refused.reason == "stale"
    assert one.plan(f"/*purpose='service'*/ {used}", session, single=False).denial is None


def test_an_execute_that_was_refused_runs_once_its_statement_is_made_again() -> None:
    one = planner()
    session = state(one)
    prepared = one.plan("PREPARE q AS SELECT id FROM crm.customers", session, single=False)
    session.apply(prepared.statements[0].effects[0])
    session.search_path = ("public",)
    for _ in range(3):  # often enough for the text to be kept
        denial = one.plan("EXECUTE q", session, single=False).denial
        assert denial is not None
        assert denial.reason == "stale"
    again = one.plan("PREPARE q AS SELECT id FROM crm.customers", session, single=False)
    session.apply(again.statements[0].effects[0])
    assert one.plan("EXECUTE q", session, single=False).denial is None


def test_a_text_that_comes_again_is_kept_and_one_that_does_not_is_not() -> None:
    one = planner()
    sql = "SELECT id FROM crm.customers"
    one.plan(sql, state(one), single=True)
    second = one.plan(sql, state(one), single=True)
    assert one.plan(sql, state(one), single=True) is second
    assert (one.hits, one.misses) == (1, 2)
    assert one.plan("SELECT id FROM ref.lands", state(one, None), single=True).token != second.token


def test_a_principal_whom_the_bundle_forgot_is_refused_everything() -> None:
    one = planner()
    lost = state(one)
    lost.purpose = "a purpose that was dropped"
    assert one.token(lost) == one.token(lost) != one.token(state(one))
    assert not one.is_unrestricted(lost)
    denial = one.plan("SELECT 1", lost, single=True).denial
    assert denial is not None
    assert denial.reason == "purpose"


def test_the_record_holds_no_literal_and_names_rules_and_classes() -> None:
    made = plan("SELECT full_name, phone FROM crm.customers WHERE phone = '13812345678' AND id = 7 -- secret")
    found = record(made)
    assert found["statement"] == "SELECT full_name, phone FROM crm.customers WHERE phone = $1 AND id = $2"
    assert found["classes"] == {"contact.phone": "partial", "identity.name": "withheld", "public": "clear"}
    assert found["relations"] == ["crm.customers"]
    assert found["verdict"] == "veil"


def test_the_function_call_message_is_refused() -> None:
    one = planner()
    denial = one.function_call(2100, state(one)).denial
    assert denial is not None
    assert denial.reason == "function"


def test_an_error_position_is_that_of_the_client_s_own_text() -> None:
    sql = "SELECT id, phone FROM crm.customers WHERE nope = 1"
    made = plan(sql)
    forwarded = made.text.decode()
    assert made.original_position(forwarded.index("nope") + 1) == sql.index("nope") + 1
    assert made.original_position(forwarded.index("overlay") + 1) == sql.index("crm.customers") + 1
