"""Random SELECTs: what a persona gets is what the statement gives on tables that are veiled for real."""

from __future__ import annotations

import os
from contextlib import ExitStack
from random import Random

from tests.support.randomfrom import Schema
from tests.support.randomsql import columns, statement
from tests.support.rawrows import ask
from tests.system.sql.company import PERSONAS, Company

EXAMPLES = int(os.environ.get("MENSHEN_GENERATED", "60"))
TABLES = {
    "crm.customers": columns(
        "id:n! full_name:t phone:t email:t birth:d balance:z region:t status:t tags:z preferences:j created_at:z"
    ),
    "crm.contacts": columns("id:n! customer_id:n label:t value:t created_at:z"),
    "crm.客户": columns("编号:n! 姓名:t 手机号:t 城市:t"),
    "crm.events": columns("id:n customer_id:n at:d ip:t"),
    "crm.customer_view": columns("id:n full_name:t mobile:t region:t"),
    "sales.orders": columns("id:n! customer_id:n region:t amount:m ordered:d"),
    "sales.customers": columns("id:n! grade:t"),
    "ref.regions": columns("code:t! title:t"),
}
SCHEMA = Schema(TABLES, special=frozenset({"crm.customers", "crm.events", "crm.customer_view"}))


def test_a_generated_select_equals_the_same_select_on_veiled_tables(company: Company) -> None:
    asked = denied = 0
    with ExitStack() as open_now:
        raw = open_now.enter_context(company.database.connect())
        veiled = {name: open_now.enter_context(one.connect()) for name, one in company.shadows.items()}
        for seed in range(EXAMPLES):
            one = statement(Random(seed), SCHEMA, version=company.version)
            for persona in PERSONAS:
                asked += 1
                plan = company.plan(persona, one.sql)
                if plan.denial is not None:
                    assert plan.denial.reason in ("withheld", "no_rule"), (persona, plan.denial, one.sql)
                    denied += 1
                    continue
                got, want = ask(raw, plan.text.decode()), ask(veiled[persona], one.sql)
                assert got.same(want, rows=one.stable), (seed, persona, one.sql, plan.text.decode())
    assert denied < asked / 3, "most statements must test something"
