"""FROM: relations, joins, subqueries, functions, samples; each becomes a range item of the level."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.postgres.sql import allow
from adapters.postgres.sql.analysis import Analysis
from adapters.postgres.sql.conjuncts import conditions
from adapters.postgres.sql.expressions import type_name, walk
from adapters.postgres.sql.facts import PartlyShown, RelationUse, Sources
from adapters.postgres.sql.parse import Node, strings
from adapters.postgres.sql.scope import Item, Level, Output, by_name, renamed, taints_by_name
from adapters.postgres.sql.system_veil import needs_veil
from adapters.postgres.sql.taint import together


def from_item(a: Analysis, node: Node, level: Level, raising: int, nullable: bool = False) -> list[Item]:
    """One item of a FROM clause; gives the range items that it added to the level."""
    ((kind, body),) = node.items()
    if kind == "RangeVar":
        return [range_var(a, body, level, nullable=nullable)]
    if kind == "JoinExpr":
        return _join(a, body, level, raising, nullable)
    if kind == "RangeTableSample":
        return _sampled(a, body, level, raising, nullable)
    if kind == "RangeSubselect":
        scope = level if body.get("lateral") else level.parent
        output = a.statement(body["subquery"], scope, raising, pulled_up=True)
        item = _derived(body.get("alias"), output)
    elif kind == "RangeFunction":
        with a.unit(level, local=False), a.making() as made_of:
            item = _function(a, body, level, raising)
        item.whole = made_of
    elif kind in ("JsonTable", "RangeTableFunc"):
        with a.unit(level, local=False), a.making() as made_of:
            item = _table_function(a, kind, body, level, raising)
        item.whole = made_of
    else:
        a.refuse("statement", f"{kind} is not supported in a FROM clause")
        return []
    level.add(item)
    return [item]


def range_var(a: Analysis, node: Node, level: Level, nullable: bool = False, sample: Node | None = None) -> Item:
    """A name in a FROM clause: a common table expression, a relation of the catalogue, or a governed relation."""
    name, alias = node["relname"], node.get("alias", {})
    shown = alias.get("aliasname", name)
    renames = strings(alias.get("colnames", ()))
    cte = level.cte(name) if "schemaname" not in node else None
    if cte is not None:
        columns = renamed(cte.columns, renames)
        origins = by_name(columns, tuple(cte.origins.get(c) for c in cte.columns or ()))
        made_of = taints_by_name(columns, tuple(cte.made_of(c) for c in cte.columns or ()))
        item = Item(shown, columns, sources=cte.sources, origins=origins, taints=made_of, whole=cte.whole)
    elif (catalogue := _catalogue(a, node, shown, renames)) is not None:
        item = catalogue
    else:
        item = _relation(a, node, shown, renames, nullable, sample)
    level.add(item)
    return item


def _catalogue(a: Analysis, node: Node, alias: str, renames: tuple[str, ...]) -> Item | None:
    """A relation of the system catalogue, or None where the name means something else."""
    name, schema = node["relname"], node.get("schemaname", "")
    snapshot = a.world.snapshot
    if schema not in ("", "pg_catalog", "information_schema") or (not schema and name not in snapshot.system_relations):
        return None
    full = f"{schema or 'pg_catalog'}.{name}"
    unaliased = "" if "alias" in node else schema or "pg_catalog"
    location = node.get("location", 0)
    a.facts.catalogue.append(full)
    columns = snapshot.system_columns.get(full)
    if needs_veil(full) and columns is not None:
        shown = PartlyShown(a.text.at(location), full, columns, alias, "alias" in node)
        a.facts.partial.append(shown)
        return Item(alias, renamed(tuple(c[0] for c in columns), renames), partial=shown, schema=unaliased)
    elif needs_veil(full) or full not in allow.CATALOG_RELATIONS:
        why = allow.CATALOG_DENIED.get(full, "it is not on the list of harmless ones")
        a.refuse("catalogue", f"{full} is not open to this persona: {why}", location=location)
    elif not schema:
        a.facts.qualify.append(a.text.at(location))
    return Item(alias, None, schema=unaliased)


def _relation(
    a: Analysis, node: Node, alias: str, renames: tuple[str, ...], nullable: bool, sample: Node | None
) -> Item:
    relation = a.relation(node)
    if relation is None:
        return Item(alias, None)
    location = node.get("location", 0)
    visible = a.reachable(relation, location)
    use = RelationUse(
        relation,
        visible,
        alias,
        "alias" in node,
        a.text.at(location),
        only=not node.get("inh", False),
        sample=sample,
        nullable=nullable,
    )
    use.shaped = bool(renames)
    a.facts.uses.append(use)
    columns = renames + visible[len(renames) :]
    real = dict(zip(renames, visible, strict=False))
    return Item(alias, columns, use, real, schema="" if "alias" in node else relation.name.schema)


def _sampled(a: Analysis, body: Node, level: Level, raising: int, nullable: bool) -> list[Item]:
    method = strings(body["method"])
    if method[-1] not in ("system", "bernoulli") or (len(method) > 1 and method[0] != "pg_catalog"):
        a.refuse("statement", f"TABLESAMPLE {'.'.join(method)} is not supported", location=body.get("location"))
    for key in ("args", "repeatable"):
        walk(a, body.get(key, []), level, raising)
    ((kind, relation),) = body["relation"].items()
    if kind != "RangeVar":
        a.refuse("statement", "TABLESAMPLE needs a table", sqlstate="42601")
        return []
    return [range_var(a, relation, level, nullable, body)]


def _derived(alias: Node | None, output: Output) -> Item:
    names = strings((alias or {}).get("colnames", ()))
    columns = renamed(output.columns, names)
    origins = by_name(columns, output.origins)
    made_of = taints_by_name(columns, output.taints)
    name = (alias or {}).get("aliasname", "")
    return Item(name, columns, sources=output.sources, origins=origins, taints=made_of, whole=output.whole)


def _function(a: Analysis, body: Node, level: Level, raising: int) -> Item:
    alias = body.get("alias", {})
    for one in body["functions"]:
        call, *definitions = one["List"]["items"]
        walk(a, call, level, raising)
        for definition in definitions:
            _definitions(a, definition.get("List", {}).get("items", ()))
    _definitions(a, body.get("coldeflist", ()))
    sources = Sources(inner=[level.sources])
    return Item(alias.get("aliasname", ""), None, sources=sources)


def _definitions(a: Analysis, definitions: Sequence[Node]) -> None:
    for definition in definitions:
        if definition and "typeName" in definition.get("ColumnDef", {}):
            type_name(a, definition["ColumnDef"]["typeName"])


def _table_function(a: Analysis, kind: str, body: Node, level: Level, raising: int) -> Item:
    if kind == "RangeTableFunc":
        for key in ("docexpr", "rowexpr"):
            walk(a, body.get(key), level, max(raising, level.depth))
        for column in body.get("columns", ()):
            inner = column["RangeTableFuncCol"]
            walk(a, inner.get("colexpr"), level, raising)
            walk(a, inner.get("coldefexpr"), level, raising)
            if "typeName" in inner:
                type_name(a, inner["typeName"])
        walk(a, [n["ResTarget"]["val"] for n in body.get("namespaces", ())], level, raising)
    else:
        walk(a, {kind: {k: v for k, v in body.items() if k not in ("alias", "lateral")}}, level, raising)
    return Item(body.get("alias", {}).get("aliasname", ""), None, sources=Sources(inner=[level.sources]))


def _join(a: Analysis, body: Node, level: Level, raising: int, nullable: bool) -> list[Item]:
    kind = body["jointype"]
    left = from_item(a, body["larg"], level, raising, nullable or kind in ("JOIN_RIGHT", "JOIN_FULL"))
    right = from_item(a, body["rarg"], level, raising, nullable or kind in ("JOIN_LEFT", "JOIN_FULL"))
    items = left + right
    level.merged = level.merged or "usingClause" in body or bool(body.get("isNatural"))
    # ON sees the two sides of its join, and then what is outside this query: no other item of the FROM clause.
    everything, level.items = level.items, items
    conditions(a, body.get("quals"), level, raising)
    level.items = everything
    with a.decides():
        _merged(a, body, items, level, raising)
    if "alias" in body:
        return [_aliased_join(body["alias"], items, level)]
    if "join_using_alias" in body:
        whole = together([item.made_of_all() for item in items])
        merged = Item(body["join_using_alias"]["aliasname"], None, sources=_all_of(items), whole=whole)
        level.items.append(merged)
    return items


def _merged(a: Analysis, body: Node, items: list[Item], level: Level, raising: int) -> None:
    """The columns that USING and NATURAL compare."""
    if "usingClause" in body or body.get("isNatural"):
        a.implied("=", "`ON a.x OPERATOR(pg_catalog.=) b.x`")
    for name in strings(body.get("usingClause", ())):
        for item in items:
            if item.has(name):
                a.touch(level, item, name, raising, -1)
    if body.get("isNatural"):
        for item in items:
            if isinstance(item.use, RelationUse):
                item.use.shaped = True
            for other in items:
                if item is not other:
                    for name in set(item.columns or ()) & set(other.columns or ()):
                        a.touch(level, item, name, raising, -1)


def _all_of(items: list[Item]) -> Sources:
    uses = [i.use for i in items if isinstance(i.use, RelationUse)]
    return Sources(uses, [i.sources for i in items if i.sources is not None])


def _aliased_join(alias: Node, items: list[Item], level: Level) -> Item:
    """`(a JOIN b …) AS j` hides a and b; what j's columns are is not followed: all of a and b is read."""
    for item in items:
        if item.use is not None:
            item.use.everything = True
        if item in level.items:
            level.items.remove(item)
    made_of = together([item.made_of_all() for item in items])
    whole = Item(alias["aliasname"], None, sources=_all_of(items), whole=made_of)
    level.items.append(whole)
    return whole
