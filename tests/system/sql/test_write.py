"""Writes that the rules allow do what they say, and show only what the veil shows."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.system.sql.company import Company, cases

CASES = cases("write.yaml")


def plain(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(row) for row in rows]


@pytest.mark.parametrize("case", CASES, ids=[c["sql"][:70] for c in CASES])
def test_a_write_does_what_it_says(company: Company, case: dict[str, Any]) -> None:
    if case.get("since", 0) > company.version:
        pytest.skip(f"the syntax came with PostgreSQL {case['since']}")
    plan = company.plan(case.get("as", "support"), case["sql"])
    if "denied" in case:
        assert plan.denial is not None
        assert plan.denial.reason == case["denied"]
        return
    assert plan.denial is None, plan.denial
    assert len(plan.statements[0].lookups) == case.get("lookups", 0)
    with psycopg.connect(company.database.dsn) as connection:
        if "raises" in case:
            with pytest.raises(psycopg.Error) as raised:
                connection.execute(plan.text)
            assert raised.value.sqlstate == str(case["raises"])
            return
        cursor = connection.execute(plan.text)
        if "columns" in case:
            assert [c.name for c in cursor.description or ()] == case["columns"]
        if "rows" in case:
            assert plain(cursor.fetchall()) == case["rows"], plan.text.decode()
        if "status" in case:
            assert cursor.statusmessage == case["status"], plan.text.decode()
        if "check" in case:
            assert plain(connection.execute(case["check"].encode()).fetchall()) == case["gives"]
        connection.rollback()
