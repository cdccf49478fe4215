"""SELECT in all its forms: WITH, FROM, joins, set operations, VALUES; and the statements inside WITH."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from adapters.postgres.sql import allow
from adapters.postgres.sql.analysis import Analysis
from adapters.postgres.sql.expressions import NONE, type_name, walk, window
from adapters.postgres.sql.facts import Conjunct, GroupMend, PartlyShown, RelationUse, Sources
from adapters.postgres.sql.parse import Node, strings
from adapters.postgres.sql.scope import Item, Level
from adapters.postgres.sql.system_veil import needs_veil
from gateway.model import TableName

SELECT_MEMBERS = frozenset(
    {
        "distinctClause",
        "targetList",
        "fromClause",
        "whereClause",
        "groupClause",
        "groupDistinct",
        "groupByAll",
        "havingClause",
        "windowClause",
        "valuesLists",
        "sortClause",
        "limitOffset",
        "limitCount",
        "limitOption",
        "lockingClause",
        "withClause",
        "op",
        "all",
        "larg",
        "rarg",
    }
)


Origins: TypeAlias = tuple[tuple[TableName, str] | None, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """What a query gives to the one around it."""

    columns: tuple[str, ...] | None
    sources: Sources
    origins: Origins = ()
    """For each of `columns`, the table and column that it is, unchanged; empty where that is not known."""


def statement(a: Analysis, node: Node, outer: Level | None, raising: int = NONE, *, pulled_up: bool) -> Output:
    """A query where SQL allows one. `pulled_up`: the planner may merge it into the query around it."""
    from adapters.postgres.sql import writes

    ((kind, body),) = node.items()
    if kind == "SelectStmt":
        return select(a, body, outer, raising, pulled_up=pulled_up)
    if kind in writes.WRITERS:
        return writes.WRITERS[kind](a, body, outer)
    a.refuse("statement", f"{kind} is not supported inside a statement")
    return Output(None, Sources())


def select(a: Analysis, body: Node, outer: Level | None, raising: int = NONE, *, pulled_up: bool) -> Output:
    """One SELECT, VALUES, TABLE or set operation."""
    for member in body.keys() - SELECT_MEMBERS:
        hint = (
            "CREATE TABLE … AS and SELECT INTO would keep a copy outside the rules." if member == "intoClause" else ""
        )
        a.refuse("statement", f"{member} is not supported in a SELECT", hint=hint)
    scope = with_clause(a, body.get("withClause"), outer)
    if body["op"] != "SETOP_NONE":
        return _set_operation(a, body, scope, raising, pulled_up)
    level = Level.below(scope)
    level.qual = True
    for item in body.get("fromClause", ()):
        from_item(a, item, level, raising)
    if "whereClause" in body:
        conditions(a, body["whereClause"], level, raising)
        note_conjuncts(a, body["whereClause"], level)
    level.qual = pulled_up
    level.grouping = "groupClause" in body
    columns = _targets(a, body.get("targetList", ()), level, raising)
    origins = target_origins(body.get("targetList", ()), level)
    for row in body.get("valuesLists", ()):
        with a.unit(level, local=False):
            walk(a, row["List"].get("items", []), level, raising)
    if "valuesLists" in body:
        columns = tuple(f"column{n + 1}" for n in range(len(body["valuesLists"][0]["List"].get("items", ()))))
    _after_where(a, body, level, raising)
    return Output(columns, level.sources, origins)


def _after_where(a: Analysis, body: Node, level: Level, raising: int) -> None:
    level.grouping = False
    walk(a, body.get("groupClause", []), level, raising)
    level.grouping = "groupClause" in body
    for key in ("distinctClause", "sortClause"):
        for one in body.get(key, ()):
            if one and not _is_output_name(one, body):
                walk(a, one, level, raising)
    for definition in body.get("windowClause", ()):
        window(a, definition["WindowDef"], level, raising)
    qual, level.qual = level.qual, True
    conditions(a, body.get("havingClause"), level, raising)
    level.qual = qual
    level.grouping = False
    walk(a, body.get("limitCount"), level, raising)
    walk(a, body.get("limitOffset"), level, raising)
    if "groupClause" in body:
        _mend_grouping(a, body, level)


def _is_output_name(node: Node, body: Node) -> bool:
    """ORDER BY and DISTINCT ON look for a bare name among the output columns first."""
    node = node.get("SortBy", {}).get("node", node)
    fields = node.get("ColumnRef", {}).get("fields", ())
    if len(fields) != 1 or "String" not in fields[0]:
        return False
    name = fields[0]["String"].get("sval")
    return any(t["ResTarget"].get("name") == name for t in body.get("targetList", ()))


def _set_operation(a: Analysis, body: Node, scope: Level, raising: int, pulled_up: bool) -> Output:
    left = select(a, body["larg"], scope, raising, pulled_up=pulled_up)
    right = select(a, body["rarg"], scope, raising, pulled_up=pulled_up)
    level = Level.below(scope)
    level.add(Item("", left.columns, sources=left.sources))
    level.add(Item("", (), sources=right.sources))
    for one in body.get("sortClause", ()):
        walk(a, one, level, raising)
    walk(a, body.get("limitCount"), level, raising)
    walk(a, body.get("limitOffset"), level, raising)
    for key in ("lockingClause",):
        if key in body:
            a.refuse("statement", "FOR UPDATE is not allowed with UNION, INTERSECT or EXCEPT", sqlstate="0A000")
    same = zip(left.origins, right.origins, strict=False)
    return Output(left.columns, level.sources, tuple(one if one == other else None for one, other in same))


def with_clause(a: Analysis, clause: Node | None, outer: Level | None) -> Level:
    """The level that holds the common table expressions of a statement."""
    scope = Level.below(outer)
    if clause is None:
        return scope
    expressions = [c["CommonTableExpr"] for c in clause["ctes"]]
    if clause.get("recursive"):
        for cte in expressions:
            columns = strings(cte["aliascolnames"]) if "aliascolnames" in cte else None
            scope.ctes[cte["ctename"]] = Item(cte["ctename"], columns, sources=Sources())
    for cte in expressions:
        if "search_clause" in cte or "cycle_clause" in cte:
            a.refuse("statement", "SEARCH and CYCLE are not supported", sqlstate="0A000")
        output = statement(a, cte["ctequery"], scope, pulled_up=True)
        columns = _renamed(output.columns, strings(cte.get("aliascolnames", ())))
        known = scope.ctes.get(cte["ctename"])
        if known is not None and known.sources is not None:
            known.sources.inner.append(output.sources)
            scope.ctes[cte["ctename"]] = Item(cte["ctename"], columns or known.columns, sources=known.sources)
        else:
            scope.ctes[cte["ctename"]] = Item(
                cte["ctename"], columns, sources=output.sources, origins=_by_name(columns, output.origins)
            )
    return scope


def _by_name(columns: tuple[str, ...] | None, origins: Origins) -> dict[str, tuple[TableName, str]]:
    pairs = zip(columns or (), origins, strict=False)
    return {column: origin for column, origin in pairs if origin is not None}


def _renamed(columns: tuple[str, ...] | None, names: tuple[str, ...]) -> tuple[str, ...] | None:
    if columns is None:
        return None
    return names + columns[len(names) :]


# -- FROM -------------------------------------------------------------------------------------------------------------
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
        output = statement(a, body["subquery"], scope, raising, pulled_up=True)
        item = _derived(body.get("alias"), output)
    elif kind == "RangeFunction":
        with a.unit(level, local=False):
            item = _function(a, body, level, raising)
    elif kind in ("JsonTable", "RangeTableFunc"):
        with a.unit(level, local=False):
            item = _table_function(a, kind, body, level, raising)
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
        columns = _renamed(cte.columns, renames)
        origins = _by_name(columns, tuple(cte.origins.get(c) for c in cte.columns or ()))
        item = Item(shown, columns, sources=cte.sources, origins=origins)
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
        return Item(alias, _renamed(tuple(c[0] for c in columns), renames), partial=shown, schema=unaliased)
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
    columns = _renamed(output.columns, names)
    origins = _by_name(columns, output.origins)
    return Item((alias or {}).get("aliasname", ""), columns, sources=output.sources, origins=origins)


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
    if "alias" in body:
        return [_aliased_join(body["alias"], items, level)]
    if "join_using_alias" in body:
        merged = Item(body["join_using_alias"]["aliasname"], None, sources=_all_of(items))
        level.items.append(merged)
    return items


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
    whole = Item(alias["aliasname"], None, sources=_all_of(items))
    level.items.append(whole)
    return whole


# -- output, grouping, conjuncts --------------------------------------------------------------------------------------
def _targets(a: Analysis, targets: Sequence[Node], level: Level, raising: int) -> tuple[str, ...] | None:
    """Walk a select list; the names of its columns, or None where they cannot be told."""
    names: list[str] | None = []
    for target in targets:
        body = target["ResTarget"]
        value = body["val"]
        if level.qual:
            with a.unit(level, local=False):
                walk(a, value, level, raising)
        else:
            walk(a, value, level, raising)
        if names is None:
            continue
        if "name" in body:
            names.append(body["name"])
        elif "ColumnRef" in value and "A_Star" in value["ColumnRef"]["fields"][-1]:
            spread = _spread(value["ColumnRef"]["fields"][:-1], level)
            names = None if spread is None else names + spread
        else:
            names.append(_label(value))
    return None if names is None else tuple(names)


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


def _spread(qualifier: Sequence[Node], level: Level) -> list[str] | None:
    fields = strings(list(qualifier))
    if fields:
        found = level.find(fields[-1])
        return list(found[1].columns) if found is not None and found[1].columns is not None else None
    out: list[str] = []
    for item in level.items:
        if item.columns is None or level.merged:  # merged columns come first, and once
            return None
        out.extend(item.columns)
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


def _mend_grouping(a: Analysis, body: Node, level: Level) -> None:
    """Where GROUP BY names a whole primary key, PostgreSQL lets the table's other columns stand ungrouped."""
    if any("GroupingSet" in g for g in body["groupClause"]) or body.get("groupDistinct"):
        return
    grouped: set[tuple[int, str]] = set()
    for node in body["groupClause"]:
        index = node.get("A_Const", {}).get("ival", {}).get("ival")
        targets = body.get("targetList", ())
        if index is not None and 0 < index <= len(targets):
            node = targets[index - 1]["ResTarget"]["val"]
        hit = definite(node, level)
        if hit is not None:
            grouped.add((id(hit[0]), hit[1]))
    first = _any_location(body["groupClause"][0])
    for item in level.items:
        use = item.use
        if isinstance(use, RelationUse) and use.relation.primary_key:
            mine = {column for owner, column in grouped if owner == id(item)}
            missing = [c for c in use.visible if c in item.grouped and c not in mine]
            if missing and first is not None and set(use.relation.primary_key) <= mine:
                back = {real: name for name, real in item.real.items()}
                a.facts.mends.append(GroupMend(use, a.text.at(first), tuple(back.get(c, c) for c in missing)))


