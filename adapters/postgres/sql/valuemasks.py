"""The masks over dates, times, numbers and network addresses as SQL: never raise, never leave the type's range."""

from __future__ import annotations

from typing import Final

from adapters.postgres.sql.columntype import ColumnType
from adapters.postgres.sql.quote import call

_SMALLEST_INT: Final = {"int2": 1 << 15, "int4": 1 << 31, "int8": 1 << 63}

_YEAR: Final = "'year'"

# Beyond this a float has no digits left for a bucket.
_FLOAT_LIMIT: Final = 10**15


def year(value: str, column: ColumnType) -> str:
    """The first of January. Infinity, years before Christ and years of five digits become NULL.

    The calendar is UTC's, not the session's: with a time zone of its choice a client could otherwise move the border
    of the year and so learn the day.
    """
    base = column.base
    low, high = (f"'{at}'::pg_catalog.{base}" for at in _ends(base))
    inside = f"{call(f'{base}_ge', value, low)} AND {call(f'{base}_lt', value, high)}"
    if base == "date":
        started = f"{call('date_trunc', _YEAR, f'{value}::pg_catalog.timestamp')}::pg_catalog.date"
    elif base == "timestamp":
        started = call("date_trunc", _YEAR, value)
    else:
        started = call("date_trunc", _YEAR, value, "'UTC'")
    return f"CASE WHEN {inside} THEN {started} END"


def _ends(base: str) -> tuple[str, str]:
    clock = {"date": "", "timestamp": " 00:00:00", "timestamptz": " 00:00:00+00"}[base]
    return f"0001-01-01{clock}", f"9999-12-31{clock}"


def bucket(value: str, column: ColumnType, width: int) -> str:
    """The multiple of `width` next to the value on the side of zero: its magnitude never grows, so it always fits."""
    base = column.base
    if base == "numeric":
        # By mod, which is exact: a quotient is rounded, and could come out one too high.
        return call("numeric_sub", value, call("mod", value, f"{width}::pg_catalog.numeric"))
    if base in ("float4", "float8"):
        return _float_bucket(f"{value}::pg_catalog.float8", width)
    if width >= _SMALLEST_INT[base]:
        return f"CASE WHEN {value} IS NOT NULL THEN 0 END"
    return call(f"{base}mi", value, call("mod", value, f"{width}::pg_catalog.{base}"))


def _float_bucket(value: str, width: int) -> str:
    # Small values first, since their quotient may underflow, which raises; NaN, infinite and huge ones become NULL.
    def inside(limit: int) -> str:
        return call("float8lt", call("abs", value), f"{limit}::pg_catalog.float8")

    wide = f"{width}::pg_catalog.float8"
    steps = call("float8mul", call("trunc", call("float8div", value, wide)), wide)
    return f"CASE WHEN {inside(width)} THEN 0 WHEN {inside(_FLOAT_LIMIT)} THEN {steps} END"


def network(value: str, keep: int) -> str:
    """The network of the first 16 or 24 bits; of an IPv6 address, 32 or 48."""
    bits = f"CASE WHEN {call('int4eq', call('family', value), '6')} THEN {keep * 2} ELSE {keep} END"
    return call("network", call("set_masklen", f"{value}::pg_catalog.inet", bits))


def number(value: str, constant: int) -> str:
    """A constant in place of a number; NULL stays."""
    return f"CASE WHEN {value} IS NOT NULL THEN {constant} END"


def number_fits(column: ColumnType, constant: int) -> bool:
    """Whether the type holds the constant, so that the cast cannot raise."""
    if column.base in _SMALLEST_INT:
        return abs(constant) < _SMALLEST_INT[column.base]
    if column.precision is None:
        return abs(constant) < _FLOAT_LIMIT
    precision, scale = column.precision
    if scale < 0:  # rounded to tens, hundreds, …: the largest is 99…900
        return abs(constant) <= int((10**precision - 1) * 10**-scale)
    return bool(abs(constant) < 10 ** (precision - scale))
