"""Shapes are told apart, and nothing of a value is kept. All values are generated."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.discover_shapes import SHAPES, count, luhn, resident_id


def made_id(body: str) -> str:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("id_number", made_id("11010519491231002")),
        ("phone", "13800138000"), ("phone", "+86 138-0013-8000"), ("phone", "010-87654321"), ("phone",
        "+442079460958"),
        ("email", "zhang.san@example.com"), ("email", "张三@例子.公司"),
        ("bank_card", "4111 1111 1111 1111"),
        ("name", "王小明"), ("name", "欧阳娜娜"),
        ("address", "浙江省杭州市西湖区文三路 90 号"), ("address", "221B Baker Street, London"),
        ("ip", "192.0.2.7"), ("ip", "2001:db8::1"), ("ip", "192.0.2.0/24"),
        ("plate", "京A·12345"), ("plate", "粤BD12345"), ("passport", "E12345678"),
    ],
)  # fmt: skip
def test_a_value_has_its_shape(kind: str, value: str) -> None:
    assert SHAPES[kind](value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("id_number", made_id("11010519491231002")[:-1] + "A"), ("id_number", made_id("11010519491331002")),
        ("phone", "12345"), ("phone", "1"), ("bank_card", "4111111111111112"), ("bank_card", "0000000000000000"),
        ("name", "北京"), ("email", "@home"), ("ip", "7"), ("address", "市"), ("plate", "A12345"),
    ],
)  # fmt: skip
def test_what_only_resembles_is_not_taken(kind: str, value: str) -> None:
    assert not SHAPES[kind](value)


def test_full_width_digits_and_blanks_count_and_repetitions_do_not() -> None:
    shapes = count(["１３８００１３８０００", " 13800138000 ", "13800138000", None, "", "  "])
    assert shapes.total == 1
    assert shapes.share("phone") == 1.0
    assert count([]).share("phone") == 0.0


def test_random_numbers_seldom_pass_the_checks() -> None:
    digits = random.Random(7)
    ids = [f"{digits.randrange(10**17, 10**18)}" for _ in range(2000)]
    assert sum(map(resident_id, ids)) < 40
    assert 100 < sum(map(luhn, ids)) < 300  # one in ten, by construction


@given(st.text())
def test_no_value_makes_a_test_raise(value: str) -> None:
    assert count([value]).total <= 1
