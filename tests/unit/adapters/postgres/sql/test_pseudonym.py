from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from adapters.postgres.sql.columntype import ColumnType
from adapters.postgres.sql.pseudonym import PseudonymKeys, expression, fits


def test_keys_are_hkdf_of_the_secret_and_the_class() -> None:
    secret = bytes(range(32))
    expected = HKDF(SHA256(), 64, b"menshen pseudonym v1", "contact.电话".encode()).derive(secret)
    assert PseudonymKeys(secret).key("contact.电话") == expected


def test_a_short_secret_is_refused_and_none_is_printed() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        PseudonymKeys(b"short")
    assert "secret" not in repr(PseudonymKeys(b"secret" * 10))


@pytest.mark.parametrize(
    ("type", "held"),
    [
        (ColumnType("text", "text"), True),
        (ColumnType("character varying(10)", "varchar", 10), True),
        (ColumnType("character varying(9)", "varchar", 9), False),
        (ColumnType("uuid", "uuid"), True),
        (ColumnType("smallint", "int2"), False),
        (ColumnType("integer", "int4"), True),
        (ColumnType("numeric(11,2)", "numeric"), True),
        (ColumnType("numeric(10,2)", "numeric"), False),
        (ColumnType("double precision", "float8"), False),
        (ColumnType("date", "date"), False),
    ],
)
def test_which_types_hold_a_pseudonym(type: ColumnType, held: bool) -> None:
    assert fits(type) is held


def test_a_short_column_gets_fewer_digits() -> None:
    text = expression('"v"', ColumnType("character varying(12)", "varchar", 12), bytes(64))
    assert text.endswith(",10)) END")
