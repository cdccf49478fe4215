"""INSERT, UPDATE and DELETE: which columns are written and with what, and which columns of the target are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adapters.postgres.sql.analysis import Analysis
from adapters.postgres.sql.conjuncts import conditions, note_conjuncts
from adapters.postgres.sql.expressions import column_ref, walk
from adapters.postgres.sql.facts import Sources, TargetUse, Written
from adapters.postgres.sql.from_clause import from_item
from adapters.postgres.sql.outputs import target_origins
from adapters.postgres.sql.parse import Node, strings
from adapters.postgres.sql.queries import with_clause
from adapters.postgres.sql.scope import Item, Level, Output
from adapters.postgres.sql.taint import Taint, together

INSERT_MEMBERS = frozenset(
    {
        "relation",
        "cols",
        "selectStmt",
        "onConflictClause",
        "returningClause",
        "withClause",
        "override",
    }
)
UPDATE_MEMBERS = frozenset({"relation", "targetList", "whereClause", "fromClause", "returningClause", "withClause"})
DELETE_MEMBERS = frozenset({"relation", "usingClause", "whereClause", "returningClause", "withClause"})


def _known(a: Analysis, body: Node, members: frozenset[str]) -> None:
    for member in body.keys() - members:
        a.refuse("statement", f"{member} is not supported in a write")


def _target(a: Analysis, body: Node, act: str) -> TargetUse | None:
    node = body["relation"]
    relation = a.relation(node)
    if relation is None:
        return None
    location = node.get("location", 0)
    visible = a.reachable(relation, location)
    alias = node.get("alias", {}).get("aliasname", node["relname"])
    target = TargetUse(relation, visible, alias, a.text.at(location), act)
    if relation.has_rules:
        a.refuse(
            "rule",
            f"{relation.name} has rewrite rules, which would run statements that were not judged",
            hint="Ask the owner to use a trigger instead of a rule.",
            location=location,
        )
    a.facts.targets.append(target)
    return target


def _target_item(target: TargetUse, node: Node) -> Item:
    schema = "" if "alias" in node else target.relation.name.schema
    return Item(target.alias, target.visible, target, schema=schema)


def _written(column: str, value: Node | None, made_of: Taint) -> Written:
    inner = (value or {}).get("TypeCast", {}).get("arg", value or {})
    if "ParamRef" in inner:
        return Written(column, parameter=inner["ParamRef"].get("number", 0))
    text = inner.get("A_Const", {}).get("sval")
    constant = None if text is None else str(text.get("sval", ""))
    if constant is None and value and not _reads_columns(inner):
        pieces = _texts(inner)  # a mask may be put together from pieces, which are looked at as one
        constant = "".join(pieces) if len(pieces) > 1 else None
    return Written(column, constant, computed=_reads_columns(inner), made_of=made_of)


def _texts(node: object) -> list[str]:
    """The text constants of an expression in order."""
    if isinstance(node, list):
        return [text for one in node for text in _texts(one)]
    if not isinstance(node, dict):
        return []
    if "A_Const" in node:
        text = node["A_Const"].get("sval")
        return [] if text is None else [str(text.get("sval", ""))]
    return [text for one in node.values() for text in _texts(one)]


def _reads_columns(node: object) -> bool:
    """Whether an expression reads stored data; `excluded` holds what the client sent."""
    if isinstance(node, list):
        return any(_reads_columns(one) for one in node)
    if not isinstance(node, dict):
        return False
    if "SubLink" in node:
        return True
    if "ColumnRef" in node:
        return strings(node["ColumnRef"]["fields"][:1]) != ("excluded",)
    return any(_reads_columns(one) for one in node.values())


# -- INSERT -----------------------------------------------------------------------------------------------------------
def insert(a: Analysis, body: Node, outer: Level | None) -> Output:
    _known(a, body, INSERT_MEMBERS)
    scope = with_clause(a, body.get("withClause"), outer)
    target = _target(a, body, "insert")
    if target is None:
        if "selectStmt" in body:
            a.statement(body["selectStmt"], scope, pulled_up=False)
        return Output(None, Sources())
    columns = _insert_columns(a, body, target)
    given = Output((), Sources())
    if "selectStmt" in body:
        with a.making(apart=True):
            given = a.statement(body["selectStmt"], scope, pulled_up=False)
            a.goes_in(given.whole)  # made the type of its column
    _inserted(body, columns, target, given)
    level = Level.below(scope)
    level.add(_target_item(target, body["relation"]))
    if "onConflictClause" in body:
        _on_conflict(a, body["onConflictClause"], target, level)
    return _returning(a, body, target, level)


def _inserted(body: Node, columns: tuple[str, ...], target: TargetUse, given: Output) -> None:
    """Note what is inserted, column by column."""
    rows = body.get("selectStmt", {}).get("SelectStmt", {}).get("valuesLists", ())
    for position, column in enumerate(columns):
        values = [row["List"]["items"][position] for row in rows if position < len(row["List"].get("items", ()))]
        made_of = given.taint(position)
        target.inserted.extend(_written(column, value, made_of) for value in values)
        if not values:
            computed = not rows and "selectStmt" in body
            target.inserted.append(Written(column, computed=computed, made_of=made_of))


def _insert_columns(a: Analysis, body: Node, target: TargetUse) -> tuple[str, ...]:
    """The columns that get a value; without a list, those of the table in order, as many as there are values."""
    if "cols" in body:
        for column in body["cols"]:
            for step in column["ResTarget"].get("indirection", ()):
                _subscript(a, step, Level.below(None))
        return tuple(c["ResTarget"]["name"] for c in body["cols"])
    every = tuple(c.name for c in target.relation.columns)
    rows = body.get("selectStmt", {}).get("SelectStmt", {}).get("valuesLists")
    if "selectStmt" not in body:
        return ()
    return every[: len(rows[0]["List"].get("items", ()))] if rows else every


def _subscript(a: Analysis, step: Node, level: Level) -> None:
    if "A_Indices" in step:
        walk(a, step["A_Indices"].get("lidx"), level)
        walk(a, step["A_Indices"].get("uidx"), level)


def _on_conflict(a: Analysis, clause: Node, target: TargetUse, level: Level) -> None:
    taints = {one.column: one.made_of for one in target.inserted if one.made_of is not None}
    excluded = Item("excluded", target.visible, qualified_only=True, taints=taints)
    level.items.append(excluded)
    infer = clause.get("infer", {})
    for element in infer.get("indexElems", ()):
        index = element["IndexElem"]
        if "expr" in index:
            _index_expression(a, index["expr"], target)
    if "whereClause" in infer:
        _index_expression(a, infer["whereClause"], target)
    target.conflict_update = clause.get("action") == "ONCONFLICT_UPDATE"
    target.conflict_where = "whereClause" in clause
    _assignments(a, clause.get("targetList", ()), target, level)
    level.qual = True
    conditions(a, clause.get("whereClause"), level)
    level.qual = False
    level.items.remove(excluded)


def _index_expression(a: Analysis, expression: Node, target: TargetUse) -> None:
    """What names a unique index has to match its definition, so it is left alone; it reads no row."""
    before = len(target.references)
    level = Level.below(None)
    level.add(Item(target.alias, target.visible, target))
    walk(a, expression, level)
    del target.references[before:]


# -- UPDATE and DELETE ------------------------------------------------------------------------------------------------
def update(a: Analysis, body: Node, outer: Level | None) -> Output:
    _known(a, body, UPDATE_MEMBERS)
    return _changing(a, body, outer, "update", "fromClause")


def delete(a: Analysis, body: Node, outer: Level | None) -> Output:
    _known(a, body, DELETE_MEMBERS)
    return _changing(a, body, outer, "delete", "usingClause")


def _changing(a: Analysis, body: Node, outer: Level | None, act: str, others: str) -> Output:
    scope = with_clause(a, body.get("withClause"), outer)
    target = _target(a, body, act)
    level = Level.below(scope)
    if target is not None:
        level.add(_target_item(target, body["relation"]))
    level.qual = True
    for item in body.get(others, ()):
        from_item(a, item, level, -1)
    if "CurrentOfExpr" in body.get("whereClause", {}):
        a.refuse("statement", "WHERE CURRENT OF is not supported", sqlstate="0A000", hint="Name the row by its key.")
    elif "whereClause" in body:
        conditions(a, body["whereClause"], level)
        note_conjuncts(a, body["whereClause"], level)
    level.qual = False
    if target is None:
        return Output(None, Sources())
    target.has_where = "whereClause" in body
    _assignments(a, body.get("targetList", ()), target, level)
    return _returning(a, body, target, level)


def _assignments(a: Analysis, targets: Sequence[Node], target: TargetUse, level: Level) -> None:
    seen: list[tuple[Node, list[Taint]]] = []
    for one in targets:
        body = one["ResTarget"]
        for step in body.get("indirection", ()):
            _subscript(a, step, level)
        value = body["val"]
        source = value.get("MultiAssignRef", {}).get("source")
        if source is None:
            with a.making(apart=True) as made_of:
                walk(a, value, level)
            target.updated.append(_written(body["name"], value, made_of))
            continue
        column = value["MultiAssignRef"].get("colno", 1)
        items = source.get("RowExpr", {}).get("args", ())
        parts = next((taints for node, taints in seen if node == source), None)
        if parts is None:  # libpg_query repeats the one source for each column
            parts = _parts(a, source, items, level)
            seen.append((source, parts))
        item = items[column - 1] if column <= len(items) else None
        made_of = parts[column - 1] if item is not None else together(parts)
        target.updated.append(_written(body["name"], item or source, made_of))


def _parts(a: Analysis, source: Node, items: Sequence[Node], level: Level) -> list[Taint]:
    """Walk `(a, b) = source`; what each item of a row, or all of a subquery, is made of."""
    found = []
    for one in items or (source,):
        with a.making(apart=True) as made_of:
            walk(a, one, level)
        found.append(made_of)
    return found


def _returning(a: Analysis, body: Node, target: TargetUse, level: Level) -> Output:
    clause = body.get("returningClause")
    if clause is None:
        return Output((), level.sources)
    names = {"RETURNING_OPTION_OLD": "old", "RETURNING_OPTION_NEW": "new"}
    for option in clause.get("options", ()):
        names[option["ReturningOption"]["option"]] = option["ReturningOption"]["value"]
    for name in names.values():
        if level.find(name) is None:
            level.items.append(Item(name, target.visible, target, qualified_only=True))
    origins = target_origins(clause["exprs"], level)
    columns: list[str] | None = []
    made_of: list[Taint] = []
    for one in clause["exprs"]:
        result = one["ResTarget"]
        value = result["val"]
        with a.making(apart=True) as taint:
            if "ColumnRef" in value:
                column_ref(a, value["ColumnRef"], level, -1, label="name" not in result)
            else:
                walk(a, value, level)
        made_of.append(taint)
        if "ColumnRef" in value:
            last = value["ColumnRef"]["fields"][-1]
            star = "A_Star" in last
            columns = None if star or columns is None else [*columns, result.get("name", strings([last])[0])]
        else:
            columns = None if columns is None else [*columns, result.get("name", "?column?")]
    if columns is None:
        return Output(None, level.sources, origins, whole=together(made_of))
    return Output(tuple(columns), level.sources, origins, tuple(made_of), together(made_of))


WRITERS: dict[str, Callable[[Analysis, Node, Level | None], Output]] = {
    "InsertStmt": insert,
    "UpdateStmt": update,
    "DeleteStmt": delete,
}
