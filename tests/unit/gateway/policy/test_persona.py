from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.errors import Denied, PurposeRefused
from gateway.model import Persona, Principal
from gateway.policy.modelconf import STOCK
from tests.unit.gateway.policy.bundles import CATALOG, PRINCIPALS, PURPOSES, RULES, policy


def test_a_persona_has_inherited_roles_and_attributes() -> None:
    loaded = policy(rules=RULES + "g, support, staff\np, staff, *, public, clear, allow\n")
    assert loaded.persona(loaded.principals["crm_app"], "tickets") == Persona(
        "crm_app", "support", frozenset({"support", "staff"}), "tickets", (("region", "north"),)
    )


@pytest.mark.parametrize(("purpose", "says"), [("nonsense", "unknown purpose"), ("campaign", "may not pursue")])
def test_a_purpose_of_others_is_refused_with_those_that_are_ones_own(purpose: str, says: str) -> None:
    loaded = policy()
    with pytest.raises(PurposeRefused, match=says) as refused:
        loaded.persona(loaded.principals["crm_app"], purpose)
    assert "'tickets'" in refused.value.hint
    assert refused.value.sqlstate == "42501"


def test_a_principal_who_left_is_denied() -> None:
    with pytest.raises(Denied, match="not in the policy in force"):
        policy().persona(Principal("ghost", "support", "person", frozenset({"admin"})), "tickets")


def test_roles_are_those_of_the_bundle_in_force() -> None:
    loaded = policy()
    logged_in_before = replace(loaded.principals["crm_app"], roles=frozenset({"admin"}), department="it")
    assert loaded.persona(logged_in_before, "tickets").roles == {"support"}
    with pytest.raises(PurposeRefused):
        loaded.persona(logged_in_before, "maintenance")


def unrestricted(purpose: str | None = "maintenance", **changed: str) -> bool:
    loaded = policy(**changed)
    return loaded.persona(loaded.principals["dba"], purpose).unrestricted


def test_every_act_on_everything_without_row_predicates_is_unrestricted() -> None:
    assert unrestricted()
    assert not unrestricted(None)


@pytest.mark.parametrize(
    "changed",
    [
        {"rules": RULES + "p, admin, *, sensitive, clear, deny\n"},
        {"rules": RULES + "p, *, *, crm.customers.phone, lookup, deny\n"},
        {"rules": RULES.replace("p, admin, maintenance, *, *,", "p, admin, maintenance, personal, *,")},
        {"purposes": PURPOSES.replace("departments: [it], retention: exempt", "departments: [it]")},
        {"purposes": PURPOSES.replace("[it], retention: exempt", "[it], retention: exempt, consent: required")},
        {"catalog": CATALOG.replace("      support: ", "      admin: ")},
        {"catalog": CATALOG.replace("      support: ", '      "*": ')},
        {"model": STOCK.replace("p.act)\n", 'p.act) && r.obj != "crm.customers.phone"\n')},
        {"model": STOCK.replace("m = ", 'm = r.obj != "contact" && ')},
    ],
    ids=["class", "column", "part", "retention", "consent", "own rows", "all rows", "extended", "other"],
)
def test_whoever_misses_anything_is_not(changed: dict[str, str]) -> None:
    assert not unrestricted(**changed)


def test_another_matcher_can_prove_it_by_asking_for_everything() -> None:
    assert unrestricted(model=STOCK.replace("m = ", 'm = r.act != "nothing" && '))
    assert unrestricted(model=STOCK.replace("p.act)\n", 'p.act) && r.act != "nothing"\n'))


def test_more_questions_than_can_be_asked_leave_it_restricted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.policy.persona._BUDGET", 10)
    assert not unrestricted(model=STOCK.replace("m = ", 'm = r.act != "nothing" && '))
    assert unrestricted()


def test_a_department_without_any_purpose_is_told_so() -> None:
    loaded = policy(principals=PRINCIPALS + "  guest: {department: nobody, kind: person, certificate: g}\n")
    with pytest.raises(PurposeRefused) as refused:
        loaded.persona(loaded.principals["guest"], "tickets")
    assert "none" in refused.value.hint
