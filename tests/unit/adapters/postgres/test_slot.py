"""The planner in the slot can be exchanged, and without one nothing is judged."""

from __future__ import annotations

from typing import cast

import pytest

from adapters.postgres.plan import Plan, SessionState
from adapters.postgres.planner import PostgresPlanner
from adapters.postgres.slot import PlannerSlot
from gateway.errors import UpstreamUnavailable
from gateway.model import Principal

STATE = SessionState(Principal("p", "it", "job"), "crm", None)


class Fake:
    snapshot = None

    def __init__(self, token: str) -> None:
        self._token = token
        self.hits = 0
        self.misses = 0

    def token(self, state: SessionState) -> str:
        return self._token

    def plan(self, text: str, state: SessionState, *, single: bool) -> Plan:
        if text == "known":
            self.hits += 1
        else:
            self.misses += 1
        return Plan(self._token, text.encode(), ())


def put(slot: PlannerSlot, token: str) -> None:
    slot.put(cast(PostgresPlanner, Fake(token)))


def test_without_a_planner_nothing_is_judged() -> None:
    slot = PlannerSlot("crm")
    for ask in (
        lambda: slot.plan("SELECT 1", STATE, single=True),
        lambda: slot.token(STATE),
        lambda: slot.function_call(1, STATE),
        lambda: slot.parameters((16_400,), STATE),
        lambda: slot.startup_purpose(STATE.principal, None),
        lambda: slot.is_unrestricted(STATE),
    ):
        with pytest.raises(UpstreamUnavailable, match="is not ready") as caught:
            ask()
        assert caught.value.sqlstate == "57P03"
    assert slot.snapshot is None
    assert slot.cache == (0, 0)


def test_the_planner_is_exchanged_and_the_counts_go_on() -> None:
    times: list[float] = []
    slot = PlannerSlot("crm", times.append)
    put(slot, "one")
    assert slot.token(STATE) == "one"
    slot.plan("new", STATE, single=False)
    slot.plan("known", STATE, single=False)
    put(slot, "two")
    assert slot.token(STATE) == "two"
    slot.plan("new", STATE, single=False)
    assert slot.cache == (1, 2)
    assert len(times) == 2, "only texts whose verdict was not known are timed"
