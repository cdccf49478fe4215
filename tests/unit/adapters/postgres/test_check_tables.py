"""The data map against tables: what is missing, unclassified, of the wrong type."""

from __future__ import annotations

from adapters.postgres.check_tables import check, unclassified
from adapters.postgres.discover_shapes import Shapes
from gateway.model import TableName
from tests.support.datamap import bundle, relation, shown, snapshot

MAP = """
tables:
  crm.customers: {columns: {id: public, phone: contact.phone}}
"""
LINE = 12


def test_what_fits_is_silent() -> None:
    assert shown(check(bundle(MAP), snapshot(relation("crm.customers", id="int4", phone="varchar")), {})) == ""


def test_a_table_that_is_missing_is_an_error_with_the_nearest_name() -> None:
    found = check(bundle(MAP), snapshot(relation("crm.customer", phone="text")), {})
    (problem,) = [p for p in found if p.severity == "error"]
    assert problem.line == LINE
    assert "`crm.customers` is not in the database" in problem.message
    assert problem.remedy == "did you mean `crm.customer`?"


def test_a_column_that_is_missing_is_an_error() -> None:
    found = list(check(bundle(MAP), snapshot(relation("crm.customers", id="int4", phones="text")), {}))
    assert [(p.severity, p.line) for p in found] == [("error", LINE), ("warning", LINE)]
    assert found[0].remedy == "did you mean `phones`?"


def test_a_column_without_a_class_is_told_with_a_proposal() -> None:
    s = snapshot(relation("crm.customers", id="int4", phone="text", 邮箱="text", flags="int4", passport="text"))
    email, flags, passport = check(bundle(MAP), s, {})
    assert email.severity == "warning"
    assert "`邮箱: contact.email`" in email.remedy
    assert "`flags: public`" in flags.remedy
    assert "declare a new class, such as `sensitive.passport" in passport.remedy


def test_sampled_shapes_reach_the_proposal() -> None:
    s = snapshot(relation("crm.customers", id="int4", phone="text", c7="text"))
    (problem,) = check(bundle(MAP), s, {TableName("crm", "customers"): {"c7": Shapes(20, {"phone": 20})}})
    assert "`c7: contact.phone`" in problem.remedy
    assert "100 % of 20 sampled values" in problem.remedy


def test_a_mask_that_does_not_fit_the_type_is_told() -> None:
    text = shown(check(bundle(MAP), snapshot(relation("crm.customers", id="int4", phone="uuid")), {}))
    assert "mask `phone` of class `contact.phone` does not fit column `crm.customers.phone` of type uuid" in text


def test_retention_and_consent_need_the_right_types() -> None:
    policy = bundle("""
tables:
  crm.customers:
    subject: id
    retention: {after: seen, keep: 3 years}
    consent: {table: crm.consents, subject: who, purpose: why, given: given, withdrawn: gone}
    columns: {id: public, seen: public}
  crm.consents: {columns: {who: public, why: public, given: public, gone: public}}
""")
    wrong = snapshot(
        relation("crm.customers", id="int4", seen="text"),
        relation("crm.consents", who="text", why="int4", given="int4", gone="timestamptz"),
    )
    text = shown(check(policy, wrong, {}))
    for part in ("retention counts from `crm.customers.seen`", "`crm.consents.given`", "`crm.consents.why`, integer",
                 "subject `crm.customers.id` (integer) cannot be compared with `crm.consents.who` (text)"):  # fmt: skip
        assert part in text
    right = snapshot(
        relation("crm.customers", id="int4", seen="date"),
        relation("crm.consents", who="int4", why="text", given="timestamptz", gone="timestamptz"),
    )
    assert shown(check(policy, right, {})) == ""


def test_tables_beside_the_governed_ones_are_told_and_children_are_not() -> None:
    s = snapshot(
        relation("crm.customers", id="int4", phone="text"),
        relation("crm.vip", id="int4", phone="text", _parents=(TableName("crm", "customers"),)),
        relation("crm.leads", id="int4", 手机号="text"),
        relation("other.things", id="int4", phone="text"),
        relation("crm.v", "v", p="text", _reads=((TableName("crm", "customers"), "phone"),)),
    )
    leads, view = check(bundle(MAP), s, {})
    assert "table `crm.leads` is not in the catalogue" in leads.message
    assert "手机号: `contact.phone`" in leads.remedy
    assert "it reads crm.customers.phone (contact.phone)" in view.remedy


def test_personal_data_in_an_opened_schema_is_told() -> None:
    policy = bundle(MAP + '  "ref.*": allow\n  "gone.*": allow\n')
    s = snapshot(
        relation("crm.customers", id="int4", phone="text"),
        relation("ref.countries", code="text"),
        relation("ref.people", email="text"),
    )
    gone, people = check(policy, s, {})
    assert "schema `gone`" in gone.message
    assert "table `ref.people` lies in an opened schema" in people.message
    assert [r.name.name for r, _ in unclassified(policy, s)] == ["countries", "people"]
