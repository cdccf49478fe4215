"""What a session of a managed database may do beside the rules: be the persona that it logged in as."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.postgres.managed.contents import contents, personas
from adapters.postgres.managed.login import RoleSecrets
from adapters.postgres.managed.planner import ManagedPlanner, NotInstalledError
from adapters.postgres.plan import SessionState
from adapters.postgres.sql.pseudonym import PseudonymKeys
from gateway.errors import MenshenError
from gateway.policy.policy import Policy
from tests.support.datamap import bundle, snapshot
from tests.unit.adapters.postgres.managed.test_contents import PEOPLE, RULES, TABLES

KEYS, SECRETS = PseudonymKeys(b"k" * 32), RoleSecrets(b"k" * 32)
SELECT = "SELECT full_name FROM crm.customers"


def planner(*, installed: bool = True, policy: Policy | None = None) -> ManagedPlanner:
    policy = policy or bundle(TABLES, RULES)
    found = snapshot(PEOPLE)
    made = {one.role: one.digest for one in (contents(policy, found, KEYS, each) for each in personas(policy))}
    return ManagedPlanner(policy, replace(found, installed=made if installed else {}), KEYS, b"h" * 32, SECRETS)


def state(one: ManagedPlanner, purpose: str | None = "service") -> SessionState:
    return SessionState(one.policy.principals["app"], "crm", purpose, initial_purpose=purpose)


def test_a_session_logs_in_as_the_role_of_its_persona() -> None:
    one = planner()
    assert one.login(state(one)) == SECRETS.credentials("menshen:crm:app:service")
    assert one.login(state(one, None)) == SECRETS.credentials("menshen:crm:app:")


def test_an_unrestricted_persona_logs_in_as_the_gateway() -> None:
    one = planner(policy=bundle(TABLES, "p, support, service, *, *, allow\ng, app, support\n"), installed=False)
    assert one.login(state(one)) is None
    assert one.plan(SELECT, state(one), single=True).denial is None


def test_statements_read_the_view() -> None:
    one = planner()
    text = one.plan(SELECT, state(one), single=True).text.decode()
    assert (
        text == 'SELECT full_name FROM (SELECT "full_name" FROM "menshen:app:service:crm"."customers") AS "customers"'
    )


def test_what_is_not_installed_is_refused_at_the_door_and_inside() -> None:
    one = planner(installed=False)
    with pytest.raises(NotInstalledError, match="not in the database as the policy wants"):
        one.login(state(one))
    denial = one.plan(SELECT, state(one), single=True).denial
    assert denial is not None
    assert (denial.reason, denial.sqlstate) == ("not_installed", "55000")
    assert one.plan("SELECT 1", state(one), single=True).denial is None


@pytest.mark.parametrize("sql", ["SET menshen.purpose = 'service'", f"/*purpose='service'*/ {SELECT}"])
def test_a_purpose_is_for_the_whole_session(sql: str) -> None:
    one = planner()
    assert one.plan(sql, state(one), single=True).denial is None
    denial = one.plan(sql, state(one, None), single=True).denial
    assert denial is not None
    assert "managed mode" in denial.message
    assert "menshen.purpose=service" in denial.hint


def test_purposes_that_are_not_the_departments_stay_refused() -> None:
    one = planner()
    with pytest.raises(MenshenError):
        one.login(state(one, "unknown"))
