"""Row rules: what may stand in one, and what it becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.sql.rowrule import check_row_rule, render_row_rule
from gateway.model import AttributeValue

COLUMNS = ("region", "status", "地区", "age", "vip", "born")


@pytest.mark.parametrize(
    ("rule", "attributes", "sql"),
    [
        ("region = :principal.region", {"region": "north"}, """("c"."region" OPERATOR(pg_catalog.=) 'north')"""),
        ("地区=:principal.地区", {"地区": "华北"}, """("c"."地区" OPERATOR(pg_catalog.=) '华北')"""),
        ("Region != 'it''s'", {}, """("c"."region" OPERATOR(pg_catalog.<>) 'it''s')"""),
        ("region = :principal.name", {"name": "O'Hara\\"}, """("c"."region" OPERATOR(pg_catalog.=) 'O''Hara\\')"""),
        ("age < -3", {}, """("c"."age" OPERATOR(pg_catalog.<) (-3))"""),
        ("age >= :principal.age", {"age": -5}, """("c"."age" OPERATOR(pg_catalog.>=) (-5))"""),
        ("vip = :principal.vip", {"vip": False}, """("c"."vip" OPERATOR(pg_catalog.=) false)"""),
        ("vip", {}, '"c"."vip"'),
        ("vip IS NOT TRUE", {}, '("c"."vip" IS NOT TRUE)'),
        ("region IS NULL", {}, '("c"."region" IS NULL)'),
        (
            "NOT (region = 'a' OR age IS NULL) AND vip",
            {},
            """((NOT (("c"."region" OPERATOR(pg_catalog.=) 'a') OR ("c"."age" IS NULL))) AND "c"."vip")""",
        ),
        (
            "region = ANY(:principal.regions)",
            {"regions": ("north", 'a"b\\c', "华'北")},
            """("c"."region" OPERATOR(pg_catalog.=) ANY ('{"north","a\\"b\\\\c","华''北"}'))""",
        ),
        ("region = ANY(:principal.r)", {"r": "n"}, """("c"."region" OPERATOR(pg_catalog.=) ANY ('{"n"}'))"""),
        ("region = ANY(:principal.r)", {"r": ()}, """("c"."region" OPERATOR(pg_catalog.=) ANY ('{}'))"""),
        (
            "region IN ('a', :principal.r)",
            {"r": ("b", "c")},
            """(("c"."region" OPERATOR(pg_catalog.=) 'a') OR ("c"."region" OPERATOR(pg_catalog.=) 'b')"""
            """ OR ("c"."region" OPERATOR(pg_catalog.=) 'c'))""",
        ),
        ("region IN (:principal.r)", {"r": ()}, "false"),
        ("region NOT IN (:principal.r)", {"r": ()}, "true"),
        (
            "age BETWEEN 1 AND 2.5",
            {},
            """(("c"."age" OPERATOR(pg_catalog.>=) (1)) AND ("c"."age" OPERATOR(pg_catalog.<=) (2.5)))""",
        ),
        ("region NOT ILIKE 'n%'", {}, """("c"."region" OPERATOR(pg_catalog.!~~*) 'n%')"""),
        ("born > date '2000-01-01'", {}, """("c"."born" OPERATOR(pg_catalog.>) ('2000-01-01'::pg_catalog.date))"""),
        ("age::text = '5'", {}, """(("c"."age"::pg_catalog.text) OPERATOR(pg_catalog.=) '5')"""),
        ("region = ':principal.x'", {}, """("c"."region" OPERATOR(pg_catalog.=) ':principal.x')"""),
    ],
)
def test_a_rule_becomes_qualified_sql(rule: str, attributes: dict[str, AttributeValue | None], sql: str) -> None:
    assert check_row_rule(rule, COLUMNS) is None
    assert render_row_rule(rule, COLUMNS, attributes, '"c".') == sql


@pytest.mark.parametrize(
    ("rule", "attributes"),
    [
        ("NOT (region = :principal.region)", {}),
        ("NOT (region = :principal.region)", {"region": None}),
        ("NOT (region = :principal.region)", {"region": ("a", "b")}),
        ("region LIKE :principal.region", {"region": "a\\"}),
        ("region = :principal.region", {"region": "a\0"}),
        ("region = now()", {}),
        ("nothing = 1", {}),
    ],
)
def test_what_cannot_be_rendered_hides_every_row(rule: str, attributes: dict[str, AttributeValue | None]) -> None:
    assert render_row_rule(rule, COLUMNS, attributes, "") == "false"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("salary = 1", "no column 'salary'"),
        ("customers.region = 'x'", "without a qualifier"),
        ("region = lower('X')", "a function"),
        ("region = (SELECT 'x')", "a sub-select"),
        ("age + 1 = 2", "an operator within a comparison"),
        ("region ~ 'x'", "cannot be used"),
        ("region OPERATOR(public.=) 'x'", "cannot be used like this"),
        ("region::int = 1", "casts columns to text only"),
        ("'x'::public.mood = region", "casts to"),
        ("age = current_user", "the current time or user"),
        ("true) OR (true", "does not understand"),
        ("true UNION SELECT true", "one condition"),
        ("true; DROP TABLE t", "one condition"),
        ("true ORDER BY 1", "one condition"),
        ("region = 'x' -- y", "comment"),
        ("region = E'\\x41'", "backslash"),
        ("region = $1", "dollar"),
        ("", "does not understand"),
        ("region IS DISTINCT FROM 'x'", "cannot be used"),
        ("region LIKE status", "pattern"),
        ("region = ANY(status)", "ANY and ALL take"),
        ("NOT " * 3000 + "vip", "nested too deeply"),
    ],
)
def test_what_may_not_stand_in_a_rule_is_told(rule: str, problem: str) -> None:
    assert problem in (check_row_rule(rule, COLUMNS) or "")


@given(st.text(max_size=60), st.text(st.characters(exclude_categories=("Cs",)), max_size=20))
def test_any_text_is_either_a_rule_or_a_problem(rule: str, value: str) -> None:
    problem = check_row_rule(rule, COLUMNS)
    sql = render_row_rule(rule, COLUMNS, {"x": value}, "")
    assert sql == "false" or problem is None
