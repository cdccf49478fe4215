"""What is not allowed, or not understood, is denied with the reason that is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.model import Outcome
from tests.system.sql.company import Company, cases

CASES = cases("denied.yaml")


@pytest.mark.parametrize("case", CASES, ids=[c["sql"][:70] for c in CASES])
def test_what_must_not_pass_is_denied(company: Company, case: dict[str, Any]) -> None:
    state = company.state(case.get("as", "support"), case.get("purpose"))
    if case.get("purpose") == "none":
        state.purpose = None
    plan = company.planner.plan(case["sql"], state, single=False)
    assert plan.denial is not None, plan.text.decode()
    assert plan.denial.reason == case["reason"], plan.denial
    assert plan.denial.message
    assert plan.statements[0].outcome is Outcome.DENY
    assert b"138****" not in plan.statements[0].fragment
