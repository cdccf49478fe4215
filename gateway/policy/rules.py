"""Casbin, behind one typed door: the only module that imports it.

`RuleBook.decide` answers what `casbin.Enforcer.enforce` answers on the bundle's own model and all its rules. Casbin's
enforce is linear in the rules, so where the matcher is understood (`gateway.policy.matcher`) it is asked over the rules
that its four stock tests let through and no others: these are tests of equality or of a link, which the forests answer
alike, and a rule that does not match changes no effect that Casbin knows. With any other matcher Casbin gets all
rules, every time. A hypothesis test holds all three ways to Casbin's own answer.

Nothing fails open: a matcher that raises denies, and so does an enforcer that somebody switched off (Casbin's own
enforce would answer True). Casbin logs request values; its loggers are switched off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import casbin
from casbin.model import Model

from gateway.model import Act
from gateway.policy.matcher import Kind, kind_of, names_of
from gateway.policy.modelconf import STOCK
from gateway.policy.terms import ANY, Decision, Grant, Rule
from gateway.policy.trees import Forest

NO = Decision(False)
_SHOWN_RULES = 8
_KEPT = 200_000
_Slice = dict[str, tuple[Rule, ...]]


class ModelError(Exception):
    """Casbin does not understand model.conf, or its matcher cannot be evaluated; the text says why."""


class RuleBook:
    """The rules and the trees of one bundle, ready to answer."""

    def __init__(
        self, model_text: str, rules: Sequence[Rule], grants: Sequence[Grant], purposes: Forest, objects: Forest
    ) -> None:
        """Raises ModelError."""
        model = parse_model(model_text)
        self.kind = kind_of(_definition(model, "m"))
        self.rules = tuple(rules)
        self.roles = Forest.of((grant.member, grant.role) for grant in grants)
        self.purposes = purposes
        self.objects = objects
        self._rows = [rule.fields for rule in rules]
        self._where = {tuple(rule.fields): rule.where for rule in reversed(self.rules)}
        self._by_sub: dict[str, list[Rule]] = {}
        for rule in rules:
            self._by_sub.setdefault(rule.sub, []).append(rule)
        self._enforcer = _enforcer(model, self._rows, self.roles, purposes, objects)
        self._links = self._enforcer.get_named_role_manager("g2")
        self._linked: set[tuple[str, str]] = set()
        self._slices: dict[tuple[str, str], _Slice] = {}
        self._answers: dict[tuple[int, ...], bool] = {}
        self._decisions: dict[tuple[str, str, str, str], Decision] = {}

    def link(self, edges: Iterable[tuple[str, str]]) -> None:
        """Makes objects known that only the database knows: the columns of opened schemas. Repeating is harmless."""
        for below, above in edges:
            if (below, above) not in self._linked:
                self._linked.add((below, above))
                self.objects.add(below, above)
                self._links.add_link(below, above)

    def decide(self, sub: str, purpose: str, obj: str, act: Act) -> Decision:
        """Whether the rules allow it, and which rules said so."""
        key = (sub, purpose, obj, act.value)
        known = self._decisions.get(key)
        if known is None:
            if len(self._decisions) >= _KEPT:
                self._decisions.clear()
            known = self._asked(key, self._rows) if self.kind is Kind.OTHER else self._filtered(*key)
            self._decisions[key] = known
        return known

    def may_be_denied(self, sub: str, purpose: str) -> bool:
        """Whether any rule could deny this subject anything for this purpose."""
        if self.kind is Kind.OTHER:
            return any(rule.eft != "allow" for rule in self.rules)
        return any(rule.eft != "allow" for found in self._slice(sub, purpose).values() for rule in found)

    # -- only the rules that the four tests let through ---------------------------------------------------------------
    def _filtered(self, sub: str, purpose: str, obj: str, act: str) -> Decision:
        found = self._slice(sub, purpose)
        matching = [
            rule
            for name in (*self.objects.above(obj), ANY)
            for rule in found.get(name, ())
            if rule.act == ANY or rule.act == act
        ]
        matching.sort(key=lambda rule: rule.line)
        # Over no rules at all Casbin evaluates the matcher on empty text; one rule that does not match prevents that.
        rows = [rule.fields for rule in matching] or self._rows[:1]
        if self.kind is Kind.EXTENDED:
            return self._asked((sub, purpose, obj, act), rows)
        lines = tuple(rule.line for rule in matching)
        allowed = self._answers.get(lines)
        if allowed is None:
            allowed = self._answers[lines] = self._asked((sub, purpose, obj, act), rows).allowed
        eft = "allow" if allowed else "deny"
        return Decision(allowed, tuple(rule.where for rule in matching if rule.eft == eft)[:_SHOWN_RULES])

    def _slice(self, sub: str, purpose: str) -> _Slice:
        """The rules for this subject and purpose, by object."""
        known = self._slices.get((sub, purpose))
        if known is not None:
            return known
        purposes = {*self.purposes.above(purpose), ANY}
        found: dict[str, list[Rule]] = {}
        for subject in {*self.roles.above(sub), ANY}:
            for rule in self._by_sub.get(subject, ()):
                if rule.purpose in purposes:
                    found.setdefault(rule.obj, []).append(rule)
        slice_ = {obj: tuple(rules) for obj, rules in found.items()}
        self._slices[sub, purpose] = slice_
        return slice_

    # -- Casbin -------------------------------------------------------------------------------------------------------
    def _asked(self, question: tuple[str, str, str, str], rows: list[list[str]]) -> Decision:
        """Casbin's own answer over `rows`."""
        enforcer = self._enforcer
        if not enforcer.enabled:
            return NO
        enforcer.model["p"]["p"].policy = rows
        try:
            allowed, decided = enforcer.enforce_ex(*question)
        except Exception as error:  # the matcher is the customer's code: whatever it raises, the answer is no
            return Decision(False, (f"model.conf: the matcher failed: {type(error).__name__}",))
        where = self._where.get(tuple(decided))
        return Decision(allowed is True, (where,) if where else ())


