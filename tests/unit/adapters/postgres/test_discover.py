"""Names, comments and shapes together propose a class; a person reads why."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from adapters.postgres.catalog import Column, Relation
from adapters.postgres.discover import Proposal, class_for, propose
from adapters.postgres.discover_kinds import KINDS
from adapters.postgres.discover_shapes import Shapes
from adapters.postgres.sql.columntype import ColumnType
from gateway.model import Mask, TableName
from gateway.policy.masks import MASKS
from gateway.policy.terms import DataClass

TYPES = {
    "text": ColumnType("text", "text"), "int8": ColumnType("bigint", "int8"), "date": ColumnType("date", "date"),
    "bool": ColumnType("boolean", "bool"), "numeric": ColumnType("numeric", "numeric"),
    "inet": ColumnType("inet", "inet"),
}  # fmt: skip

CLASSES = {
    one.name: one
    for one in (
        DataClass("public", 1),
        DataClass("contact", 3),
        DataClass("contact.mobile", 3, "contact", mask=Mask("phone")),
        DataClass("contact.mail", 3, "contact", mask=Mask("email")),
        DataClass("identity.name", 3, mask=Mask("name")),
        DataClass("sensitive.derived", 4, title=MappingProxyType({"zh": "身份证号"}), mask=Mask("id_number")),
        DataClass("where", 3, title=MappingProxyType({"zh": "收货地址"}), mask=Mask("address")),
    )
}


def best(
    name: str, base: str = "text", table: str = "t", comment: str | None = None, shapes: Shapes | None = None
) -> Any:
    column = Column(name, 1, TYPES[base], 25, False, comment=comment)
    relation = Relation(TableName("crm", table), 1, "r", (column,))
    found = propose(relation, CLASSES, {name: shapes} if shapes else None)
    return found[0] if found else None


@pytest.mark.parametrize(
    ("name", "base", "kind"),
    [
        ("phone", "text", "phone"), ("mobile_no", "int8", "phone"), ("homePhone", "text", "phone"), ("phone2",
        "text", "phone"),
        ("手机号", "text", "phone"), ("联系电话", "text", "phone"), ("sjh", "text", "phone"),
        ("email", "text", "email"), ("电子邮箱", "text", "email"), ("mail_address", "text", "email"),
        ("id_card", "text", "id_number"), ("身份证号码", "text", "id_number"), ("sfzh", "text", "id_number"),
        ("full_name", "text", "name"), ("姓名", "text", "name"), ("收货人", "text", "name"),
        ("address_line_1", "text", "address"), ("收货地址", "text", "address"), ("ip_address", "text", "ip"),
        ("last_ip", "inet", "ip"), ("dob", "date", "birth"), ("出生日期", "date", "birth"), ("车牌号", "text", "plate"),
        ("bank_card", "text", "bank_card"), ("银行卡号", "text", "bank_card"), ("balance", "numeric", "amount"),
        ("余额", "numeric", "amount"), ("password_hash", "text", "credential"), ("备注", "text", "text"),
        ("性别", "text", "gender"), ("护照号", "text", "passport"), ("民族", "text", "health"),
    ],
)  # fmt: skip
def test_a_name_tells(name: str, base: str, kind: str) -> None:
    found = best(name, base)
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("id", "int8"), ("created_at", "date"), ("phone_verified", "bool"), ("email_id", "text"), ("status", "text"),
        ("product_name", "text"), ("contact_id", "int8"), ("amounts", "bool"), ("name", "text"), ("address_id",
        "text"),
        ("telemetry", "text"), ("城市编码", "text"),
    ],
)  # fmt: skip
def test_what_tells_nothing_about_a_person_is_left_alone(name: str, base: str) -> None:
    assert best(name, base) is None


def test_a_plain_name_is_a_persons_in_a_table_of_people() -> None:
    assert best("name", table="客户").kind == "name"
    assert best("name", table="vip_customers").kind == "name"
    assert best("name", table="products") is None


def test_a_comment_and_the_shapes_tell_where_the_name_does_not() -> None:
    assert best("c7", comment="客户的手机号").kind == "phone"
    found = best("c7", shapes=Shapes(50, {"phone": 48}))
    assert found.kind == "phone"
    assert "96 % of 50 sampled values" in found.reason


def test_name_and_shape_together_are_surer_than_one() -> None:
    alone = best("phone").confidence
    assert best("phone", shapes=Shapes(50, {"phone": 50})).confidence > alone
    assert best("phone", shapes=Shapes(50, {})).confidence < alone


def test_values_that_say_otherwise_win_over_a_name() -> None:
    assert best("phone", shapes=Shapes(50, {"email": 50})).kind == "email"


def test_the_bundles_own_class_is_proposed() -> None:
    assert best("phone").data_class == "contact.mobile"
    assert best("email").data_class == "contact.mail"
    assert best("id_card").data_class == "sensitive.derived"
    assert best("地址").data_class == "where"
    passport = best("passport")
    assert passport.data_class is None
    assert "sensitive.passport: {parent: sensitive, mask: passport}" in str(passport)


def test_a_class_that_only_inherits_its_mask_is_not_meant() -> None:
    classes = {
        "contact": DataClass("contact", 3, mask=Mask("phone")),
        "contact.wechat": DataClass("contact.wechat", 3, "contact", mask=Mask("phone")),
    }
    kind = next(k for k in KINDS if k.name == "phone")
    assert class_for(kind, classes) == "contact"


def test_a_proposal_reads_as_a_sentence() -> None:
    made = Proposal(TableName("crm", "t"), "p", "phone", 0.8, "phone number, by its name", "contact.phone", "")
    assert str(made) == "`contact.phone` (80 % sure: phone number, by its name)"


def test_every_example_has_a_mask_that_exists() -> None:
    for kind in KINDS:
        if "mask: " in kind.example:
            assert kind.example.split("mask: ")[1].rstrip("}") in MASKS
        assert kind.names == {name.lower() for name in kind.names}
