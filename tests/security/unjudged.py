"""A gateway whose analysis is switched off: what then holds is the database's own lock. For these tests alone.

`python -m tests.security.unjudged serve …` is `menshen serve` with a planner that forwards every text as it is. The one
thing that is changed is where names lead: search_path is the persona's (it is set for its role), and with
MENSHEN_TEST_QUALIFIED a schema that a text names becomes the persona's, as if the application named its views.
"""

from __future__ import annotations

import os
import re
import sys

import gateway.app
from adapters.postgres.managed.names import persona_schema
from adapters.postgres.managed.planner import ManagedPlanner
from adapters.postgres.plan import Plan, SessionState, StatementPlan
from adapters.postgres.sql import record
from adapters.postgres.sql.parse import NotUnderstood, Text
from adapters.postgres.sql.quote import quote_ident
from gateway.cli import main
from gateway.fleet import child, launch
from gateway.model import Outcome

SCHEMAS = ("shop", "ref")


class UnjudgedPlanner(ManagedPlanner):
    """Allows everything."""

    def plan(self, text: str, state: SessionState, *, single: bool) -> Plan:
        token = self._token(state, state.purpose)
        if token.persona.unrestricted:
            return super().plan(text, state, single=single)
        fragment = record.opaque("OTHER", text, Outcome.ALLOW, None, state.purpose, None, self.policy.digest)
        statement = StatementPlan("OTHER", Outcome.ALLOW, state.purpose, None, fragment, governed=True)
        if os.environ.get("MENSHEN_TEST_QUALIFIED"):
            text = self._qualified(text, state)
        return Plan(token, text.encode("utf-8", "surrogatepass"), (statement,) * _statements(text))

    def function_call(self, oid: int, state: SessionState) -> Plan:
        return self._whole(self._token(state, state.purpose), "FUNCTION CALL", "", None, None, None)

    def _qualified(self, text: str, state: SessionState) -> str:
        persona = self.policy.persona(state.principal, state.purpose)
        for schema in SCHEMAS:
            own = quote_ident(persona_schema(persona, schema))
            text = re.sub(rf'(?<![\w"]){schema}\.|"{schema}"\.', lambda _, own=own: f"{own}.", text)
        return text


def _statements(text: str) -> int:
    try:
        return len(Text(text).statements)
    except NotUnderstood:
        return 1


if __name__ == "__main__":
    gateway.app.ManagedPlanner = UnjudgedPlanner  # type: ignore[misc]
    if sys.argv[1] != "serve":
        sys.exit(child.main(sys.argv[1:]))
    launch.CHILD = "tests.security.unjudged"
    sys.exit(main())
