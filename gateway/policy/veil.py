"""Compiling the rules into a veil: what one persona sees of one table, and may do with it."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.model import (
    Act,
    AttributeValue,
    ColumnVeil,
    Consent,
    Disclosure,
    Persona,
    Predicate,
    Retention,
    RowPredicate,
    RowRule,
    TableName,
    Veil,
)
from gateway.policy.bundle import Bundle
from gateway.policy.rowrules import placeholders
from gateway.policy.terms import ANY, PUBLIC, GovernedTable

_BEST_FIRST = (
    (Act.CLEAR, Disclosure.CLEAR),
    (Act.PARTIAL, Disclosure.PARTIAL),
    (Act.PSEUDONYM, Disclosure.PSEUDONYM),
)


def compile_veil(bundle: Bundle, persona: Persona, table: TableName, columns: tuple[str, ...]) -> Veil | None:
    """The veil over the columns that the database has; None where nothing of the table may be reached.

    A persona of another bundle, whose principal or purpose this one does not know, reaches nothing.
    """
    if persona.principal not in bundle.principals:
        return None
    governed = bundle.catalog.tables.get(table)
    if governed is None:
        return _open_veil(bundle, persona, table, columns) if table.schema in bundle.catalog.open_schemas else None
    if persona.purpose is None or persona.purpose not in bundle.purposes:
        return None
    veils = tuple(
        _column(bundle, persona, table, column, governed.columns[column])
        for column in columns
        if column in governed.columns
    )
    delete = _deletes(bundle, persona, table, tuple(governed.columns))
    if not _reaches(bundle, persona, table, veils, delete):
        return None
    return Veil(
        table=table,
        columns=veils,
        rows=tuple(row_predicates(bundle, persona, governed)),
        delete=delete,
        governed=True,
        subject=governed.subject,
    )


def _open_veil(bundle: Bundle, persona: Persona, table: TableName, columns: tuple[str, ...]) -> Veil | None:
    for column in columns:
        bundle.book.link(bundle.catalog.open_objects(table, column))
    veils = tuple(_column(bundle, persona, table, column, PUBLIC) for column in columns)
    delete = _deletes(bundle, persona, table, columns)
    if not _reaches(bundle, persona, table, veils, delete):
        return None
    return Veil(table=table, columns=veils, delete=delete, governed=False)


def _reaches(bundle: Bundle, persona: Persona, table: TableName, veils: tuple[ColumnVeil, ...], delete: bool) -> bool:
    """Whether anything at all is allowed: how many rows a table has is already something that it tells."""
    if not veils:
        return delete or _may(bundle, persona, str(table), Act.CLEAR)
    return delete or any(one.disclosure or one.lookup or one.insert or one.update for one in veils)


def _column(bundle: Bundle, persona: Persona, table: TableName, column: str, data_class: str) -> ColumnVeil:
    obj = f"{table}.{column}"
    disclosure, rules = _disclosure(bundle, persona, obj)
    of_class = bundle.catalog.classes[data_class]
    return ColumnVeil(
        column=column,
        data_class=data_class,
        disclosure=disclosure,
        mask=of_class.mask,
        lookup=of_class.predicate is not Predicate.DENY and _may(bundle, persona, obj, Act.LOOKUP),
        predicate=of_class.predicate,
        min_group=of_class.min_group,
        insert=_may(bundle, persona, obj, Act.INSERT),
        update=_may(bundle, persona, obj, Act.UPDATE),
        rules=rules,
    )


def _disclosure(bundle: Bundle, persona: Persona, obj: str) -> tuple[Disclosure, tuple[str, ...]]:
    """The best that is allowed and not denied, with the rules that allow it; else those that deny, if any do."""
    denied: dict[str, None] = {}
    for act, disclosure in _BEST_FIRST:
        decision = bundle.book.decide(persona.principal, persona.purpose or "", obj, act)
        if decision.allowed:
            return disclosure, decision.rules
        denied.update(dict.fromkeys(decision.rules))
    return Disclosure.WITHHELD, tuple(denied)


def _may(bundle: Bundle, persona: Persona, obj: str, act: Act) -> bool:
    return bundle.book.decide(persona.principal, persona.purpose or "", obj, act).allowed


def _deletes(bundle: Bundle, persona: Persona, table: TableName, columns: tuple[str, ...]) -> bool:
    """A row goes with all of its columns, so each of them must allow it."""
    objects = [f"{table}.{column}" for column in columns] or [str(table)]
    return all(_may(bundle, persona, obj, Act.DELETE) for obj in objects)


# -- rows -------------------------------------------------------------------------------------------------------------
def row_predicates(bundle: Bundle, persona: Persona, table: GovernedTable) -> Iterator[RowPredicate]:
    """Retention, consent and row rules that bind this persona; all of them must hold."""
    purpose = bundle.purposes[persona.purpose or ""]
    if table.retention is not None and not purpose.retention_exempt:
        yield Retention(table.retention.column, table.retention.keep)
    if table.consent is not None and table.subject is not None and purpose.consent:
        terms = table.consent
        yield Consent(
            table=terms.table,
            subject=terms.subject,
            key=table.subject,
            purpose=terms.purpose,
            given=terms.given,
            withdrawn=terms.withdrawn,
            purposes=consent_purposes(bundle, purpose.name),
        )
    held = {persona.principal, *persona.roles, ANY}
    for role, expression in table.rows.items():
        if role in held:
            yield RowRule(role, expression, _attributes(persona, expression))


def has_row_predicate(bundle: Bundle, persona: Persona, table: GovernedTable) -> bool:
    return next(row_predicates(bundle, persona, table), None) is not None


def consent_purposes(bundle: Bundle, purpose: str) -> tuple[str, ...]:
    """A consent to any of these covers `purpose`: itself, and its wider purposes that are on consent too."""
    wider = bundle.book.purposes.above(purpose) - {purpose}
    return (purpose, *sorted(name for name in wider if bundle.purposes[name].consent))


def _attributes(persona: Persona, expression: str) -> tuple[tuple[str, AttributeValue | None], ...]:
    values: dict[str, AttributeValue] = {"name": persona.principal, "department": persona.department}
    values.update(persona.attributes)
    return tuple((name, values.get(name)) for name in placeholders(expression))
