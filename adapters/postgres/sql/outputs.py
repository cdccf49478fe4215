"""The columns that a query gives: their names as PostgreSQL makes them, and what each of them is, unchanged."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.postgres.sql.analysis import Analysis
from adapters.postgres.sql.expressions import walk
from adapters.postgres.sql.parse import Node, strings
from adapters.postgres.sql.scope import Item, Level, Origins
from adapters.postgres.sql.taint import Taint
from gateway.model import TableName


def targets_of(
    a: Analysis, targets: Sequence[Node], level: Level, raising: int
) -> tuple[tuple[str, ...] | None, tuple[Taint, ...]]:
    """Walk a select list; the names of its columns, or None where they cannot be told, and what each is made of."""
    names: list[str] | None = []
    made_of: list[Taint] = []
    for target in targets:
        body = target["ResTarget"]
        value = body["val"]
        with a.making() as taint, a.shows("ColumnRef" in value):
            if level.qual:
                with a.unit(level, local=False):
                    walk(a, value, level, raising)
            else:
                walk(a, value, level, raising)
        if names is None:
            continue
        made_of.append(taint)
        if "name" in body:
            names.append(body["name"])
        elif "ColumnRef" in value and "A_Star" in value["ColumnRef"]["fields"][-1]:
            spread = _spread(value["ColumnRef"]["fields"][:-1], level)
            names = None if spread is None else names + [name for name, _ in spread]
            made_of = made_of[:-1] + [taint for _, taint in spread or ()]
        else:
            names.append(_label(value))
    return (None, ()) if names is None else (tuple(names), tuple(made_of))


def target_origins(targets: Sequence[Node], level: Level) -> Origins:
    """For each column of a select list, the table and column that it is; nothing where a star cannot be followed."""
    out: list[tuple[TableName, str] | None] = []
    for target in targets:
        value = target["ResTarget"]["val"]
        fields = value.get("ColumnRef", {}).get("fields", ())
        if fields and "A_Star" in fields[-1]:
            names = strings(list(fields[:-1]))
            found = level.find(names[-1]) if names else None
            items = [found[1]] if found else [i for i in level.items if not i.qualified_only] if not names else []
            if not items or any(i.columns is None for i in items) or (level.merged and not names):
                return ()
            out.extend(item.origin(column) for item in items for column in item.columns or ())
            continue
        hit = definite(value, level)
        out.append(hit[0].origin(strings(list(fields))[-1]) if hit is not None else None)
    return tuple(out)


def _spread(qualifier: Sequence[Node], level: Level) -> list[tuple[str, Taint]] | None:
    """The columns of a star, with what each is made of."""
    fields = strings(list(qualifier))
    if fields:
        found = level.find(fields[-1])
        if found is None or found[1].columns is None:
            return None
        return [(name, found[1].made_of(name)) for name in found[1].columns]
    out: list[tuple[str, Taint]] = []
    for item in level.items:
        if item.columns is None or level.merged:  # merged columns come first, and once
            return None
        out.extend((name, item.made_of(name)) for name in item.columns)
    return out


def _label(value: Node) -> str:
    """The name that PostgreSQL gives to an unnamed output column (`FigureColname`); `?column?` where it has none."""
    ((kind, body),) = value.items()
    if kind == "ColumnRef":
        return str(body["fields"][-1].get("String", {}).get("sval", "?column?"))
    if kind == "FuncCall":
        return strings(body["funcname"])[-1]
    if kind == "TypeCast":
        inner = _label(body["arg"])
        return inner if inner != "?column?" else strings(body["typeName"]["names"])[-1]
    if kind == "A_Indirection":
        named = [s for s in body["indirection"] if "String" in s]
        return str(named[-1]["String"]["sval"]) if named else _label(body["arg"])
    return {"CoalesceExpr": "coalesce", "CaseExpr": "case", "A_ArrayExpr": "array", "RowExpr": "row"}.get(
        kind, "?column?"
    )


def definite(node: Node, level: Level) -> tuple[Item, str] | None:
    """The item of this very level, and the relation's own column, that a column reference surely means."""
    fields = node.get("ColumnRef", {}).get("fields", ())
    names = strings(list(fields))
    if not names or len(names) != len(fields):
        return None
    if len(names) == 1:
        hits = [i for i in level.items if i.has(names[0]) and not i.qualified_only]
    else:
        schema = names[-3] if len(names) == 3 else ""
        hits = [
            i for i in level.items if i.alias == names[-2] and (not schema or i.schema == schema) and i.has(names[-1])
        ]
    if len(hits) != 1:
        return None
    return hits[0], hits[0].named(names[-1])
