"""A planner that can be exchanged while sessions hold it: the server keeps the slot, a reload changes what is in it.

Every call goes to the planner that is in force at that moment; its tokens differ from those of the one before, so
that each prepared statement is judged again at its next Bind. Without one (the catalogue was never read) every call
raises UpstreamUnavailable with 57P03.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence

from adapters.postgres.catalog import Snapshot
from adapters.postgres.dsn import Credentials
from adapters.postgres.plan import Plan, SessionState
from adapters.postgres.planner import PostgresPlanner
from gateway.errors import UpstreamUnavailable
from gateway.model import Denial, Principal


class PlannerSlot:
    """Satisfies `adapters.postgres.plan.Planner` for one database."""

    def __init__(self, database: str, judged: Callable[[float], None] = lambda microseconds: None) -> None:
        """`judged`: told how long a text took whose verdict was not known."""
        self._database = database
        self._judged = judged
        self._planner: PostgresPlanner | None = None
        self._hits = 0
        self._misses = 0

    def put(self, planner: PostgresPlanner) -> None:
        """From now on `planner` judges."""
        self._hits, self._misses = self.cache
        self._planner = planner

    @property
    def snapshot(self) -> Snapshot | None:
        """The catalogue that is planned with; None: there is none yet."""
        return None if self._planner is None else self._planner.snapshot

    @property
    def cache(self) -> tuple[int, int]:
        """Hits and misses of all planners so far."""
        if self._planner is None:
            return self._hits, self._misses
        return self._hits + self._planner.hits, self._misses + self._planner.misses

    def token(self, state: SessionState) -> Hashable:
        return self._current().token(state)

    def plan(self, text: str, state: SessionState, *, single: bool) -> Plan:
        planner = self._current()
        misses, began = planner.misses, time.perf_counter_ns()
        plan = planner.plan(text, state, single=single)
        if planner.misses != misses:
            self._judged((time.perf_counter_ns() - began) / 1000)
        return plan

    def parameters(self, types: Sequence[int], state: SessionState) -> Denial | None:
        return self._current().parameters(types, state)

    def function_call(self, oid: int, state: SessionState) -> Plan:
        return self._current().function_call(oid, state)

    def startup_purpose(self, principal: Principal, purpose: str | None) -> str | None:
        return self._current().startup_purpose(principal, purpose)

    def login(self, state: SessionState) -> Credentials | None:
        return self._current().login(state)

    def is_unrestricted(self, state: SessionState) -> bool:
        return self._current().is_unrestricted(state)

    def _current(self) -> PostgresPlanner:
        if self._planner is None:
            raise UpstreamUnavailable(
                f'database "{self._database}" is not ready: its catalogue could not be read yet',
                hint="Try again in a moment; operators find the reason in /readyz and in the gateway's log.",
                sqlstate="57P03",
            )
        return self._planner
