"""Pseudonyms: a keyed hash in place of a value, stable per deployment and data class.

`hash(k2 || hash(k1 || value))` with independent keys is NMAC (Bellare, Canetti, Krawczyk 1996), which PostgreSQL can
compute with built-in functions alone, in every supported version and without an extension. Without the deployment's
secret, the pseudonym of a guessed value cannot be computed; with one class's key nothing follows for another's.

The keys stand in the text that the database sees: whoever may read its log or `pg_stat_activity` can read them, and
so does EXPLAIN show them. The gateway never lets a client have either of a statement that bears them.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import Final

from adapters.postgres.sql.columntype import ColumnType
from adapters.postgres.sql.quote import call, concatenated, quote_literal

PREFIX: Final = "p_"
HEX_DIGITS: Final = 24
"""96 bits: among a billion values the chance that any two share a pseudonym is below 1 in 10^10."""
MINIMUM_LENGTH: Final = 10
"""A column for fewer characters than the prefix and 8 hex digits gets no pseudonym: too many values would share one."""
_MINIMUM_DIGITS: Final = 9
_SALT: Final = b"menshen pseudonym v1"


class PseudonymKeys:
    """Keys of the data classes, derived from one secret of the deployment (HKDF-SHA-256, RFC 5869)."""

    __slots__ = ("_key", "_secret")

    def __init__(self, secret: bytes) -> None:
        """`secret`: at least 16 bytes, random, kept as long as pseudonyms must stay the same."""
        if len(secret) < 16:
            raise ValueError("the secret of the pseudonyms must have at least 16 bytes")
        self._secret = hmac.digest(_SALT, secret, hashlib.sha256)
        self._key = lru_cache(maxsize=4096)(self._derive)

    def __repr__(self) -> str:
        return "PseudonymKeys(…)"

    def key(self, data_class: str) -> bytes:
        """64 bytes for a class: the outer key, then the inner one."""
        return self._key(data_class)

    def _derive(self, data_class: str) -> bytes:
        out, block = b"", b""
        for counter in (1, 2):
            block = hmac.digest(self._secret, block + data_class.encode() + bytes([counter]), hashlib.sha256)
            out += block
        return out


def fits(column: ColumnType) -> bool:
    """Whether a column can hold a pseudonym; where it cannot, it is withheld."""
    if column.family == "text":
        return column.length is None or column.length >= MINIMUM_LENGTH
    if column.base == "numeric":
        return _digits(column) >= _MINIMUM_DIGITS
    return column.base in ("int4", "int8", "uuid")


def expression(value: str, column: ColumnType, key: bytes) -> str:
    """The pseudonym of `value` (a quoted reference) before the cast to the column's type; NULL and '' stay."""
    if column.family == "text":
        # bpchar -> text drops the padding, so that char(n), varchar and text agree on the value.
        text = f"{value}::pg_catalog.text"
        digest = concatenated(quote_literal(PREFIX), call("left", _hex(text, key), str(_hex_digits(column))))
        return f"CASE WHEN {call('int4eq', call('octet_length', text), '0')} THEN '' ELSE {digest} END"
    if column.base == "numeric":
        # 1.0 and 1.00 are equal to the database, hence one value.
        digest = _hex(f"{call('trim_scale', value)}::pg_catalog.text", key)
        return call("mod", _bits(digest, "int8", 16), f"{10 ** _digits(column)}::pg_catalog.int8")
    digest = _hex(f"{value}::pg_catalog.text", key)
    if column.base == "uuid":
        return f"{call('left', digest, '32')}::pg_catalog.uuid"
    return _bits(digest, column.base, 16 if column.base == "int8" else 8)


def _hex(text: str, key: bytes) -> str:
    outer, inner = (f"'\\x{half.hex()}'::pg_catalog.bytea" for half in (key[:32], key[32:]))
    hashed = call("sha256", call("byteacat", inner, call("convert_to", text, "'UTF8'")))
    return call("encode", call("sha256", call("byteacat", outer, hashed)), "'hex'")


def _bits(digest: str, integer: str, nibbles: int) -> str:
    """The first bits of a digest as a positive integer; `'x…'` is the input form of bit strings in hex."""
    bits = f"{concatenated(quote_literal('x'), call('left', digest, str(nibbles)))}::bit({4 * nibbles})"
    largest = (1 << (4 * nibbles - 1)) - 1
    return call(f"{integer}and", f"{bits}::pg_catalog.{integer}", f"{largest}::pg_catalog.{integer}")


def _hex_digits(column: ColumnType) -> int:
    return HEX_DIGITS if column.length is None else min(HEX_DIGITS, column.length - len(PREFIX))


def _digits(column: ColumnType) -> int:
    """Digits before the point that a numeric column is sure to hold, as many as 63 bits fill."""
    limit = column.precision
    return 18 if limit is None else max(0, min(18, limit[0] - max(0, limit[1])))
