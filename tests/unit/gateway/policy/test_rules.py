"""What the gateway answers is what Casbin answers, whatever the bundle and whatever the matcher."""

from __future__ import annotations

from dataclasses import dataclass

import casbin
import pytest
from casbin.model import Model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.model import Act, Disclosure, TableName
from gateway.policy.matcher import Kind
from gateway.policy.modelconf import STOCK
from gateway.policy.rules import ModelError, RuleBook, check_matcher, is_stock
from gateway.policy.terms import Decision, Rule
from gateway.policy.trees import Forest
from tests.unit.gateway.policy.bundles import VERIFIER, policy

EFFECT = "some(where (p.eft == allow)) && !some(where (p.eft == deny))"
MATCHER = STOCK.split("[matchers]\n")[1].removeprefix("m = ").strip()
SUB, WHY, WHAT, HOW = MATCHER.split(" && ")
MATCHERS = {
    MATCHER: Kind.STOCK,
    f"{HOW} && {WHAT} && ({SUB} && {WHY})".replace('"', "'"): Kind.STOCK,
    f'{MATCHER} && r.act != "lookup"': Kind.EXTENDED,
    f'{MATCHER} && (r.sub != "p0" || p.sub == "r1") && !(r.obj == "s0.t0.c0")': Kind.EXTENDED,
    f"{MATCHER} && p.sub.nothing": Kind.EXTENDED,  # raises for every rule that gets so far
    f'r.obj != "s0.t0.c0" && {MATCHER}': Kind.OTHER,
    f'{MATCHER} || r.sub == "p0"': Kind.OTHER,
    f"g(r.sub, p.sub) && {WHY} && {WHAT} && {HOW}": Kind.OTHER,
    f'{SUB} && {WHY} && {HOW} && (keyMatch(r.obj, p.obj) || r.obj == p.obj) && p.eft != "x"': Kind.OTHER,
}
EFFECTS = (
    EFFECT,
    EFFECT,
    EFFECT,
    "some(where (p.eft == allow))",
    "!some(where (p.eft == deny))",
    "priority(p.eft) || deny",
)
PRINCIPALS = ("p0", "p1", "p2")
ROLES = ("r0", "r1", "r2", "r3")
PURPOSES = ("w0", "w1", "w2", "w3")
CLASSES = ("k0", "k1", "k2", "k3", "k4")
TABLES = ("s0.t0", "s0.t1", "s1.t0", "s1.客户")
COLUMNS = ("c0", "c1", "c2")


@dataclass(frozen=True)
class World:
    """A random bundle, as edges and rules rather than as files."""

    matcher: str
    effect: str
    classes: dict[str, str | None]
    purposes: dict[str, str | None]
    columns: dict[str, dict[str, str]]
    grants: tuple[tuple[str, str], ...]
    rules: tuple[tuple[str, str, str, str, str], ...]

    def files(self) -> dict[str, str]:
        """As the security team writes it."""
        catalog = ["classes:", "  public: {level: 1}"]
        catalog += [f"  {n}: {{level: 2{f', parent: {p}' if p else ''}}}" for n, p in self.classes.items()]
        catalog += ["tables:", '  "open.*": allow']
        for table, columns in self.columns.items():
            catalog += [f"  {table}:", "    columns:", *(f"      {c}: {k}" for c, k in columns.items())]
        purposes = ["purposes:"]
        purposes += [
            f"  {n}: {{basis: contract, departments: [d]{f', parent: {p}' if p else ''}}}"
            for n, p in self.purposes.items()
        ]
        people = ["principals:"]
        people += [f'  {p}: {{department: d, kind: job, verifier: "{VERIFIER}"}}' for p in PRINCIPALS]
        rules = [f"p, {', '.join(rule)}" for rule in self.rules] + [f"g, {a}, {b}" for a, b in self.grants]
        return {
            "model": STOCK.replace(EFFECT, self.effect).split("m = ")[0] + f"m = {self.matcher}\n",
            "catalog": "\n".join(catalog),
            "purposes": "\n".join(purposes),
            "principals": "\n".join(people),
            "rules": "\n".join(rules),
        }

    def enforcer(self) -> casbin.Enforcer:
        """Casbin alone, fed through its own interface with the edges that DESIGN 5 names."""
        model = Model()
        model.load_model_from_text(self.files()["model"])
        enforcer = casbin.Enforcer(model)
        for rule in self.rules:
            enforcer.add_policy(*rule)
        for edge in self.grants:
            enforcer.add_grouping_policy(*edge)
        for name, parent in self.classes.items():
            if parent:
                enforcer.add_named_grouping_policy("g2", name, parent)
        for table, columns in {**self.columns, "open.t": dict.fromkeys(COLUMNS, "public")}.items():
            enforcer.add_named_grouping_policy("g2", table, table.split(".")[0])
            for column, data_class in columns.items():
                enforcer.add_named_grouping_policy("g2", f"{table}.{column}", table)
                enforcer.add_named_grouping_policy("g2", f"{table}.{column}", data_class)
        for name, parent in self.purposes.items():
            if parent:
                enforcer.add_named_grouping_policy("g3", name, parent)
        return enforcer


