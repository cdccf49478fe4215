"""A planner that judges by comments: for tests of the wire that need no policy.

A text passes as it is, unrestricted, but for marks in it: `/*deny*/` is refused, `/*governed*/`, `/*scrub*/` set the
flags, `/*purpose=x*/` is the effect of SET menshen.purpose, `secret` is spliced to a derived table, `/*guard*/` and
`/*lookup*/` concern parameter 1.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

from adapters.postgres.plan import (
    CatalogueChanged,
    Deallocated,
    Discarded,
    Edit,
    Effect,
    Lookup,
    Plan,
    Prepared,
    SessionState,
    SetPurpose,
    StatementPlan,
    WriteGuard,
)
from gateway.errors import PurposeRefused
from gateway.model import Denial, Mask, Outcome, Principal
from gateway.trail.record import plan_fragment


class StubPlanner:
    def __init__(self, *, unrestricted: bool = True) -> None:
        self.unrestricted = unrestricted
        self.bundle = "stub"
        """Change it to make every token another one."""
        self._cache: dict[tuple[str, Hashable], Plan] = {}
        self.planned: list[str] = []
        self.asked: list[str] = []

    def token(self, state: SessionState) -> Hashable:
        return (state.purpose, self.bundle, state.search_path)

    def login(self, state: SessionState) -> None:
        return None

    def is_unrestricted(self, state: SessionState) -> bool:
        return self.unrestricted

    def startup_purpose(self, principal: Principal, purpose: str | None) -> str | None:
        if purpose == "forbidden":
            raise PurposeRefused("the purpose is not yours", hint="Choose another one.")
        return purpose

    def parameters(self, types: Sequence[int], state: SessionState) -> Denial | None:
        return (
            Denial("not of this type", "Send text.", reason="type")
            if 66_666 in types and not self.unrestricted
            else None
        )

    def function_call(self, oid: int, state: SessionState) -> Plan:
        if not self.unrestricted:
            return self._denied("FunctionCall", state, "function calls are not allowed")
        return Plan(self.token(state), b"", (self._statement("FUNCTIONCALL", "", state),))

    def plan(self, text: str, state: SessionState, *, single: bool) -> Plan:
        self.asked.append(text)
        key = (text, self.token(state))
        found = self._cache.get(key)
        if found is None:
            self.planned.append(text)
            found = self._cache[key] = self._plan(text, state)
        return found

    def _plan(self, text: str, state: SessionState) -> Plan:
        if "/*deny*/" in text:
            return self._denied(text, state, "no rule allows contact.phone")
        if "/*deny-unless-support*/" in text and state.purpose != "support":
            return self._denied(text, state, "purpose support is needed")
        edits: tuple[Edit, ...] = ()
        forwarded = text
        at = text.find("secret_table")
        if at >= 0:
            veil = f"(SELECT '{state.purpose}'::text AS v)"
            forwarded = text[:at] + veil + text[at + len("secret_table") :]
            edits = (Edit(at, at + len("secret_table"), len(veil)),)
        statements = tuple(
            self._statement(part.split()[0].upper(), part, state) for part in text.split(";") if part.strip()
        )
        return Plan(self.token(state), forwarded.encode(), statements, None, edits)

    def _statement(self, kind: str, text: str, state: SessionState, outcome: Outcome = Outcome.ALLOW) -> StatementPlan:
        effects: list[Effect] = []
        lowered = text.lower().strip()
        if mark := re.search(r"/\*purpose=(\w*)\*/", text):
            effects.append(SetPurpose(mark[1] or None))
        if lowered.startswith("discard all"):
            effects.append(Discarded(everything=True))
        if mark := re.match(r"deallocate\s+(\w+)", lowered):
            effects.append(Deallocated(None if mark[1] == "all" else mark[1]))
        if mark := re.match(r"prepare\s+(\w+)", lowered):
            effects.append(Prepared(mark[1]))
        if lowered.startswith(("create", "drop", "alter")):
            effects.append(CatalogueChanged())
        return StatementPlan(
            kind,
            outcome,
            state.purpose,
            state.actor,
            plan_fragment(kind=kind, statement=text[:200], fingerprint="0", verdict=outcome, bundle=self.bundle),
            governed="/*governed*/" in text,
            scrub="/*scrub*/" in text,
            effects=tuple(effects),
            guards=(WriteGuard(1, "crm.customers.phone", Mask("phone")),) if "/*guard*/" in text else (),
            lookups=(Lookup("crm.customers.phone", "contact.phone", 1),) if "/*lookup*/" in text else (),
        )

    def _denied(self, text: str, state: SessionState, message: str) -> Plan:
        statement = self._statement("SELECT", text, state, Outcome.DENY)
        return Plan(self.token(state), b"", (statement,), Denial(message, "Ask for a grant.", reason="no_rule"))
