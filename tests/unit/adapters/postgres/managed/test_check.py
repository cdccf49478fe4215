"""Findings about what is installed."""

from __future__ import annotations

from dataclasses import replace

from adapters.postgres.managed.check import check
from adapters.postgres.managed.state import Found
from tests.support.datamap import bundle, shown, snapshot
from tests.unit.adapters.postgres.managed.test_contents import PEOPLE, RULES, TABLES
from tests.unit.adapters.postgres.managed.test_installer import found


def told(one: Found, *, managed: bool = True, rules: str = RULES) -> str:
    return shown(check(bundle(TABLES, rules), snapshot(PEOPLE), one, managed=managed))


def test_what_is_as_it_should_be_is_no_finding() -> None:
    assert told(found()) == ""


def test_a_managed_database_needs_an_installation_and_another_does_not() -> None:
    nothing = replace(found(), version=None)
    assert "nothing is installed" in told(nothing)
    assert told(nothing, managed=False) == ""


def test_another_bundle_drift_and_reach_are_told() -> None:
    assert "another bundle" in told(found(), rules=RULES.replace("pseudonym", "partial"))
    assert "view x was added" in told(replace(found(), state={"a": "1", "view x": ""}))
    assert "more changes" in told(replace(found(), state={str(i): "" for i in range(30)}))
    assert "reaches crm.customers" in told(replace(found(), reached=(("r", "crm.customers"),)))
