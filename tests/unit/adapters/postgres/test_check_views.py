"""A view or a child shows governed data; the data map has to protect it as well as the table."""

from __future__ import annotations

from adapters.postgres.catalog import Relation, Snapshot
from adapters.postgres.check_views import check, sources
from gateway.model import TableName
from tests.support.datamap import bundle, relation, shown, snapshot

T = TableName("crm", "customers")
BASE = """
tables:
  crm.customers:
    retention: {after: seen, keep: 3 years}
    columns: {id: public, phone: contact.phone, seen: public}
"""


def made(*more: Relation) -> Snapshot:
    return snapshot(relation("crm.customers", id="int4", phone="text", seen="date"), *more)


def view(name: str = "crm.v", *reads: tuple[TableName, str]) -> Relation:
    return relation(name, "v", id="int4", p="text", seen="date", _reads=reads or ((T, "id"), (T, "phone"), (T, "seen")))


def test_a_view_that_nobody_reaches_is_no_finding_here() -> None:
    assert shown(check(bundle(BASE), made(view()))) == ""


def test_a_view_in_an_opened_schema_is_an_error() -> None:
    text = shown(check(bundle(BASE + '  "ref.*": allow\n'), made(view("ref.v"))))
    assert "error: view `ref.v` reads `crm.customers.phone` (contact.phone) and has no such column" in text
    assert "without its retention" in text


def test_a_view_with_a_weaker_class_is_told_and_with_the_same_it_is_not() -> None:
    weak = BASE + "  crm.v: {columns: {id: public, p: contact, seen: public}}\n"
    assert "warning: view `crm.v` reads `crm.customers.phone`" in shown(check(bundle(weak), made(view())))
    same = BASE + (
        "  crm.v: {retention: {after: seen, keep: 3 years}, columns: {id: public, p: contact.phone, seen: public}}\n"
    )
    assert shown(check(bundle(same), made(view()))) == ""


def test_views_over_views_are_followed_and_circles_end() -> None:
    inner = view("crm.inner")
    outer = view("crm.outer", (TableName("crm", "inner"), "p"), (TableName("crm", "outer"), "p"))
    s = made(inner, outer)
    assert (T, "phone") in sources(s, s.relations[TableName("crm", "outer")])


def test_a_child_with_a_weaker_class_is_an_error() -> None:
    child = relation("crm.vip", id="int4", phone="text", seen="date", _parents=(T,))
    weak = BASE + "  crm.vip: {columns: {id: public, phone: public}}\n"
    text = shown(check(bundle(weak), made(child)))
    assert "error: `crm.vip` holds rows of `crm.customers`, and its column `phone` has the class `public`" in text
    assert "warning: `crm.vip` shows rows of `crm.customers` without its retention" in text
    assert shown(check(bundle(BASE), made(child))) == ""