def parse_model(text: str) -> Model:
    """The model as Casbin reads it. Raises ModelError."""
    model = Model()
    try:
        model.load_model_from_text(text)
    except Exception as error:  # Casbin raises whatever its parser stumbles over
        raise ModelError(f"Casbin cannot read it: {error}") from None
    return model


def matcher_kind(text: str) -> Kind:
    """How far the matcher of model.conf is understood."""
    try:
        return kind_of(_definition(parse_model(text), "m"))
    except ModelError:
        return Kind.OTHER


def is_stock(text: str) -> bool:
    """Whether matcher and effect are the stock ones, so that a deny takes whatever it matches."""
    try:
        model = parse_model(text)
        effect = _definition(model, "e") == _definition(parse_model(STOCK), "e")
        return effect and kind_of(_definition(model, "m")) is Kind.STOCK
    except ModelError:
        return False


def check_matcher(text: str) -> str | None:
    """What is wrong with the matcher of a model: syntax, unknown names or functions, or a probe that raises."""
    try:
        model = parse_model(text)
        enforcer = _enforcer(model, [], Forest({}), Forest({}), Forest({}))
        known = {*enforcer.fm.get_functions(), *model["g"], "eval"}
        used = names_of(_definition(model, "m"))
    except SyntaxError as error:
        return f"the matcher is not an expression: {error.msg}"
    except ModelError as error:
        return f"Casbin refuses the model: {error}"
    known |= {*model["r"]["r"].tokens, *model["p"]["p"].tokens}
    if names := sorted(used - known):
        return f"the matcher uses unknown names: {', '.join(names)}"
    enforcer.model["p"]["p"].policy = [["*", "*", "*", "*", "allow"], ["a", "b", "c", "d", "deny"]]
    try:
        enforcer.enforce("a", "b", "c", "clear")
    except Exception as error:  # the customer's code, tried once while loading
        return f"the matcher fails: {type(error).__name__}: {error}"
    return None


def _definition(model: Model, key: str) -> str:
    """The one definition of a section, as Casbin keeps it. Raises ModelError where it is missing."""
    if key not in set(model.keys()) or key not in model[key]:  # Casbin's Model has no `in` of its own
        raise ModelError(f"`{key}` is missing")
    return str(model[key][key].value)


def _enforcer(model: Model, rows: list[list[str]], roles: Forest, purposes: Forest, objects: Forest) -> Any:
    """An Enforcer without an adapter: policies are set as lists, since Casbin's own adding is quadratic."""
    for section in ("r", "p", "e", "m"):
        _definition(model, section)
    try:
        enforcer = casbin.Enforcer(model, enable_log=False)
    except RuntimeError as error:
        raise ModelError(f"Casbin refuses it: {error}") from None
    enforcer.logger.disabled = True
    enforcer.model["p"]["p"].policy = rows
    for name, forest in (("g", roles), ("g2", objects), ("g3", purposes)):
        if name not in (model["g"] or {}):
            raise ModelError(f"`{name}` is missing")
        enforcer.model["g"][name].policy = [list(edge) for edge in forest.edges()]
    enforcer.build_role_links()
    return enforcer
