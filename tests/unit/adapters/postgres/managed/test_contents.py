"""What a persona gets in the database, as values."""

from __future__ import annotations

from dataclasses import replace

from adapters.postgres.catalog import Snapshot
from adapters.postgres.managed.contents import PersonaContents, contents, personas
from adapters.postgres.sql.pseudonym import PseudonymKeys
from tests.support.datamap import bundle, relation, snapshot

TABLES = """
tables:
  "ref.*": allow
  crm.customers: {subject: id, columns: {id: public, full_name: identity.name, phone: contact.phone}}
"""
RULES = (
    "p, *, *, public, clear, allow\np, support, service, contact, pseudonym, allow\n"
    "p, support, service, contact, lookup, allow\np, support, service, identity, clear, allow\n"
    "p, support, service, identity, update, allow\np, support, service, contact, update, allow\ng, app, support\n"
)
PEOPLE = relation("crm.customers", id="int4", full_name="text", phone="varchar", unknown="text")
KEYS = PseudonymKeys(b"k" * 32)


def made(found: Snapshot, keys: PseudonymKeys = KEYS, rules: str = RULES) -> PersonaContents:
    policy = bundle(TABLES, rules)
    return contents(policy, found, keys, policy.persona(policy.principals["app"], "service"))


def test_every_purpose_of_a_principal_is_a_persona_and_so_is_none() -> None:
    policy = bundle(TABLES, RULES)
    assert {(one.principal, one.purpose) for one in personas(policy)} == {("app", None), ("app", "service")}
    everything = bundle(TABLES, "p, support, service, *, *, allow\ng, app, support\n")
    assert [one.purpose for one in personas(everything)] == [None], "who may do everything logs in as the gateway"


def test_a_view_shows_what_the_veil_shows_and_only_what_is_clear_is_written() -> None:
    one = made(snapshot(PEOPLE, relation("crm.unknown", id="int4"), relation("ref.lands", code="text")))
    assert [str(view.name) for view in one.views] == [
        "menshen:app:service:crm.customers",
        "menshen:app:service:ref.lands",
    ]
    sql = "\n".join(one.statements)
    assert "unknown" not in sql
    assert 'GRANT UPDATE ("full_name") ON "menshen:app:service:crm"."customers"' in sql
    assert '"customers?phone"(pg_catalog.varchar[])' in sql


def test_keys_stand_in_no_text_and_make_no_difference_to_the_digest() -> None:
    one, other = made(snapshot(PEOPLE)), made(snapshot(PEOPLE), PseudonymKeys(b"x" * 32))
    for half in (KEYS.key("contact.phone")[:32].hex(), KEYS.key("contact.phone")[32:].hex()):
        assert half not in "".join(one.statements)
    assert one.statements == other.statements
    assert one.digest == other.digest


def test_the_digest_follows_what_the_persona_gets() -> None:
    before = made(snapshot(PEOPLE)).digest
    assert made(snapshot(replace(PEOPLE, oid=1))).digest == before
    assert made(snapshot(PEOPLE), rules=RULES.replace("pseudonym", "partial")).digest != before


def test_nothing_is_written_through_a_view_of_a_table_with_rules_or_triggers() -> None:
    assert "GRANT UPDATE" in "".join(made(snapshot(PEOPLE)).statements)
    assert "GRANT UPDATE" not in "".join(made(snapshot(replace(PEOPLE, rules=("echo",)))).statements)
    assert "GRANT UPDATE" not in "".join(made(snapshot(replace(PEOPLE, triggers=("tell",)))).statements)
