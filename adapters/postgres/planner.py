"""Text + session → plan: the one place where reading, judging and splicing meet. No I/O, no clock; caches only.

A planner belongs to one bundle and one catalogue; a reload makes a new one, with new tokens, so that every prepared
statement is judged again at its next Bind. Facts are kept by text, plans by text and token.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from adapters.postgres.catalog import Relation, Snapshot
from adapters.postgres.dsn import Credentials
from adapters.postgres.plan import (
    Content,
    CursorDeclared,
    Effect,
    Lookup,
    Plan,
    Prepared,
    SessionState,
    SetPurpose,
    StatementPlan,
    SubjectSource,
    Transaction,
)
from adapters.postgres.session import refuse
from adapters.postgres.session.lookups import elements_of_text
from adapters.postgres.sql import comments, record
from adapters.postgres.sql.analysis import World
from adapters.postgres.sql.bounds import TOO_DEEP
from adapters.postgres.sql.facts import Facts, RelationUse, TargetUse
from adapters.postgres.sql.judge import Verdict, judge
from adapters.postgres.sql.parse import NotUnderstood, Statement, Text, too_much
from adapters.postgres.sql.pseudonym import PseudonymKeys
from adapters.postgres.sql.quote import quote_ident, quote_literal
from adapters.postgres.sql.rights import Rights
from adapters.postgres.sql.splice import MovedLookup, Splicer
from adapters.postgres.sql.subjects import sources
from adapters.postgres.sql.utility import analyse
from adapters.postgres.sql.veil import RenderedVeil, render
from adapters.postgres.world import PolicyWorld
from gateway.errors import Denied, MenshenError
from gateway.log import failed
from gateway.model import Denial, Disclosed, Disclosure, Outcome, Persona, Principal
from gateway.policy.masks import looks_masked
from gateway.policy.policy import Policy
from gateway.trail.record import value_hash

_log = logging.getLogger(__name__)

KEPT = 4_000
"""Entries of each cache; a full one is halved, oldest first."""
SEEN = 32_000
"""Texts remembered as seen once: only a text that comes again is kept, so that a stream of literals fills no cache."""
KEPT_TEXT = 100_000
"""Characters: a longer text is planned anew each time."""

_FIRST_USER_OID = 16_384
"""`FirstNormalObjectId` of PostgreSQL: what has a lower one came with initdb."""

K = TypeVar("K")
V = TypeVar("V")


class Token(NamedTuple):
    """What a verdict depends on, beside the text."""

    persona: Persona
    world: str
    search_path: tuple[str, ...] | None


class _Known(NamedTuple):
    text: Text
    facts: tuple[Facts, ...]
    purpose: str | None
    actor: str | None


class PostgresPlanner:
    """Judges the texts of one database; see `adapters.postgres.plan.Planner`."""

    def __init__(self, policy: Policy, snapshot: Snapshot, keys: PseudonymKeys, lookup_key: bytes) -> None:
        self.policy = policy
        self.snapshot = snapshot
        self._keys = keys
        self._lookup_key = lookup_key
        self._world = PolicyWorld(policy, snapshot)
        self._version = f"{policy.digest}:{snapshot.digest}"
        self._tokens: dict[tuple[str, str | None, tuple[str, ...] | None], Token] = {}
        self._facts: dict[tuple[str, tuple[str, ...]], _Known] = {}
        self._plans: dict[tuple[str, Token, bool], Plan] = {}
        self._veils: dict[tuple[Persona, int], RenderedVeil | None] = {}
        self._once: set[int] = set()
        self.hits = 0
        self.misses = 0

    # -- the face -----------------------------------------------------------------------------------------------------
    def token(self, state: SessionState) -> Hashable:
        try:
            return self._token(state, state.purpose)
        except Denied:
            return self._lost(state)
        except Exception:
            # Equal to no token that anything was judged under: all is judged again, and that says what broke.
            return object()

    def _lost(self, state: SessionState) -> Token:
        """For a principal or a purpose that the bundle in force does not know: allows nothing."""
        principal = state.principal
        return Token(Persona(principal.name, principal.department, frozenset(), None), self._version, state.search_path)

    def startup_purpose(self, principal: Principal, purpose: str | None) -> str | None:
        wanted = purpose or principal.default_purpose
        self.policy.persona(principal, wanted)
        return wanted

    def login(self, state: SessionState) -> Credentials | None:
        return None

    def is_unrestricted(self, state: SessionState) -> bool:
        token = self.token(state)
        return isinstance(token, Token) and token.persona.unrestricted

    def parameters(self, types: Sequence[int], state: SessionState) -> Denial | None:
        known, cast = self.snapshot.parameter_types, self.snapshot.cast_unasked
        strange = next((oid for oid in types if oid >= _FIRST_USER_OID and (oid not in known or oid in cast)), None)
        if strange is None or self.is_unrestricted(state):
            return None
        return Denial(
            f"a parameter may not have the type with OID {strange}: a function of a user makes it, or it is new",
            "Send it as text. A type created a moment ago is known after the gateway's next look at the catalogue.",
            reason="type",
        )

    def function_call(self, oid: int, state: SessionState) -> Plan:
        token = self.token(state)
        assert isinstance(token, Token)
        denial: Denial | None = (
            None
            if token.persona.unrestricted
            else Denial(
                "the function-call message is not supported through the gateway",
                "Call the function in a SELECT, where it can be judged.",
                reason="function",
            )
        )
        return self._whole(token, "FUNCTION CALL", "", denial, None, None)

    def plan(self, text: str, state: SessionState, *, single: bool) -> Plan:
        try:
            token = self._token(state, state.purpose)
        except Denied as error:  # the bundle in force knows the principal or its purpose no more
            return self._whole(self._lost(state), "OTHER", text, _not_understood(error), None, None)
        except Exception as error:
            return self._broken(self._lost(state), text, error)
        key = (text, token, single)
        known = self._plans.get(key)
        if known is not None:
            self.hits += 1
            return known
        self.misses += 1
        again = self._comes_again(text)
        try:
            plan, lasting = self._plan(text, state, token, again)
        except MenshenError as error:
            return self._whole(token, "OTHER", text, _not_understood(error), None, None)
        except Exception as error:
            return self._broken(token, text, error)
        if lasting and again:
            _keep(self._plans, key, plan)
        return plan

    def _broken(self, token: Token, text: str, error: Exception) -> Plan:
        """A mistake of ours while the text was read or judged: it is refused, and recorded as far as it can be cut."""
        failed(_log, "a statement could not be judged", error)
        try:
            return self._whole(token, "OTHER", text, refuse.INTERNAL, None, None)
        except Exception:
            return self._whole(token, "OTHER", "", refuse.INTERNAL, None, None)

    def _comes_again(self, text: str) -> bool:
        """Whether the text was seen before and is worth keeping."""
        if len(text) > KEPT_TEXT:
            return False
        mark = hash(text)
        if mark in self._once:
            return True
        if len(self._once) >= SEEN:
            self._once.clear()
        self._once.add(mark)
        return False

    # -- one text -----------------------------------------------------------------------------------------------------
    def _plan(self, text: str, state: SessionState, token: Token, keep: bool) -> tuple[Plan, bool]:
        path = self._path(state)
        try:
            known = self._read(text, path, keep)
        except NotUnderstood as error:
            if token.persona.unrestricted:
                return self._whole(token, "OTHER", text, None, None, None), True
            return self._whole(token, "OTHER", text, _not_understood(error), None, None), True
        working = state.copy()
        splicer = Splicer(known.text)
        statements: list[StatementPlan] = []
        lasting = True
        for facts in known.facts:
            here = self._path(working)
            if here != path:
                facts = _facts(known.text, known.text.statements[len(statements)], self._world, here)
            current = self._token(working, known.purpose or working.purpose)
            statement, denial = self._statement(known, facts, working, current, splicer)
            # What EXECUTE and FETCH mean hangs on the session, refused or not.
            lasting = lasting and not (facts.executes or facts.fetches or facts.shows)
            if denial is not None:
                return Plan(token, b"", (statement,), denial), lasting
            statements.append(statement)
            for effect in statement.effects:
                if isinstance(effect, SetPurpose):
                    self._pursue(state, effect.purpose or state.initial_purpose)
                # What the statements behind it mean hangs on the transaction, which the token does not tell.
                lasting = lasting and not (isinstance(effect, Transaction) and len(known.facts) > 1)
                working.apply(effect)
        forwarded, edits = splicer.apply()
        return Plan(token, forwarded.encode("utf-8", "surrogatepass"), tuple(statements), None, edits), lasting

    def _pursue(self, state: SessionState, purpose: str | None) -> None:
        """Raises Denied where the session may not take this purpose."""
        self.policy.persona(state.principal, purpose)

    def _withstands(self, facts: Facts, state: SessionState, token: Token) -> Denial | None:
        """What stands against a statement beside the rules."""
        return None

    def _read(self, text: str, path: tuple[str, ...], keep: bool) -> _Known:
        key = (text, path)
        known = self._facts.get(key)
        if known is None:
            read = Text(text)
            facts = tuple(_facts(read, one, self._world, path) for one in read.statements)
            tags = comments.tags(read)
            known = _Known(read, facts, tags.get("purpose"), tags.get("actor"))
            if keep:
                _keep(self._facts, key, known)
        return known

    def _statement(
        self, known: _Known, facts: Facts, state: SessionState, token: Token, splicer: Splicer
    ) -> tuple[StatementPlan, Denial | None]:
        """Judge one statement and collect its edits; `token` is that of the purpose in force at this place."""
        unrestricted = token.persona.unrestricted
        verdict = self._seen(facts, token.persona) if unrestricted else judge(facts, self._rights(token.persona))
        content = _content(facts, verdict)
        verdict.denial = verdict.denial or self._withstands(facts, state, token)
        if verdict.denial is None and not unrestricted:
            verdict.denial, ran = _stale(facts, state, token)
            content = ran or content
        before = len(splicer.lookups)
        if verdict.denial is None:
            if not unrestricted:
                splicer.statement(facts, verdict)
            if facts.shows:
                value = state.purpose if facts.shows == "menshen.purpose" else state.actor
                splicer.replace(facts, f"SELECT {quote_literal(value or '')}::text AS {quote_ident(facts.shows)}")
        lookups = tuple(one for moved in splicer.lookups[before:] for one in self._lookups(moved))
        subjects, unattributed = self._subjects(facts, verdict, token.persona)
        if facts.executes or facts.fetches:
            subjects, unattributed = content.subjects, content.unattributed
        guards = tuple(verdict.guards)
        if any(isinstance(effect, Prepared) for effect in facts.effects):
            # its parameters are EXECUTE's, not Bind's
            content = replace(content, lookups=lookups, guards=guards)
            lookups, guards = (), ()
        elif facts.executes:
            lookups = self._executed(facts, content)
        if any(isinstance(effect, Prepared | CursorDeclared) for effect in facts.effects):
            kept = tuple(one for one in subjects if one.column >= 0)
            content = replace(content, subjects=kept, unattributed=unattributed or ("" if kept else "computed"))
            subjects, unattributed = (), ""
        effects = tuple(_filled(effect, content, token) for effect in facts.effects)
        purpose = token.persona.purpose
        fragment = record.fragment(
            known.text, facts, content, verdict, lookups, purpose, known.actor, self.policy.digest
        )
        plan = StatementPlan(
            facts.kind,
            verdict.outcome,
            purpose,
            known.actor,
            fragment,
            content.classes,
            content.governed,
            content.scrub and not unrestricted,
            effects,
            lookups,
            guards,
            subjects,
            unattributed,
        )
        return plan, verdict.denial

    def _whole(
        self, token: Token, kind: str, text: str, denial: Denial | None, purpose: str | None, actor: str | None
    ) -> Plan:
        """A plan for a text that is not taken apart."""
        outcome = Outcome.DENY if denial else Outcome.ALLOW
        purpose = purpose or token.persona.purpose
        fragment = record.opaque(kind, text, outcome, denial, purpose, actor, self.policy.digest)
        statement = StatementPlan(kind, outcome, purpose, actor, fragment, governed=denial is None)
        return Plan(token, text.encode("utf-8", "surrogatepass"), (statement,), denial)

    # -- rights -------------------------------------------------------------------------------------------------------
    def _token(self, state: SessionState, purpose: str | None) -> Token:
        key = (state.principal.name, purpose, state.search_path)
        token = self._tokens.get(key)
        if token is None:
            persona = self.policy.persona(state.principal, purpose)
            token = Token(persona, self._version, state.search_path)
            _keep(self._tokens, key, token)
        return token

    def _path(self, state: SessionState) -> tuple[str, ...]:
        return self.snapshot.default_search_path if state.search_path is None else state.search_path

    def rendered(self, persona: Persona, relation: Relation) -> RenderedVeil | None:
        """The veil of a relation for a persona, as SQL; None where it is not reachable."""
        key = (persona, relation.oid)
        if key not in self._veils:
            columns = relation.column_names
            veil = self.policy.veil(persona, relation.name, columns)
            types = {c.name: c.type for c in relation.columns}
            _keep(self._veils, key, None if veil is None else render(veil, types, self._keys))
        return self._veils[key]

    def _rights(self, persona: Persona) -> Rights:
        return Rights(
            persona,
            lambda relation: self.rendered(persona, relation),
            lambda relation: self.policy.refusal(persona, relation.name),
            lambda obj, act: self.policy.allows(persona, obj, act).allowed,
            self.policy.functions,
            self.policy.as_strict,
            lambda name: name in self.policy.classes and self.policy.classes[name].withheld == "deny",
        )

    def _seen(self, facts: Facts, persona: Persona) -> Verdict:
        """What an unrestricted persona touches: recorded, not judged."""
        verdict = Verdict(governed=bool(facts.refusals))  # what is not understood may touch anything
        for use in facts.everything_used():
            table = self.policy.tables.get(use.relation.name)
            if table is None:
                continue
            verdict.governed = True
            for column, name in table.columns.items():
                if use.everything or column in use.columns:
                    verdict.classes.append(Disclosed(name, Disclosure.CLEAR))
        return verdict

    def _subjects(self, facts: Facts, verdict: Verdict, persona: Persona) -> tuple[tuple[SubjectSource, ...], str]:
        """Whose data the statement reads: where its rows tell it, or why they do not."""
        if verdict.denial is not None:
            return (), ""

        def subject(relation: Relation) -> str | None:
            table = self.policy.tables.get(relation.name)
            return None if table is None else table.subject

        def clear(use: RelationUse | TargetUse, key: str) -> bool:
            veil = verdict.veils.get(id(use))
            if veil is None:
                return persona.unrestricted
            column = veil.by_name.get(key)
            return column is not None and column.clear

        if facts.copy_out is not None:
            return (), "computed" if subject(facts.copy_out.use.relation) else ""
        return sources(facts, subject, clear)

    def _executed(self, facts: Facts, content: Content) -> tuple[Lookup, ...]:
        """The lookups of a statement that EXECUTE runs, with the values that it hands over."""
        out = []
        for lookup in content.lookups:
            if 0 < lookup.parameter <= len(facts.arguments):
                value = facts.arguments[lookup.parameter - 1]
                hashed = "" if value is None else value_hash(self._lookup_key, lookup.data_class, value)
                count = lookup.per_hour + 1 if value is None else elements_of_text(value)  # not told: too many
                lookup = replace(lookup, parameter=0, value_hash=hashed, count=count if lookup.many else 1)
            out.append(lookup)
        return tuple(out)

    def _lookups(self, moved: MovedLookup) -> list[Lookup]:
        name, limit, many = moved.data_class, self.policy.classes[moved.data_class].lookups_per_hour, moved.many
        out = [Lookup(moved.column, name, parameter=p, per_hour=limit, many=many) for p in moved.parameters]
        for constant in moved.constants:
            hashed = value_hash(self._lookup_key, name, constant)
            count = elements_of_text(constant) if many else 1
            out.append(Lookup(moved.column, name, value_hash=hashed, per_hour=limit, many=many, count=count))
        return out


def _facts(text: Text, statement: Statement, world: World, path: tuple[str, ...]) -> Facts:
    """What one statement of a text does. Raises NotUnderstood where it is nested too deeply."""
    try:
        return analyse(text, statement, world, path)
    except RecursionError:
        raise too_much(TOO_DEEP) from None


def _not_understood(error: MenshenError) -> Denial:
    reason = "purpose" if isinstance(error, Denied) else "not_understood"
    return Denial(error.message, error.hint, error.sqlstate, error.detail, error.position, reason)


def _content(facts: Facts, verdict: Verdict) -> Content:
    relations = dict.fromkeys(str(use.relation.name) for use in facts.everything_used())
    names = (*relations, *dict.fromkeys(facts.unresolved), *dict.fromkeys(facts.catalogue))
    return Content(names, tuple(dict.fromkeys(verdict.classes)), verdict.governed, verdict.scrub)


def _filled(effect: Effect, content: Content, token: Token) -> Effect:
    if isinstance(effect, Prepared | CursorDeclared):
        return replace(effect, content=content, token=token)
    return effect


def _stale(facts: Facts, state: SessionState, token: Token) -> tuple[Denial | None, Content | None]:
    """A statement or cursor that was judged for another persona, policy or catalogue may not go on under this one."""
    for name, known, what, sqlstate in (
        (facts.executes, state.prepared, "prepared statement", "26000"),
        (facts.fetches, state.cursors, "cursor", "34000"),
    ):
        if not name:
            continue
        if name not in known:
            return Denial(f'{what} "{name}" does not exist', sqlstate=sqlstate, reason="unknown_name"), None
        judged, content = known[name]
        if judged != token:
            return Denial(
                f'{what} "{name}" was judged for another purpose, policy or catalogue',
                f"Make the {what} again under the present purpose.",
                "55000",
                reason="stale",
            ), None
        if what == "prepared statement":
            return _masked_argument(facts, content), content
        return None, content
    return None, None


def _masked_argument(facts: Facts, content: Content) -> Denial | None:
    """The guards of Bind, for EXECUTE: an argument that is written must be a constant and no mask."""
    for guard in content.guards:
        value = facts.arguments[guard.parameter - 1] if guard.parameter <= len(facts.arguments) else None
        if value is None or looks_masked(guard.mask, value):
            return Denial(
                f"the value for {guard.column} is a mask, or cannot be told: it would overwrite data",
                "Send the value itself as a constant.",
                reason="masked_write",
            )
    return None


def _keep(cache: dict[K, V], key: K, value: V) -> None:
    if len(cache) >= KEPT:
        for old in list(cache)[: KEPT // 2]:
            del cache[old]
    cache[key] = value
