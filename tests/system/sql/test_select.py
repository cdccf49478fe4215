"""A spliced SELECT gives the rows that the statement as written gives where the veils are real tables."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.support.postgres import Database
from tests.system.sql.company import PERSONAS, Company, cases

CASES = cases("select.yaml")


def run(database: Database, sql: str) -> tuple[list[str], list[Any]] | str:
    """Column names and rows (in order where the statement asks for one), or the SQLSTATE."""
    with psycopg.connect(database.dsn) as connection:
        try:
            cursor = connection.execute(sql.encode())
        except psycopg.Error as error:
            return error.sqlstate or "?"
        rows = cursor.fetchall()
        ordered = "ORDER BY" in sql.upper()
        return [c.name for c in cursor.description or ()], rows if ordered else sorted(rows, key=repr)


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("case", CASES, ids=[c["sql"][:60] for c in CASES])
def test_a_veiled_select_equals_the_same_select_on_veiled_tables(
    company: Company, case: dict[str, Any], persona: str
) -> None:
    if persona not in case.get("as", PERSONAS):
        pytest.skip("the case is for other personas")
    if case.get("since", 0) > company.version:
        pytest.skip(f"the syntax came with PostgreSQL {case['since']}")
    plan = company.plan(persona, case["sql"])
    assert plan.denial is None, plan.denial
    got = run(company.database, plan.text.decode())
    want = run(company.shadows[persona], case["sql"])
    assert got == want, plan.text.decode()
    if "raises" in case:
        assert want == str(case["raises"])
    else:
        assert not isinstance(want, str)
