"""The masks over values as SQL: the limits; what they yield is tested on a database in tests/system."""

from __future__ import annotations

import pytest

from adapters.postgres.sql.columntype import ColumnType
from adapters.postgres.sql.valuemasks import bucket, network, number_fits

INT2, INT4 = ColumnType("smallint", "int2"), ColumnType("integer", "int4")


def test_a_width_that_the_type_cannot_hold_makes_one_bucket() -> None:
    assert bucket('"v"', INT2, 32768) == 'CASE WHEN "v" IS NOT NULL THEN 0 END'
    assert "32767::pg_catalog.int2" in bucket('"v"', INT2, 32767)


def test_a_network_of_ipv6_keeps_twice_the_bits() -> None:
    assert "THEN 48 ELSE 24 END" in network('"v"', 24)


@pytest.mark.parametrize(
    ("type", "constant", "held"),
    [
        (INT2, 32767, True),
        (INT2, 32768, False),
        (INT4, -(2**31), False),
        (ColumnType("numeric(5,2)", "numeric"), 999, True),
        (ColumnType("numeric(5,2)", "numeric"), 1000, False),
        (ColumnType("numeric(5,-2)", "numeric"), 1000, True),
        (ColumnType("numeric(3,5)", "numeric"), 1, False),
        (ColumnType("numeric(3,5)", "numeric"), 0, True),
        (ColumnType("numeric(5,-2)", "numeric"), 9999950, False),
        (ColumnType("numeric", "numeric"), 10**6, True),
        (ColumnType("real", "float4"), 10**16, False),
    ],
)
def test_a_constant_must_fit_the_type(type: ColumnType, constant: int, held: bool) -> None:
    assert number_fits(type, constant) is held
