from __future__ import annotations

import pytest

from gateway.model import Act, TableName
from gateway.policy.policy import Policy
from gateway.policy.terms import Decision
from tests.unit.gateway.policy.bundles import CATALOG, RULES, policy

CUSTOMERS = TableName("crm", "customers")


@pytest.fixture(scope="module")
def loaded() -> Policy:
    return policy()


def test_answers_are_kept(loaded: Policy) -> None:
    persona = loaded.persona(loaded.principals["crm_app"], "tickets")
    assert loaded.persona(loaded.principals["crm_app"], "tickets") is persona
    assert loaded.veil(persona, CUSTOMERS, ("id",)) is loaded.veil(persona, CUSTOMERS, ("id",))
    assert loaded.veil(persona, CUSTOMERS, ("phone",)) is not loaded.veil(persona, CUSTOMERS, ("id",))


def test_kept_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.policy.policy._KEPT_VEILS", 3)
    fresh = policy()
    persona = fresh.persona(fresh.principals["crm_app"], None)
    for n in range(10):
        assert fresh.veil(persona, TableName("ref", f"t{n}"), ("a",))
    assert len(fresh._veils) <= 3


def test_an_act_is_asked_on_classes_and_objects(loaded: Policy) -> None:
    persona = loaded.persona(loaded.principals["crm_app"], "tickets")
    assert loaded.allows(persona, "contact.phone", Act.LOOKUP) == Decision(True, ("rules.csv:4",))
    assert loaded.allows(persona, "contact.phone", Act.CALL) == Decision(False)
    assert loaded.allows(persona, "*", Act.DDL) == Decision(False)
    dba = loaded.persona(loaded.principals["dba"], "maintenance")
    assert loaded.allows(dba, "*", Act.DDL).allowed
    assert loaded.allows(dba, "crm", Act.DDL).allowed


@pytest.mark.parametrize(
    ("target", "source", "written"),
    [
        ("contact.phone", "contact.phone", True),
        ("contact", "contact.phone", True),  # wider, of the same level
        ("contact.phone", "contact", False),  # whoever may see telephones need not see every contact
        ("contact.email", "contact.phone", False),  # a sister
        ("personal", "contact.phone", False),  # wider, and of a lower level
        ("sensitive", "contact.phone", True),  # of a higher level
        ("contact.phone", "sensitive", False),
        ("public", "contact.phone", False),
        ("public", "public", True),
        ("contact.phone", "public", True),
        ("unknown", "public", False),
        ("sensitive", "unknown", False),
        ("unknown", "unknown", False),
    ],
)
def test_a_value_goes_only_where_the_class_is_as_strict(
    target: str, source: str, written: bool, loaded: Policy
) -> None:
    assert loaded.as_strict(target, source) is written


@pytest.mark.parametrize(
    ("obj", "allowed"),
    [
        ("ref.cities.name", True),
        ("ref.cities", True),
        ("ref", True),
        ("public", False),
        ("crm.customers.id", False),
        ("*", False),
        ("ref.a.b.c", False),
    ],
)
def test_without_a_purpose_an_act_is_asked_only_in_opened_schemas(obj: str, allowed: bool) -> None:
    loaded = policy(rules=RULES + "p, *, *, ref, clear, allow\np, *, *, *, clear, allow\n")
    persona = loaded.persona(loaded.principals["crm_app"], None)
    assert loaded.allows(persona, obj, Act.CLEAR).allowed == allowed


def test_an_object_of_an_opened_schema_is_known_whatever_was_asked_first() -> None:
    fresh = policy(rules=RULES + "p, *, *, ref, lookup, allow\n")
    persona = fresh.persona(fresh.principals["crm_app"], None)
    assert fresh.allows(persona, "ref.cities", Act.LOOKUP).allowed
    assert fresh.allows(persona, "ref.cities.name", Act.LOOKUP).allowed
    assert fresh.veil(persona, TableName("ref", "cities"), ("name",))


def test_a_governed_table_of_an_opened_schema_needs_a_purpose() -> None:
    catalog = CATALOG.replace("  crm.客户:", "  ref.people: {columns: {name: public}}\n  crm.客户:")
    fresh = policy(catalog=catalog)
    persona = fresh.persona(fresh.principals["crm_app"], None)
    assert not fresh.allows(persona, "ref.people.name", Act.CLEAR).allowed


def test_a_refusal_says_why_and_what_to_do() -> None:
    loaded = policy(rules=RULES.replace("p, *, *, public, clear, allow\n", ""))
    persona = loaded.persona(loaded.principals["crm_app"], "tickets")
    unknown = loaded.refusal(persona, TableName("crm", "秘密"))
    assert (unknown.reason, "crm.秘密" in unknown.message) == ("unknown_relation", True)
    no_rule = loaded.refusal(persona, TableName("crm", "consents"))
    assert (no_rule.reason, "tickets" in no_rule.message) == ("no_rule", True)
    none = loaded.refusal(loaded.persona(loaded.principals["crm_app"], None), CUSTOMERS)
    assert (none.reason, "tickets" in none.hint) == ("no_purpose", True)
    assert "marketing" in loaded.refusal(persona, CUSTOMERS).hint


def test_a_persona_of_another_bundle_reaches_nothing(loaded: Policy) -> None:
    persona = loaded.persona(loaded.principals["crm_app"], "tickets")
    other = policy(
        rules="p, *, *, *, *, allow\n",
        principals="principals:\n  x: {department: support, kind: job, certificate: c}\n",
        catalog=CATALOG.replace("      support: ", '      "*": '),
    )
    assert other.veil(persona, CUSTOMERS, ("id",)) is None
