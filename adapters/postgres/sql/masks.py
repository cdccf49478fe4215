"""Masks as SQL: what stands in a statement in place of a column that its reader may not see as it is.

The expressions use built-in functions alone, are immutable or stable, never raise, keep NULL, and have the column's
own type, length and collation, so that nothing downstream notices. `gateway.policy.masks` says what each mask means.
"""

from __future__ import annotations

from adapters.postgres.sql import pseudonym, valuemasks
from adapters.postgres.sql.columntype import ColumnType
from adapters.postgres.sql.pseudonym import PseudonymKeys
from adapters.postgres.sql.textmasks import C_COLLATION, text_mask
from gateway.model import Disclosure, Mask
from gateway.policy.masks import BUCKET_WIDTH, DEFAULTS

__all__ = ["ColumnType", "PseudonymKeys", "fits", "is_secret", "mask_sql"]

DEFAULT_COLLATION = 'pg_catalog."default"'
_KEYED = Mask("pseudonym")


def mask_sql(
    disclosure: Disclosure, mask: Mask | None, data_class: str, column_sql: str, type: ColumnType, keys: PseudonymKeys
) -> str:
    """The expression that stands for `column_sql` (a quoted reference, possibly qualified), self-contained.

    CLEAR gives the reference itself. WITHHELD, and a mask that does not fit the type, give NULL of the type.
    """
    if disclosure is Disclosure.CLEAR:
        return column_sql
    expression = None
    if disclosure is Disclosure.PSEUDONYM:
        expression = _masked(_KEYED, data_class, column_sql, type, keys)
    elif disclosure is Disclosure.PARTIAL:
        expression = _masked(_effective(mask, type), data_class, column_sql, type, keys)
    if expression is None:
        expression = "NULL"
    return f"({_grouped(expression)}::{type.written}{_collate(type, expression)})"


def fits(mask: Mask, type: ColumnType) -> bool:
    """Whether the mask can show something of a column of this type; where not, the column is withheld."""
    if mask.name == "withheld":
        return True
    return _masked(mask, "", '""', type, _PROBE) is not None


def is_secret(disclosure: Disclosure, mask: Mask | None, type: ColumnType) -> bool:
    """Whether the expression bears a key, so that its text must not reach a client (EXPLAIN shows expressions)."""
    if disclosure is Disclosure.PSEUDONYM:
        return pseudonym.fits(type)
    effective = _effective(mask, type)
    return disclosure is Disclosure.PARTIAL and effective.name == "pseudonym" and pseudonym.fits(type)


def _effective(mask: Mask | None, type: ColumnType) -> Mask:
    return mask or DEFAULTS.get(type.family, Mask("withheld"))


def _masked(mask: Mask, data_class: str, v: str, type: ColumnType, keys: PseudonymKeys) -> str | None:
    """The mask over `v` before the cast to the column's type; None where it does not fit."""
    options = dict(mask.options)
    family = type.family
    if mask.name == "pseudonym":
        return pseudonym.expression(v, type, keys.key(data_class)) if pseudonym.fits(type) else None
    if family == "text":
        # A domain, citext or char(n) would find other functions than those over text; varchar finds the same.
        text = v if type.base in ("text", "varchar") and not type.domain else f"{v}::pg_catalog.text"
        return text_mask(mask.name, text, options)
    if mask.name == "birth" and family in ("date", "timestamp"):
        return valuemasks.year(v, type)
    if mask.name in ("amount", "bucket") and family in ("integer", "number"):
        return valuemasks.bucket(v, type, int(options.get("width", BUCKET_WIDTH)))
    if mask.name == "ip" and family == "network":
        return valuemasks.network(v, int(options.get("keep", 16)))
    constant = options.get("value")
    if mask.name == "constant" and family in ("integer", "number") and isinstance(constant, int):
        return valuemasks.number(v, constant) if valuemasks.number_fits(type, constant) else None
    return None


def _grouped(expression: str) -> str:
    return expression if expression.startswith(("CASE", "COALESCE")) or expression == "NULL" else f"({expression})"


def _collate(type: ColumnType, expression: str) -> str:
    """The column's own collation, where the expression would not have it by itself."""
    if type.collation:
        return f" COLLATE {type.collation}"
    if type.family != "text":
        return ""
    if type.base == "name":
        return f" COLLATE {C_COLLATION}"
    return f" COLLATE {DEFAULT_COLLATION}" if C_COLLATION in expression else ""


_PROBE = PseudonymKeys(bytes(32))
