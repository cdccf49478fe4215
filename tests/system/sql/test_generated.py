"""Random SELECTs: what a persona gets is what the statement gives on tables that are veiled for real."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings

from tests.system.sql.company import PERSONAS, Company
from tests.system.sql.generator import selects
from tests.system.sql.test_select import run

EXAMPLES = int(os.environ.get("MENSHEN_GENERATED", "60"))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(sql=selects())
def test_a_generated_select_equals_the_same_select_on_veiled_tables(company: Company, sql: str) -> None:
    for persona in PERSONAS:
        plan = company.plan(persona, sql)
        assert plan.denial is None, (persona, plan.denial, sql)
        got = run(company.database, plan.text.decode())
        want = run(company.shadows[persona], sql)
        assert got == want, (persona, sql, plan.text.decode())