def tree(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, str | None]]:
    """Each name with a parent among those before it, or none."""
    return st.fixed_dictionaries(
        {name: st.sampled_from([None, *names[:at]]) if at else st.none() for at, name in enumerate(names)}
    )


def worlds() -> st.SearchStrategy[World]:
    objects = [
        "*", "public", *CLASSES, *TABLES, "s0", "s1", "open", "open.t", "open.t.c1",
        *(f"{table}.{column}" for table in TABLES for column in COLUMNS),
    ]  # fmt: skip
    rule = st.tuples(
        st.sampled_from(["*", "*", *PRINCIPALS, *ROLES]),
        st.sampled_from(["*", "*", "*", *PURPOSES]),
        st.sampled_from(objects),
        st.sampled_from(["*", "*", "*", *Act]),
        st.sampled_from(["allow", "allow", "allow", "deny"]),
    )
    held = [(p, r) for p in PRINCIPALS for r in ROLES] + [
        (a, b) for i, a in enumerate(ROLES) for b in ROLES[:i]
    ]  # roles inherit from roles before them: no cycles
    return st.builds(
        World,
        matcher=st.sampled_from([*MATCHERS, *(m for m, kind in MATCHERS.items() if kind is not Kind.OTHER)]),
        effect=st.sampled_from(EFFECTS),
        classes=tree(CLASSES),
        purposes=tree(PURPOSES),
        columns=st.fixed_dictionaries(
            {
                table: st.fixed_dictionaries({c: st.sampled_from(["public", *CLASSES]) for c in COLUMNS})
                for table in TABLES
            }
        ),
        # Every role is granted once, so that every subject of a rule is known.
        grants=st.lists(st.sampled_from(held), max_size=8, unique=True).map(
            lambda some: tuple(dict.fromkeys([*(("p2", role) for role in ROLES[:1]), *some, ("r3", "r1"), ("r3", "r2"),
                                              ("p1", "r3")]))
        ),
        rules=st.lists(rule, max_size=30).map(tuple),
    )  # fmt: skip


def expected_disclosure(answers: dict[Act, bool]) -> Disclosure:
    order = ((Act.CLEAR, Disclosure.CLEAR), (Act.PARTIAL, Disclosure.PARTIAL), (Act.PSEUDONYM, Disclosure.PSEUDONYM))
    return next((disclosure for act, disclosure in order if answers[act]), Disclosure.WITHHELD)


def ask(enforcer: casbin.Enforcer, *question: str) -> bool:
    """Casbin's answer; a matcher that raises is a no."""
    try:
        return bool(enforcer.enforce(*question))
    except Exception:
        return False


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds(), sub=st.sampled_from(PRINCIPALS), purpose=st.sampled_from([*PURPOSES, None]))
def test_the_compiled_veils_say_what_casbin_says(world: World, sub: str, purpose: str | None) -> None:
    casbin_alone = world.enforcer()
    loaded = policy_of(world)
    persona = loaded.persona(loaded.principals[sub], purpose)
    for table in (*TABLES, "open.t"):
        answers = {
            column: {act: ask(casbin_alone, sub, purpose or "", f"{table}.{column}", act.value) for act in Act}
            for column in COLUMNS
        }
        veil = loaded.veil(persona, TableName(*table.split(".")), COLUMNS)
        if purpose is None and table != "open.t":
            assert veil is None
            continue
        shown = any(a[act] for a in answers.values() for act in Act if act not in (Act.CALL, Act.DDL, Act.DELETE))
        delete = all(a[Act.DELETE] for a in answers.values())
        assert (veil is not None) == (shown or delete)
        if veil is None:
            continue
        assert veil.delete == delete
        for column in veil.columns:
            mine = answers[column.column]
            assert column.disclosure == expected_disclosure(mine)
            held = (column.lookup, column.insert, column.update)
            assert held == (mine[Act.LOOKUP], mine[Act.INSERT], mine[Act.UPDATE])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds(), sub=st.sampled_from(PRINCIPALS), purpose=st.sampled_from(PURPOSES))
def test_allows_says_what_casbin_says_of_any_object(world: World, sub: str, purpose: str) -> None:
    casbin_alone = world.enforcer()
    loaded = policy_of(world)
    persona = loaded.persona(loaded.principals[sub], purpose)
    for obj in ("*", *CLASSES, "public", "s0", "s0.t0", "s1.t0.c2", "open", "open.t", "open.t.c0"):
        for act in Act:
            assert loaded.allows(persona, obj, act).allowed == ask(casbin_alone, sub, purpose, obj, act.value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds(), sub=st.sampled_from(PRINCIPALS), purpose=st.sampled_from(PURPOSES))
