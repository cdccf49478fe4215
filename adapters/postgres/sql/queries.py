"""SELECT in all its forms: WITH, set operations, VALUES, grouping; FROM is in `from_clause`."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.postgres.sql.analysis import Analysis
from adapters.postgres.sql.columntype import UNEQUAL
from adapters.postgres.sql.conjuncts import conditions, note_conjuncts
from adapters.postgres.sql.expressions import NONE, walk, window
from adapters.postgres.sql.facts import GroupMend, RelationUse, Sources
from adapters.postgres.sql.from_clause import from_item
from adapters.postgres.sql.groups import note_group
from adapters.postgres.sql.outputs import definite, target_origins, targets_of
from adapters.postgres.sql.parse import Node, strings
from adapters.postgres.sql.scope import Item, Level, Output, by_name, renamed, taints_by_name
from adapters.postgres.sql.taint import Taint, together

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


def select(a: Analysis, body: Node, outer: Level | None, raising: int = NONE, *, pulled_up: bool) -> Output:
    """One SELECT, VALUES, TABLE or set operation."""
    for member in body.keys() - SELECT_MEMBERS:
        hint = (
            "CREATE TABLE … AS and SELECT INTO would keep a copy outside the rules." if member == "intoClause" else ""
        )
        a.refuse("statement", f"{member} is not supported in a SELECT", hint=hint)
    with a.decides(False):
        scope = with_clause(a, body.get("withClause"), outer)
    if body["op"] != "SETOP_NONE":
        return _set_operation(a, body, scope, raising, pulled_up)
    level = Level.below(scope)
    level.qual = True
    with a.decides(False), a.making(apart=True) as chosen:
        for item in body.get("fromClause", ()):
            from_item(a, item, level, raising)
        if "whereClause" in body:
            conditions(a, body["whereClause"], level, raising)
            note_conjuncts(a, body["whereClause"], level)
    level.qual = pulled_up
    level.grouping = "groupClause" in body
    with a.making() as whole:
        columns, made_of = targets_of(a, body.get("targetList", ()), level, raising)
        if "valuesLists" in body:
            columns, made_of = _values(a, body["valuesLists"], level, raising)
    origins = target_origins(body.get("targetList", ()), level)
    with a.decides(False), a.making(apart=True):
        _after_where(a, body, level, raising)
    note_group(a, body, level)
    return Output(columns, level.sources, origins, made_of, whole, chosen)


def _values(a: Analysis, rows: Sequence[Node], level: Level, raising: int) -> tuple[tuple[str, ...], tuple[Taint, ...]]:
    """VALUES: its columns, and what each is made of in any row."""
    made_of = tuple(Taint() for _ in rows[0]["List"].get("items", ()))
    for row in rows:
        with a.unit(level, local=False):
            for position, value in enumerate(row["List"].get("items", ())):
                with a.making() as taint:
                    walk(a, value, level, raising)
                if position < len(made_of):
                    made_of[position].inner.append(taint)
    return tuple(f"column{n + 1}" for n in range(len(made_of))), made_of


def _after_where(a: Analysis, body: Node, level: Level, raising: int) -> None:
    level.grouping = False
    walk(a, body.get("groupClause", []), level, raising)
    level.grouping = "groupClause" in body
    for key in ("distinctClause", "sortClause"):
        for one in body.get(key, ()):
            if one and not _is_output_name(one, body):
                with a.decides(key == "sortClause"):
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
    with a.making() as whole, a.decides(a.deciding or body["op"] in ("SETOP_INTERSECT", "SETOP_EXCEPT")):
        left = select(a, body["larg"], scope, raising, pulled_up=pulled_up)
        right = select(a, body["rarg"], scope, raising, pulled_up=pulled_up)
    a.goes_in(whole)  # made one type
    pairs = zip(left.taints, right.taints, strict=False)
    made_of = tuple(together([one, other]) for one, other in pairs) if len(left.taints) == len(right.taints) else ()
    level = Level.below(scope)
    taints = taints_by_name(left.columns, made_of)
    level.add(Item("", left.columns, sources=left.sources, taints=taints, whole=whole))
    level.add(Item("", (), sources=right.sources))
    with a.making(apart=True), a.decides():
        for one in body.get("sortClause", ()):
            walk(a, one, level, raising)
    walk(a, body.get("limitCount"), level, raising)
    walk(a, body.get("limitOffset"), level, raising)
    for key in ("lockingClause",):
        if key in body:
            a.refuse("statement", "FOR UPDATE is not allowed with UNION, INTERSECT or EXCEPT", sqlstate="0A000")
    same = zip(left.origins, right.origins, strict=False)
    origins = tuple(one if one == other else None for one, other in same)
    return Output(left.columns, level.sources, origins, made_of, whole)


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
        with a.making(apart=True):
            output = a.statement(cte["ctequery"], scope, pulled_up=True)
        columns = renamed(output.columns, strings(cte.get("aliascolnames", ())))
        known = scope.ctes.get(cte["ctename"])
        if known is not None and known.sources is not None:
            known.sources.inner.append(output.sources)
            known.whole.inner.append(output.whole)
            scope.ctes[cte["ctename"]] = Item(
                cte["ctename"], columns or known.columns, sources=known.sources, whole=known.whole
            )
        else:
            scope.ctes[cte["ctename"]] = Item(
                cte["ctename"],
                columns,
                sources=output.sources,
                origins=by_name(columns, output.origins),
                taints=taints_by_name(columns, output.taints),
                whole=output.whole,
            )
    return scope


def _mend_grouping(a: Analysis, body: Node, level: Level) -> None:
    """Where GROUP BY names a whole primary key, PostgreSQL lets the table's other columns stand ungrouped.

    Nothing can be grouped by a type that has no equality: where the statement names such a column for itself, it fails.
    """
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
            comparable = {c.name for c in use.relation.columns if c.type.base not in UNEQUAL}
            missing = [c for c in use.visible if c in item.grouped and c not in mine and c in comparable]
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
