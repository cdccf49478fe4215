"""A veil as SQL: the derived table that stands for a relation, and the pieces that a write needs instead.

Everything is written so that it means the same under any search_path and time zone of the session: names quoted,
functions and operators those of pg_catalog. It is one line: PostgreSQL reads it each time that it plans the statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final

from adapters.postgres.sql.masks import ColumnType, PseudonymKeys, is_secret, mask_sql
from adapters.postgres.sql.quote import array_literal, call, quote_ident, quote_literal, quote_table
from adapters.postgres.sql.rowrule import render_row_rule
from gateway.model import ColumnVeil, Consent, Disclosure, Retention, RowPredicate, RowRule, TableName, Veil

_KEEP: Final = re.compile(r"\d{1,5} (?:year|month|week|day|hour)s?(?: \d{1,5} (?:year|month|week|day|hour)s?)*")
_NOW: Final = call("statement_timestamp")
_CONSENT_ALIASES: Final = ('"menshen:consent"', '"menshen:consent2"')
_FALSE: Final = "false"


@dataclass(frozen=True)
class RenderedColumn:
    """One visible column: how it is disclosed, and its SQL over any qualifier."""

    name: str
    veil: ColumnVeil
    type: ColumnType
    keys: PseudonymKeys

    @property
    def clear(self) -> bool:
        return self.veil.disclosure is Disclosure.CLEAR

    @property
    def secret(self) -> bool:
        """The expression bears a key: no client may see its text, so no EXPLAIN of it."""
        return is_secret(self.veil.disclosure, self.veil.mask, self.type)

    def raw(self, prefix: str = "") -> str:
        """The reference to the column itself; `prefix` is a qualifier with its dot, such as `"c".`."""
        return prefix + quote_ident(self.name)

    def expression(self, prefix: str = "") -> str:
        """What a reader sees of the column: self-contained, of the column's own type."""
        veil = self.veil
        return mask_sql(veil.disclosure, veil.mask, veil.data_class, self.raw(prefix), self.type, self.keys)

    @cached_property
    def item(self) -> str:
        """The column as an item of the derived table's select list."""
        name = quote_ident(self.name)
        return name if self.clear else f"{self.expression()} AS {name}"

    @cached_property
    def unseen(self) -> str:
        """The item, without the statistics of its column."""
        if not self.clear or self.type.base not in ("text", "varchar", "bpchar", "name", "citext", "bytea"):
            return self.item
        name = quote_ident(self.name)
        return f"CASE WHEN {name} IS NOT NULL THEN {name} END AS {name}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of a column's raw value with constants and parameters: `before`, the column, `after`."""

    column: RenderedColumn
    before: str
    after: str
    values: str
    """What it is compared with, as an array."""

    @property
    def sql(self) -> str:
        return f"{self.before}{self.column.raw()}{self.after}"


@dataclass(frozen=True)
class RenderedVeil:
    """A veil over the columns that the database has. Immutable; kept with the persona's plans."""

    veil: Veil
    columns: tuple[RenderedColumn, ...]
    """The visible columns, in the order of the database's."""
    types: Mapping[str, ColumnType]
    limits_once: ClassVar[bool] = False
    """Whether limits that are the same for all rows are computed once, by a sub-select, so that comparing with them is
    as cheap for the planner as any comparison."""

    @property
    def table(self) -> TableName:
        return self.veil.table

    @property
    def place(self) -> TableName:
        """The relation that holds what the veil shows: the table itself, or a view that stands for it."""
        return self.table

    def written(self, act: str) -> TableName:
        """What an `insert`, `update` or `delete` names in the relation's place."""
        return self.place

    @cached_property
    def by_name(self) -> Mapping[str, RenderedColumn]:
        return {column.name: column for column in self.columns}

    @cached_property
    def trivial(self) -> bool:
        """Splicing would change nothing: every column of the database is there and clear, and no row is hidden."""
        return not self.veil.rows and len(self.columns) == len(self.types) and all(c.clear for c in self.columns)

    @cached_property
    def secret(self) -> bool:
        """Some column's expression bears a key."""
        return any(column.secret for column in self.columns)

    @cached_property
    def joins(self) -> bool:
        """Some row predicate reads another table: PostgreSQL may make a join of it, and run that last."""
        return any(isinstance(rule, Consent) for rule in self.veil.rows)

    def predicate(self, prefix: str = "") -> str | None:
        """All row predicates in one, over columns qualified by `prefix`; None where no row is hidden."""
        parts = [_predicate(rule, self, prefix) for rule in self.veil.rows]
        return None if not parts else parts[0] if len(parts) == 1 else f"({' AND '.join(parts)})"

    @cached_property
    def _derived_predicate(self) -> str | None:
        return self.predicate()

    def derived(
        self,
        *,
        only: bool = False,
        tablesample: str = "",
        system_columns: tuple[str, ...] = (),
        where: tuple[str, ...] = (),
        lookups: tuple[Comparison, ...] = (),
        fence: bool = False,
        extra: tuple[str, ...] = (),
        only_columns: frozenset[str] | None = None,
        hide_statistics: bool = False,
    ) -> str:
        """The derived table that stands for the relation, in parentheses and without an alias.

        `tablesample`: the clause as it stood; `where`, `lookups`: further conditions over raw columns; `extra`:
        further items of the select list, such as guarded columns; `fence`: keep the planner from pulling it up;
        `only_columns`: leave out the columns that the statement does not name (PostgreSQL reads the text each time);
        `hide_statistics`: make clear texts expressions, since the planner tries LIKE patterns on the most common values
        and histogram bounds of plain columns, those of hidden rows among them, and a pattern may raise there.
        """
        items = [
            c.unseen if hide_statistics else c.item
            for c in self.columns
            if only_columns is None or c.name in only_columns
        ]
        items += [quote_ident(name) for name in system_columns]
        items += extra
        raw = (*where, *(one.sql for one in lookups))
        conditions = [c for c in (self._derived_predicate, *(f"({w})" for w in raw)) if c]
        return "".join(
            (
                f"(SELECT {', '.join(items)} FROM {'ONLY ' if only else ''}{quote_table(self.table)}",
                f" {tablesample}" if tablesample else "",
                f" WHERE {' AND '.join(conditions)}" if conditions else "",
                " OFFSET 0)" if fence else ")",
            )
        )


