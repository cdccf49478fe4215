from __future__ import annotations

from gateway.model import Mask, Predicate, TableName
from gateway.policy.catalog_file import read_catalog
from gateway.policy.terms import ConsentTerms, DataClass, RetentionTerms
from tests.unit.gateway.policy.bundles import CATALOG, line_of

CUSTOMERS = TableName("crm", "customers")


def test_the_data_map_is_read() -> None:
    catalog, reader = read_catalog(CATALOG, lambda _: None)
    assert reader.problems == []
    assert list(map(str, catalog.tables)) == ["crm.customers", "crm.consents", "crm.客户"]
    assert catalog.open_schemas == {"ref"}
    assert catalog.functions == {"crm.get_phone": "contact.phone"}
    table = catalog.tables[CUSTOMERS]
    assert (table.owner, table.subject, table.retention) == ("marketing", "id", RetentionTerms("created_at", "3 years"))
    assert table.consent == ConsentTerms(
        TableName("crm", "consents"), "customer_id", "purpose", "granted_at", "withdrawn_at"
    )
    assert dict(table.rows) == {"support": "region = :principal.region"}
    assert table.rows_lines["support"] == line_of("catalog.yaml", ":principal.region")


def test_a_class_inherits_what_it_does_not_say() -> None:
    classes = read_catalog(CATALOG, lambda _: None)[0].classes
    phone, email = classes["contact.phone"], classes["contact.email"]
    assert (phone.level, phone.mask, phone.withheld, dict(phone.title)) == (
        3, Mask("phone"), "deny", {"en": "手机号", "zh": "手机号"},
    )  # fmt: skip
    assert email.mask == Mask("email")
    assert (classes["sensitive"].mask, classes["sensitive"].withheld) == (None, "null")


def test_a_child_may_stand_before_its_parent() -> None:
    text = "classes:\n  a: {parent: b}\n  b: {parent: c}\n  c: {level: 3, mask: {name: bucket, width: 10}}\n"
    catalog, reader = read_catalog(text, lambda _: None)
    assert reader.problems == []
    assert catalog.classes["a"] == DataClass("a", 3, "b", mask=Mask("bucket", (("width", 10),)))


def test_withheld_null_of_a_child_takes_back_the_parents_deny() -> None:
    text = "classes:\n  a: {level: 1, withheld: deny}\n  b: {parent: a, withheld: null}\n  c: {parent: a}\n"
    classes = read_catalog(text, lambda _: None)[0].classes
    assert [classes[name].withheld for name in "abc"] == ["deny", "null", "deny"]


def test_inference_controls_come_from_the_parent_where_absent() -> None:
    text = (
        "classes:\n  a: {level: 2, predicate: deny, aggregate: {min_group: 5}, lookup: {per_hour: 60}}\n"
        "  b: {parent: a}\n  c: {parent: a, predicate: masked, aggregate: {min_group: 9}, lookup: {per_hour: 7}}\n"
        "  d: {level: 2}\n"
    )
    catalog, reader = read_catalog(text, lambda _: None)
    assert reader.problems == []
    assert [
        (one.predicate, one.min_group, one.lookups_per_hour) for one in map(catalog.classes.get, "abcd") if one
    ] == [
        (Predicate.DENY, 5, 60),
        (Predicate.DENY, 5, 60),
        (Predicate.MASKED, 9, 7),
        (Predicate.MASKED, 0, 0),
    ]


def test_public_is_always_a_class() -> None:
    assert read_catalog("", lambda _: None)[0].classes == {"public": DataClass("public", 1)}


def test_objects_lead_from_a_column_to_its_table_and_its_class() -> None:
    edges = list(read_catalog(CATALOG, lambda _: None)[0].objects())
    assert ("crm.customers.phone", "crm.customers") in edges
    assert ("crm.customers.phone", "contact.phone") in edges
    assert ("crm.customers", "crm") in edges
    assert ("contact.phone", "contact") in edges


def test_the_schema_public_is_not_the_class_public() -> None:
    text = 'classes: {public: {level: 1}, a: {level: 2}}\ntables:\n  "public.*": allow\n  public.t: {columns: {x: a}}\n'
    catalog, reader = read_catalog(text, lambda _: None)
    assert reader.problems == []
    assert ("public.t", "public") not in list(catalog.objects())
    assert list(catalog.open_objects(TableName("public", "u"), "c")) == [
        ("public.u.c", "public.u"),
        ("public.u.c", "public"),
    ]