def _any_location(node: object) -> int | None:
    if isinstance(node, dict):
        if isinstance(node.get("location"), int) and node["location"] >= 0:
            return int(node["location"])
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            found = _any_location(one)
            if found is not None:
                return found
    return None


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


VALUE_NODES = frozenset({"A_Const", "ParamRef", "TypeCast"})


def note_conjuncts(a: Analysis, where: Node, level: Level) -> None:
    """Note each top-level `column = value`, `column IN (values)` and `column = ANY (parameter)`."""
    for node in _conjuncts(where):
        body = node.get("A_Expr")
        if body is None or strings(body["name"]) not in (("=",), ("pg_catalog", "=")):
            continue
        if body["kind"] == "AEXPR_OP" and "lexpr" in body:
            pairs = ((body["lexpr"], body["rexpr"], False), (body["rexpr"], body["lexpr"], True))
        elif body["kind"] in ("AEXPR_IN", "AEXPR_OP_ANY"):
            pairs = ((body["lexpr"], body["rexpr"], False),)  # type: ignore[assignment]  # a shorter tuple of the same
        else:
            continue
        for column, value, turned in pairs:
            hit = definite(column, level)
            if hit is not None and hit[0].use is not None and _is_value(value):
                conjunct = Conjunct(hit[1], body, turned)
                use = hit[0].use
                (use.conjuncts if isinstance(use, RelationUse) else use.lookups).append(conjunct)
                break


