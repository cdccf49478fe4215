"""What a statement could tell or keep beyond its result.

`predicate: lookup | deny` of a class: `check_conditions`. `aggregate: {min_group: k}`: `guarded_groups`. A governed
value is only written where the class of the target is at least as strict, whoever sees it: `check_made_of`.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.postgres.sql.facts import Facts, Group, RelationUse, TargetUse, Written
from adapters.postgres.sql.rights import DeniedError, Rights, deny, purpose_of
from gateway.model import ColumnVeil, Disclosure, Predicate


def check_conditions(facts: Facts, rights: Rights) -> None:
    """Refuse a condition on a column that is not seen in clear, where its class wants no such condition."""
    for compared in facts.compared:
        for use, name in compared.made_of.everything():
            column = _veil_of(use, name, rights)
            if column is None or column.disclosure is Disclosure.CLEAR or column.predicate is Predicate.MASKED:
                continue
            if column.predicate is Predicate.LOOKUP and _looks_up(use, column, compared.location):
                continue
            lookup = column.predicate is Predicate.LOOKUP and column.lookup
            raise deny(
                "predicate",
                f"{column.data_class} ({use.relation.name}.{name}) is not seen in clear {purpose_of(rights)}, and may "
                "not stand in a condition, an order or a comparison",
                "Only a lookup is open: a top-level `column = value` of WHERE."
                if lookup
                else "Select the column, and leave it out of the conditions.",
                compared.location if compared.location >= 0 else use.location,
            )


def _looks_up(use: RelationUse | TargetUse, column: ColumnVeil, location: int) -> bool:
    if not column.lookup or (isinstance(use, RelationUse) and use.nullable):
        return False
    conjuncts = use.conjuncts if isinstance(use, RelationUse) else use.lookups
    return any(one.column == column.column and one.location == location for one in conjuncts)


@dataclass(frozen=True, slots=True)
class GuardedGroup:
    """A query that aggregates, and what its groups have to be counted by."""

    group: Group
    subjects: tuple[tuple[RelationUse, str, int], ...]
    """Relation, its column of the subjects, and the least number of them."""


def guarded_groups(facts: Facts, rights: Rights) -> list[GuardedGroup]:
    """The queries whose small groups fall away for this persona. Refuses what cannot be guarded."""
    found = []
    for group in facts.groups:
        below = [(use, bound) for use in group.sources.below() if (bound := _least(use, rights))]
        here = [(use, bound) for use in group.sources.uses if (bound := _least(use, rights))]
        if below:
            raise _withheld(*below[0], "an aggregate over a subquery", "Aggregate over the table itself.", rights)
        if group.elsewhere:  # an aggregate over columns of a query around this one belongs to that query
            here = [(use, bound) for use in facts.uses if (bound := _least(use, rights))]
        if here and group.unsafe:
            raise _withheld(*here[0], group.unsafe, "Use count, sum, avg, min or max of a column.", rights)
        subjects = tuple((use, _subject(use, bound, rights), bound) for use, bound in here)
        if subjects:
            found.append(GuardedGroup(group, subjects))
    return found


def _least(use: RelationUse, rights: Rights) -> int:
    """How many subjects a group of this relation's rows must have; 0: any number."""
    veil = rights.veil(use.relation)
    columns = () if veil is None else [c.veil for c in veil.columns if use.everything or c.name in use.columns]
    return max((c.min_group for c in columns if c.disclosure is Disclosure.PSEUDONYM), default=0)


def _subject(use: RelationUse, bound: int, rights: Rights) -> str:
    veil = rights.veil(use.relation)
    subject = None if veil is None else veil.veil.subject
    if veil is None or subject not in veil.types or subject is None:
        raise _withheld(use, bound, "a table without a subject", "Ask its owner for `subject` in catalog.yaml.", rights)
    if use.everything or use.shaped:
        raise _withheld(use, bound, "a star, a whole row or renamed columns", "Name the columns.", rights)
    return subject


def _withheld(use: RelationUse, bound: int, what: str, hint: str, rights: Rights) -> DeniedError:
    return deny(
        "min_group",
        f"aggregates of {use.relation.name} are shown for {bound} subjects or more {purpose_of(rights)}, and "
        f"{what} cannot be limited so",
        hint,
        use.location,
    )


def check_made_of(target: TargetUse, column: ColumnVeil, written: Written, rights: Rights) -> None:
    """Refuse a value that would leave its class, or a mask that would be kept as data."""
    for use, name in written.made_of.everything() if written.made_of is not None else ():
        source = _veil_of(use, name, rights)
        if source is None:
            continue
        if source.disclosure is not Disclosure.CLEAR:
            raise deny(
                "masked_write",
                f"the value for {target.relation.name}.{column.column} is computed from {use.relation.name}.{name}, "
                "which this persona sees masked: a mask would be kept as if it were data",
                "Send the value itself.",
                target.location,
            )
        if not rights.as_strict(column.data_class, source.data_class):
            raise deny(
                "laundering",
                f"a value of {source.data_class} ({use.relation.name}.{name}) may not be written to "
                f"{target.relation.name}.{column.column}, whose class {column.data_class} is not as strict",
                f"Write it to a column of class {source.data_class}, or ask the security team to classify "
                f"{target.relation.name}.{column.column} so.",
                target.location,
            )


def _veil_of(use: RelationUse | TargetUse, name: str, rights: Rights) -> ColumnVeil | None:
    veil = rights.veil(use.relation)
    column = None if veil is None else veil.by_name.get(name)
    return None if column is None else column.veil
