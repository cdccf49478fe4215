"""Built-in functions and operators that cannot raise on any data, whatever their arguments hold.

They decide whether a condition may run on a row before the row predicate does: what raises on a hidden row tells
about it. Conservative: a name is here only if no overload of it can raise, with no number of arguments. Not here
although they look harmless: `||`, `replace`, `concat`, `repeat` (a result over 1 GB raises, and the writer of the
statement picks the other operand), `abs` and arithmetic (overflow), `length` (with an encoding), `substring`
(negative length, patterns), `position`, `strpos`, `starts_with` and LIKE (collations that are not deterministic),
`extract` and `date_trunc` (units), `random` (bounds), `&&`, `@>` and `<@` (overflow on circles and polygons).
"""

from __future__ import annotations

from adapters.postgres.sql.words import words

NEVER_RAISING_FUNCTIONS = words("""
    array_length array_lower array_ndims array_upper bit_length btrim cardinality char_length character_length
    clock_timestamp current_database current_schema family host initcap isempty isfinite json_typeof
    jsonb_typeof left lower lower_inc lower_inf ltrim masklen md5 now num_nonnulls num_nulls octet_length
    pg_backend_pid pg_typeof reverse right rtrim sha224 sha256 sha384 sha512 sign statement_timestamp
    transaction_timestamp upper upper_inc upper_inf version
""")

NEVER_RAISING_OPERATORS = frozenset({"=", "<>", "!=", "<", "<=", ">", ">=", "~<~", "~<=~", "~>~", "~>=~", "?", "?&"})
"""Symbols. Comparisons hold for two operands of one family (`comparison_never_raises`); the others are of jsonb only.
Not `->` and `->>`: of json, they raise on an escaped NUL, which the type lets in."""

_FAMILIES = (
    frozenset({"int2", "int4", "int8", "numeric"}),
    frozenset({"int2", "int4", "int8", "float4", "float8"}),
    frozenset({"text", "varchar", "bpchar", "name", "char"}),
    frozenset({"date", "timestamp", "timestamptz"}),
    frozenset({"inet", "cidr"}),
)


def comparison_never_raises(left: str, right: str) -> bool:
    """Whether comparing a `left` with a `right` (base type names) needs no conversion that may fail.

    `numeric = float8` turns the numeric into a float8, which overflows; `oid = int8` turns the int8 into an oid.
    """
    return left == right or any(left in family and right in family for family in _FAMILIES)
