"""Conditions under which watching cannot be trusted."""

from __future__ import annotations

import pytest

from tests.support.watching import Bench, at, event, pages, statement


@pytest.mark.parametrize("name", ["trail_damaged", "trail_recovered", "clock_jumped"])
def test_what_pages(name: str) -> None:
    assert len(pages(Bench("health").feed(event(at(), name)))) == 1


@pytest.mark.parametrize("name", ["policy_refused", "trail_key_changed", "trail_torn"])
def test_what_is_a_note(name: str) -> None:
    found = Bench("health").feed(event(at(), name))
    assert len(found) == 1
    assert pages(found) == []


def test_a_clock_that_goes_back() -> None:
    bench = Bench("health")
    assert bench.feed(statement(at(0, 9)), statement(at(0, 8.99)), statement(at(0, 9.1))) == []
    found = bench.feed(statement(at(0, 8)))
    assert "went back by 3960 seconds" in found[0].summary
    assert bench.feed(statement(at(0, 8.01))) == [], "the new time counts from here on"


def test_behind_and_unsigned() -> None:
    assert Bench("health").feed(event(at(), "watch_behind", seconds=5)) == []
    assert pages(Bench("health").feed(event(at(), "watch_behind", seconds=500)))
    assert Bench("health").feed(event(at(), "policy_loaded")) == []
    assert pages(Bench("health", signed=True).feed(event(at(), "policy_loaded")))
    assert pages(Bench("health", signed=True).feed(event(at(), "policy_loaded", signed=False)))
    assert Bench("health", signed=True).feed(event(at(), "policy_loaded", signed=True)) == []