def render(veil: Veil, columns: Mapping[str, ColumnType], keys: PseudonymKeys) -> RenderedVeil:
    """A veil over `columns`, which are those of the database in order; a column that the database lacks is left out."""
    visible = {column.column: column for column in veil.columns}
    rendered = (RenderedColumn(name, visible[name], type, keys) for name, type in columns.items() if name in visible)
    return RenderedVeil(veil, tuple(rendered), columns)


def _predicate(rule: RowPredicate, rendered: RenderedVeil, prefix: str) -> str:
    if isinstance(rule, Retention):
        return _retention(rule, rendered.types, prefix, once=rendered.limits_once)
    if isinstance(rule, Consent):
        return _consent(rule, rendered, prefix)
    assert isinstance(rule, RowRule)
    return render_row_rule(rule.expression, rendered.types.keys(), dict(rule.attributes), prefix)


def _retention(rule: Retention, types: Mapping[str, ColumnType], prefix: str, *, once: bool) -> str:
    """Rows younger than the limit. A row without a date is hidden: nobody can tell that it may still be kept.

    The clock and the calendar are UTC's: a session's own time zone would move the limit.
    """
    type = types.get(rule.column)
    if type is None or not _KEEP.fullmatch(rule.keep) or type.base not in ("date", "timestamp", "timestamptz"):
        return _FALSE
    period = f"{quote_literal(rule.keep)}::pg_catalog.interval"
    limit = call("timestamp_mi_interval", call("timezone", "'UTC'", _NOW), period)
    if type.base == "timestamptz":
        limit = call("timezone", "'UTC'", limit)
    limit = f"(SELECT {limit})" if once else limit
    return f"({prefix}{quote_ident(rule.column)} OPERATOR(pg_catalog.>=) {limit})"


def _consent(rule: Consent, rendered: RenderedVeil, prefix: str) -> str:
    """Subjects with a consent to one of the purposes that was given and is not withdrawn."""
    if rule.key not in rendered.types:
        return _FALSE
    # The inner alias must not capture the outer reference, and an unqualified one would be captured by any column
    # of the consent table that has the same name.
    alias = next(a for a in _CONSENT_ALIASES if f"{a}." != prefix)
    key = f"{prefix or quote_table(rendered.table) + '.'}{quote_ident(rule.key)}"

    def inner(column: str) -> str:
        return f"{alias}.{quote_ident(column)}"

    conditions = [
        f"{inner(rule.subject)} OPERATOR(pg_catalog.=) {key}",
        f"{inner(rule.purpose)} OPERATOR(pg_catalog.=) ANY ({array_literal(rule.purposes)})",
        f"{inner(rule.given)} OPERATOR(pg_catalog.<=) {_NOW}",
    ]
    if rule.withdrawn is not None:
        withdrawn = inner(rule.withdrawn)
        conditions.append(f"({withdrawn} IS NULL OR {withdrawn} OPERATOR(pg_catalog.>) {_NOW})")
    return f"EXISTS (SELECT 1 FROM {quote_table(rule.table)} AS {alias} WHERE {' AND '.join(conditions)})"