def test_an_unrestricted_persona_is_refused_nothing_by_casbin(world: World, sub: str, purpose: str) -> None:
    loaded = policy_of(world)
    if not loaded.persona(loaded.principals[sub], purpose).unrestricted:
        return
    casbin_alone = world.enforcer()
    for table in TABLES:
        for column in COLUMNS:
            for act in Act:
                assert ask(casbin_alone, sub, purpose, f"{table}.{column}", act.value)


def policy_of(world: World):  # type: ignore[no-untyped-def]  # Policy, or a skip where loading refuses the matcher
    from hypothesis import reject

    from gateway.errors import ProblemsFound

    try:
        return policy(**world.files())
    except ProblemsFound as found:
        if any("matcher" in problem.message for problem in found.problems):
            reject()
        raise


@pytest.mark.parametrize(("matcher", "kind"), MATCHERS.items())
def test_a_matcher_is_filtered_only_as_far_as_it_is_understood(matcher: str, kind: Kind) -> None:
    assert book(matcher).kind is kind


def book(matcher: str, rules: tuple[Rule, ...] = ()) -> RuleBook:
    text = STOCK.split("m = ")[0] + f"m = {matcher}\n"
    return RuleBook(text, rules, (), Forest({}), Forest({}))


ALLOW_ALL = Rule("*", "*", "*", "*", "allow", 3)


def test_a_matcher_that_raises_denies_and_says_so() -> None:
    decision = book('r.act == p.act + 1 || r.sub == "x"', (ALLOW_ALL,)).decide("x", "", "o", Act.CLEAR)
    assert decision == Decision(False, ("model.conf: the matcher failed: TypeError",))


def test_an_enforcer_that_was_switched_off_denies() -> None:
    rules = book(MATCHER, (ALLOW_ALL,))
    rules._enforcer.enable_enforce(False)
    assert not rules.decide("x", "", "o", Act.CLEAR).allowed


def test_casbin_logs_nothing(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level("DEBUG"):
        assert not book(MATCHER).decide("secret_subject", "", "o", Act.CLEAR).allowed
    assert not [record for record in caplog.records if record.name.startswith("casbin")]
    assert capsys.readouterr() == ("", "")


def test_a_decision_names_the_rules_that_decided() -> None:
    rules = (ALLOW_ALL, Rule("a", "*", "o", "clear", "allow", 4), Rule("a", "*", "o", "lookup", "deny", 9))
    told = book(MATCHER, rules)
    assert told.decide("a", "", "o", Act.CLEAR) == Decision(True, ("rules.csv:3", "rules.csv:4"))
    assert told.decide("a", "", "o", Act.LOOKUP) == Decision(False, ("rules.csv:9",))


def test_a_condition_of_the_customer_is_asked_for_each_question() -> None:
    told = book(f'{MATCHER} && r.act != "lookup" && r.obj != "x"', (ALLOW_ALL,))
    assert told.decide("a", "", "o", Act.CLEAR).allowed
    assert not told.decide("a", "", "o", Act.LOOKUP).allowed
    assert not told.decide("a", "", "x", Act.CLEAR).allowed


def test_objects_that_only_the_database_knows_are_linked_when_they_are_met() -> None:
    told = book(MATCHER, (Rule("a", "*", "ref", "clear", "allow", 1),))
    assert not told.decide("a", "", "ref.cities.name", Act.LOOKUP).allowed
    told.link([("ref.cities", "ref"), ("ref.cities.name", "ref.cities")])
    told.link([("ref.cities", "ref")])
    assert told.decide("a", "", "ref.cities.name", Act.CLEAR).allowed


@pytest.mark.parametrize(
    ("matcher", "says"),
    [
        ("r.sub ==", "not an expression"),
        ("r.sub == p.sub && nobody(r.obj)", "unknown names: nobody"),
        ("r.sub == p.sub && r.department == p.obj", "unknown names: r_department"),
        ("r.sub + 1 == p.sub", "fails: TypeError"),
        (MATCHER, None),
        (MATCHER + " && keyMatch(r.obj, p.obj)", None),
    ],
)
def test_a_matcher_is_tried_when_it_is_loaded(matcher: str, says: str | None) -> None:
    trouble = check_matcher(STOCK.split("m = ")[0] + f"m = {matcher}\n")
    assert trouble is None if says is None else says in str(trouble)


def test_a_model_that_casbin_cannot_read_is_refused() -> None:
    with pytest.raises(ModelError):
        RuleBook("[matchers\nnothing", (), (), Forest({}), Forest({}))
    assert not is_stock("[matchers\nnothing")
    assert is_stock(STOCK)
    assert not is_stock(STOCK.replace(EFFECT, "priority(p.eft) || deny"))
