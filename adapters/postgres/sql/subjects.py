"""Whose data a statement reads: where in its result, or in its own conditions, the subjects' keys are."""

from __future__ import annotations

from collections.abc import Callable

from adapters.postgres.catalog import Relation
from adapters.postgres.plan import KeyKind, SubjectSource
from adapters.postgres.sql.conjuncts import constants
from adapters.postgres.sql.facts import Facts, RelationUse, TargetUse

_KINDS: dict[str, KeyKind] = {
    **dict.fromkeys(("int2", "int4", "int8"), "whole"),
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "citext"), "text"),
    "uuid": "uuid",
}
"""By the base type of a key's column."""


def sources(
    facts: Facts, subject: Callable[[Relation], str | None], clear: Callable[[RelationUse | TargetUse, str], bool]
) -> tuple[tuple[SubjectSource, ...], str]:
    """The sources of a statement, and why its rows cannot be attributed (empty: they can, or no subject is read).

    `subject`: the subject key of a table that has one; `clear`: whether a persona sees a column as it is stored.
    """
    out: list[SubjectSource] = []
    reason = twice = ""
    for use in facts.everything_used():
        key = subject(use.relation)
        if key is None:
            continue
        found = _source(facts, use, key, {s.column for s in out}) if clear(use, key) else None
        if found is None:
            reason = "computed"
        elif found in out and facts.combined:
            pass
        elif found in out:
            twice = "computed"  # the table is read twice, and the result tells the subject of one of them only
        else:
            out.append(found)
    return tuple(out), twice if out else reason


def _source(facts: Facts, use: RelationUse | TargetUse, key: str, taken: set[int]) -> SubjectSource | None:
    column = use.relation.column(key)
    kind = _KINDS.get(column.type.base, "other") if column is not None else "other"
    name = use.relation.name
    places = [index for index, origin in enumerate(facts.outputs) if origin == (name, key)]
    if places:
        return SubjectSource(str(name), next((p for p in places if p not in taken), places[0]), kind)
    for conjunct in use.conjuncts if isinstance(use, RelationUse) else use.lookups:
        if conjunct.column == key and conjunct.node["kind"] != "AEXPR_OP_ANY":
            values: list[str] = []
            parameters: list[int] = []
            constants(conjunct.node["lexpr"] if conjunct.reversed else conjunct.node["rexpr"], values, parameters)
            return SubjectSource(str(name), -1, kind, tuple(parameters), tuple(values))
    return None