def conditions(a: Analysis, node: Node | None, level: Level, raising: int = NONE) -> None:
    """Walk a condition, each of its conjuncts as a unit of its own."""
    for one in _conjuncts(node) if node else ():
        with a.unit(level):
            walk(a, one, level, raising)


def _conjuncts(node: Node) -> list[Node]:
    if node.get("BoolExpr", {}).get("boolop") == "AND_EXPR":
        return [c for arg in node["BoolExpr"]["args"] for c in _conjuncts(arg)]
    return [node]


def _is_value(node: Node) -> bool:
    if "List" in node:
        return all(_is_value(n) for n in node["List"].get("items", ()))
    if "TypeCast" in node:
        return _is_value(node["TypeCast"]["arg"]) and "TypeCast" not in node["TypeCast"]["arg"]
    return "A_Const" in node or "ParamRef" in node


def constants(node: Node, values: list[str], parameters: list[int]) -> None:
    """The constants and parameter numbers of a value, or of a list of them."""
    for item in node.get("List", {}).get("items", ()):
        constants(item, values, parameters)
    inner = node.get("TypeCast", {}).get("arg", node)
    if "ParamRef" in inner:
        parameters.append(inner["ParamRef"].get("number", 0))
    elif "A_Const" in inner:
        body = inner["A_Const"]
        for key, member in (("sval", "sval"), ("ival", "ival"), ("fval", "fval"), ("boolval", "boolval")):
            if key in body:
                values.append(str(body[key].get(member, 0 if key == "ival" else "")))
