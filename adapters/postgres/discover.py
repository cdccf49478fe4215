"""Proposes data classes for columns that have none: from their names, their comments, and the shapes of sampled values.

A proposal is for a person to decide. Values are looked at in memory and counted; none is shown, logged or kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import asyncpg

from adapters.postgres.catalog import Column, Relation
from adapters.postgres.discover_kinds import KINDS, NOT_NAMES, PERSON_TABLES, PERSON_TABLES_CHINESE, Kind
from adapters.postgres.discover_shapes import SHAPES, Shapes, count
from adapters.postgres.sql.quote import quote_ident, quote_table
from gateway.model import TableName
from gateway.policy.terms import DataClass

SAMPLE_ROWS = 200
SAMPLE_SECONDS = 5.0
_LONGEST = 200
"""Characters of a value that are read."""
_ENOUGH = 0.5
"""Confidence from which a proposal is made."""
_FEW = 5
"""With fewer distinct values their shapes decide nothing against a name."""

_STRONG, _COMMENT, _VAGUE = 0.8, 0.7, 0.5
_SAMPLED_KINDS = frozenset("rpm")
_READABLE = frozenset({"text", "integer", "number", "network"})
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a column seems to hold."""

    table: TableName
    column: str
    kind: str
    confidence: float
    """0 to 1."""
    reason: str
    data_class: str | None
    """A class of the bundle; None where it has none for this."""
    example: str
    """A class to declare then."""

    def __str__(self) -> str:
        sure = f"{round(self.confidence * 100)} % sure"
        named = f"`{self.data_class}`" if self.data_class else f"a new class, such as `{self.example}`"
        return f"{named} ({sure}: {self.reason})"


def propose(
    relation: Relation,
    classes: Mapping[str, DataClass],
    shapes: Mapping[str, Shapes] | None = None,
    columns: Iterable[str] | None = None,
) -> tuple[Proposal, ...]:
    """A proposal for each column (of `columns`, else all) that seems to hold personal data.

    `shapes`: what `sample` counted, by column; without it names and comments alone decide.
    """
    wanted = set(relation.column_names if columns is None else columns)
    found = []
    for column in relation.columns:
        if column.name in wanted:
            best = _best(relation, column, (shapes or {}).get(column.name, Shapes()))
            if best is not None:
                kind, confidence, reason = best
                data_class = class_for(kind, classes)
                found.append(Proposal(
                    relation.name, column.name, kind.name, round(confidence, 2), reason, data_class, kind.example
                ))  # fmt: skip
    return tuple(found)


def class_for(kind: Kind, classes: Mapping[str, DataClass]) -> str | None:
    """The bundle's class for a kind: named like it, with its mask, or with a title that says so; the deepest wins."""
    best: tuple[int, int, str] | None = None
    for name, one in classes.items():
        last = name.rsplit(".", 1)[-1]
        parent = classes[one.parent].mask if one.parent is not None and one.parent in classes else None
        score = 3 * (last == kind.name or last in kind.names)
        score += 2 * (one.mask is not None and one.mask != parent and one.mask.name in kind.masks)
        score += any(word in one.title.get("zh", "") for word in kind.chinese)
        if score >= 2:
            best = max(best or (0, 0, ""), (score, name.count("."), name))
    return best[2] if best else None


def _best(relation: Relation, column: Column, shapes: Shapes) -> tuple[Kind, float, str] | None:
    candidates = [(kind, *_weigh(kind, relation, column, shapes)) for kind in KINDS]
    kind, confidence, reason = max(candidates, key=lambda candidate: candidate[1])
    return (kind, confidence, reason) if confidence >= _ENOUGH else None


def _weigh(kind: Kind, relation: Relation, column: Column, shapes: Shapes) -> tuple[float, str]:
    if column.type.family not in kind.families:
        return 0.0, ""
    doubt, reasons = 1.0, []
    named = _by_name(kind, relation, column.name)
    if named:
        doubt *= 1 - named
        reasons.append("its name")
    if column.comment and any(word in column.comment.lower() for word in (*kind.chinese, kind.title)):
        doubt *= 1 - _COMMENT
        reasons.append("its comment")
    if kind.name in SHAPES and shapes.total:
        share = shapes.share(kind.name)
        if share >= 0.3:
            doubt *= 1 - min(0.95, 0.35 + 0.6 * share)
            reasons.append(f"{round(share * 100)} % of {shapes.total} sampled values look like it")
        elif reasons and share == 0 and shapes.total >= _FEW and column.type.family == "text":
            other = max(shapes.hits.values(), default=0) / shapes.total
            doubt = 1 - (1 - doubt) * (0.5 if other >= 0.5 else 0.9)
            reasons.append(f"though none of {shapes.total} sampled values looks like it")
    return 1 - doubt, f"{kind.title}, by {' and '.join(reasons)}" if reasons else ""


def _by_name(kind: Kind, relation: Relation, name: str) -> float:
    lowered = _CAMEL.sub("_", name).lower().replace("-", "_")
    if lowered in NOT_NAMES:
        return 0.0
    if any(word in lowered for word in kind.chinese):
        return _STRONG
    if lowered in kind.names or _ends(lowered, kind.names):
        return _STRONG
    if lowered in kind.vague:
        return _STRONG if kind.name == "name" and _about_people(relation) else _VAGUE - 0.1
    return _VAGUE if _starts(lowered, kind.names) else 0.0


def _ends(name: str, names: frozenset[str]) -> bool:
    """`home_phone` is a phone and `ip_address` no postal address: the longest ending that any kind knows decides."""
    parts = name.split("_")
    for start in range(len(parts)):
        ending = "_".join(parts[start:])
        if any(ending in kind.names for kind in KINDS):
            return ending in names
    return False


def _starts(name: str, names: frozenset[str]) -> bool:
    """`phone2`, `phone_backup`, `address_line_1`; but not what only tells about one, such as `phone_id`."""
    parts = re.sub(r"\d+$", "", name).strip("_").split("_")
    if parts[-1] in ("id", "type", "count", "verified", "at", "flag", "status", "checked", "valid", "sent"):
        return False
    return any("_".join(parts[:end]) in names for end in range(1, len(parts) + 1))


def _about_people(relation: Relation) -> bool:
    name = relation.name.name.lower()
    return bool(PERSON_TABLES & set(name.split("_"))) or any(word in name for word in PERSON_TABLES_CHINESE)


async def sample(
    connection: asyncpg.Connection, relation: Relation, columns: Iterable[str], rows: int = SAMPLE_ROWS
) -> dict[str, Shapes]:
    """Look at up to `rows` rows of a table and count shapes by column; nothing for a view, which may call functions.

    A table that cannot be read in time, or not at all, gives nothing: names and comments remain.
    """
    wanted = set(columns)
    chosen = [c.name for c in relation.columns if c.name in wanted and c.type.family in _READABLE]
    if not chosen or relation.kind not in _SAMPLED_KINDS:
        return {}
    read = ", ".join(f"pg_catalog.left({quote_ident(name)}::pg_catalog.text, {_LONGEST})" for name in chosen)
    try:
        async with connection.transaction(readonly=True):
            await connection.execute(f"SET LOCAL statement_timeout = {int(SAMPLE_SECONDS * 1000)}")
            found = await connection.fetch(f"SELECT {read} FROM {quote_table(relation.name)} LIMIT {int(rows)}")
    except asyncpg.PostgresError:
        return {}
    return {name: count(row[index] for row in found) for index, name in enumerate(chosen)}
