"""Expressions: every node type that may occur in one, what it reads, and whether it may raise.

`raising` is the depth of the deepest query level that holds an expression around this node which may raise an error
for some value; -1 where there is none. See `scope.Level.qual` for why it matters.
"""

from __future__ import annotations

from typing import Any

from adapters.postgres.sql import allow
from adapters.postgres.sql.analysis import Analysis, Walker
from adapters.postgres.sql.facts import Call
from adapters.postgres.sql.parse import Node, strings
from adapters.postgres.sql.quote import quote_ident
from adapters.postgres.sql.raising import CONDITIONAL, LIKE_FUNCTIONS, constant_list, gives_one_row, harmless, is_name
from adapters.postgres.sql.scope import Level
from adapters.postgres.sql.sequences import draw
from gateway.model import TableName

NONE = -1


def walk(a: Analysis, node: Any, level: Level, raising: int = NONE) -> None:
    """Walk an expression, or a list of them."""
    if isinstance(node, list):
        for one in node:
            walk(a, one, level, raising)
    elif node:
        ((kind, body),) = node.items()
        walker = WALKERS.get(kind)
        if walker is None:
            a.refuse("expression", f"{kind} is not supported in an expression", location=body.get("location"))
            return
        quiet = kind in _FOLDABLE and harmless(node)
        a.raising.quiet += quiet
        if kind in _RAISING:
            a.raising.raises()
        walker(a, body, level, raising)
        a.raising.quiet -= quiet


def children(*keys: str, raises: bool = False) -> Walker:
    """A walker for a node that is no more than its members."""

    def walker(a: Analysis, body: Node, level: Level, raising: int) -> None:
        inner = max(raising, level.depth) if raises else raising
        for key in keys:
            if key in body:
                walk(a, body[key], level, inner)

    return walker


def _leaf(a: Analysis, body: Node, level: Level, raising: int) -> None:
    """A constant, a parameter, DEFAULT: nothing to see."""


def _value_function(a: Analysis, body: Node, level: Level, raising: int) -> None:
    if body.get("op", "").endswith(("USER", "ROLE", "CATALOG", "SCHEMA")):
        a.raising.names = True


def _collate(a: Analysis, body: Node, level: Level, raising: int) -> None:
    """Two collations that conflict raise where they meet, in any comparison or function."""
    if strings(body.get("collname", ()))[-1:] != ("default",):
        a.raising.collations = True
    walk(a, body["arg"], level, raising)


def column_ref(a: Analysis, body: Node, level: Level, raising: int, label: bool = False) -> None:
    fields, star = [], False
    for part in body["fields"]:
        if "String" in part:
            fields.append(part["String"].get("sval", ""))
        else:
            star = True
    a.column(fields, star, level, raising, body.get("location", 0), label)


def _operator(a: Analysis, body: Node, level: Level, raising: int) -> None:
    kind, right = body["kind"], body.get("rexpr")
    location = body.get("location", 0)
    safe = kind.startswith(("AEXPR_BETWEEN", "AEXPR_NOT_BETWEEN"))
    if kind in ("AEXPR_LIKE", "AEXPR_ILIKE"):
        safe = _plain_pattern(right)
        a.facts.patterns = a.facts.patterns or not safe
    if "BETWEEN" in kind:
        a.implied("< >" if "NOT" in kind else ">= <=", "two comparisons with OPERATOR(pg_catalog.…)", location)
    a.raising.quiet += safe
    patterns = a.facts.patterns
    inner = a.operator(body["name"], level, raising, location)
    a.raising.quiet -= safe
    if safe:
        inner, a.facts.patterns = raising, patterns
    elif kind in ("AEXPR_LIKE", "AEXPR_ILIKE", "AEXPR_SIMILAR", "AEXPR_NULLIF"):
        inner = max(raising, level.depth)
        a.raising.raises()
    rows = _rows_side_by_side(body)
    decides = a.deciding or kind != "AEXPR_OP" or strings(body["name"])[-1] not in allow.SHAPING_OPERATORS
    for operand in (body.get("lexpr"), right):
        if operand is None:
            continue
        if "List" in operand:
            operand = operand["List"].get("items", [])
        elif rows and "RowExpr" in operand:
            operand = operand["RowExpr"].get("args", [])
        elif kind in ("AEXPR_OP_ANY", "AEXPR_OP_ALL") and "A_ArrayExpr" in operand:
            operand = operand["A_ArrayExpr"].get("elements", [])
        quiet = kind in ("AEXPR_OP_ANY", "AEXPR_OP_ALL") and isinstance(operand, dict) and constant_list(operand)
        a.raising.quiet += quiet
        with a.decides(decides):
            walk(a, operand, level, inner)
        a.raising.quiet -= quiet


def _rows_side_by_side(body: Node) -> bool:
    """`(a, b) = (c, d)`, which is compared column by column, and not as two records."""
    return "RowExpr" in body.get("lexpr", {}) and "RowExpr" in body.get("rexpr", {})


def _plain_pattern(node: Node | None) -> bool:
    """A constant pattern without an escape cannot raise "must not end with escape character"."""
    return bool(node) and "\\" not in (node or {}).get("A_Const", {}).get("sval", {}).get("sval", "\\")


def _type_cast(a: Analysis, body: Node, level: Level, raising: int) -> None:
    safe = type_name(a, body["typeName"]) or "A_Const" in body["arg"] or "ParamRef" in body["arg"]
    if not safe:
        a.raising.raises()
    if strings(body["typeName"].get("names", ()))[-1:] == ("name",):
        a.raising.names = True
    walk(a, body["arg"], level, raising if safe else max(raising, level.depth))


def type_name(a: Analysis, node: Node) -> bool:
    """Judge a type; True where a cast to it never raises."""
    names = [n["String"].get("sval", "") for n in node.get("names", ())]
    location = node.get("location")
    if node.get("pct_type") or node.get("setof"):
        a.refuse("type", "%TYPE and SETOF are not supported here", location=location)
        return False
    for modifier in node.get("typmods", ()):
        if "A_Const" not in modifier and "ColumnRef" not in modifier:
            a.refuse("type", "a type modifier has to be a constant", location=location)
    name = names[-1]
    snapshot = a.world.snapshot
    a.named_types.append(names)
    if _made_by_user(a, names):
        a.refuse("type", f'a function of a user makes values of type "{name}": no casts to it', location=location)
    if len(names) == 1 or names[0] == "pg_catalog":
        if name in allow.TYPES or (name.startswith("_") and name[1:] in allow.TYPES):
            return name in ("text", "varchar") and not node.get("arrayBounds")
        if names[0] == "pg_catalog":
            a.refuse("type", f'type "{name}" is not on the list', location=location)
            return False
    if names[0] == "information_schema" and name in allow.INFORMATION_SCHEMA_TYPES:
        return False
    schemas = [names[-2]] if len(names) > 1 else [*a.search_path]
    for schema in schemas:
        kind = snapshot.user_types.get((schema, name))
        if kind in ("e", "d", "r", "m", "b"):
            return False
        if kind is not None or TableName(schema, name) in snapshot.relations:
            a.refuse("type", f'type "{name}" is a row type: a row may not be made into it here', location=location)
            return False
    a.refuse("type", f'type "{name}" is not known', location=location, sqlstate="42704")
    return False


def _made_by_user(a: Analysis, names: list[str]) -> bool:
    """Whether some cast to this type calls a function of a user that the policy does not list. Those of values of a
    user's type are looked at where such a value is used, see `adapters.postgres.sql.casts`."""
    listed = a.world.functions
    casts = [c for c in a.world.snapshot.user_casts if c.function and not c.of_users_type and c.called not in listed]
    return any(names_type(a, names, cast.target) for cast in casts)


def names_type(a: Analysis, names: list[str], spelled: str) -> bool:
    """Whether a name may stand for a type that `format_type` spells so."""
    schemas = [names[-2]] if len(names) > 1 else ["", "pg_catalog", *a.search_path]
    name = allow.TYPE_NAMES.get(names[-1], names[-1])
    made = (quote_ident(name), name, f'"{name}"')
    return any(spelled in (one, f"{schema}.{one}") for schema in schemas for one in made)


def _function(a: Analysis, body: Node, level: Level, raising: int) -> None:
    names = [n["String"].get("sval", "") for n in body["funcname"]]
    name, location = names[-1], body.get("location", 0)
    builtin = _judge_function(a, names, body, location)
    aggregate = builtin and (name in allow.AGGREGATES or name in allow.WINDOW_FUNCTIONS or "over" in body)
    safe = builtin and name in allow.NEVER_RAISING_FUNCTIONS
    a.facts.patterns = a.facts.patterns or name in LIKE_FUNCTIONS
    a.raising.names = a.raising.names or is_name(name)
    if aggregate:
        a.raising.aggregate(level)
    elif not safe:
        a.raising.raises()
    inner = raising if safe or aggregate else max(raising, level.depth)
    qual, level.qual = level.qual, level.qual and not aggregate
    with a.decides(a.deciding or not (builtin and name in allow.SHAPING_FUNCTIONS)):
        walk(a, body.get("args", []), level, inner)
    with a.decides():
        walk(a, body.get("agg_order", []), level, inner)
        walk(a, body.get("agg_filter"), level, inner)
    level.qual = qual
    if "over" in body:
        window(a, body["over"], level, inner)


def _judge_function(a: Analysis, names: list[str], body: Node, location: int) -> bool:
    """Note a refusal or a call; True for a built-in function that is on the list."""
    name, snapshot = names[-1], a.world.snapshot
    if len(names) > 2:
        a.refuse("function", f"function {'.'.join(names)} is not supported", location=location)
        return False
    if names[0] == "pg_catalog" or len(names) == 1:
        if name in allow.FUNCTIONS:
            if len(names) == 1 and (name in snapshot.user_functions or name in snapshot.extension_functions):
                a.facts.qualify.append(a.text.at(location))
            if name == "nextval":
                draw(a, body.get("args", []), location)
            return True
        if _special(name, body):
            return False
    if names[0] == "information_schema" and name in allow.INFORMATION_SCHEMA_FUNCTIONS:
        return True
    schemas = [names[0]] if len(names) == 2 else [s for s in a.search_path if f"{s}.{name}" in a.world.functions]
    for schema in schemas:
        if f"{schema}.{name}" in a.world.functions:
            a.facts.calls.append(Call(f"{schema}.{name}", a.text.at(location), len(names) == 2))
            return False
    if name in snapshot.extension_functions and name not in snapshot.user_functions and names[0] != "pg_catalog":
        a.extension_called = True
        return False
    a.refuse(
        "function",
        f"function {'.'.join(names)} may not be called through the gateway",
        hint="Built-in functions that only compute are allowed; others are listed under `functions` in catalog.yaml.",
        location=location,
    )
    return False


def _special(name: str, body: Node) -> bool:
    """`current_setting` and `set_config` of a harmless setting, all in constants."""
    if name not in allow.SPECIAL_FUNCTIONS:
        return False
    values = [arg.get("A_Const", {}).get("sval", {}).get("sval") for arg in body.get("args", ())]
    setting = allow.SETTINGS.get((values[0] or "").lower()) if values else None
    if setting is None:
        return False
    if name == "current_setting":
        return True
    return len(values) == 3 and values[1] is not None and setting.name != "search_path" and setting.accepts(values[1])


def window(a: Analysis, body: Node, level: Level, raising: int) -> None:
    """A WindowDef: evaluated after WHERE, so nothing in it can look at hidden rows of this level."""
    qual, level.qual = level.qual, False
    for key in ("partitionClause", "orderClause", "startOffset", "endOffset"):
        if key in body:
            walk(a, body[key], level, raising)
    level.qual = qual


def _window_definition(a: Analysis, body: Node, level: Level, raising: int) -> None:
    window(a, body, level, raising)


def _case_when(a: Analysis, body: Node, level: Level, raising: int) -> None:
    with a.decides():
        walk(a, body["expr"], level, raising)
    walk(a, body["result"], level, raising)


def _case(a: Analysis, body: Node, level: Level, raising: int) -> None:
    if "arg" in body:
        a.implied("=", "`CASE WHEN x OPERATOR(pg_catalog.=) y THEN …`", body.get("location", 0))
    with a.decides():
        walk(a, body.get("arg"), level, raising)
    walk(a, body.get("args", []), level, raising)
    walk(a, body.get("defresult"), level, raising)


def _boolean_test(a: Analysis, body: Node, level: Level, raising: int) -> None:
    with a.decides():
        walk(a, body["arg"], level, raising)


def _min_max(a: Analysis, body: Node, level: Level, raising: int) -> None:
    with a.decides():
        walk(a, body["args"], level, raising)


def _sort(a: Analysis, body: Node, level: Level, raising: int) -> None:
    if "useOp" in body:
        a.operator(body["useOp"], level, raising, body.get("location", 0))
    walk(a, body["node"], level, raising)


def _indirection(a: Analysis, body: Node, level: Level, raising: int) -> None:
    arg, steps = body["arg"], body["indirection"]
    fields = [p["String"].get("sval", "") for p in arg.get("ColumnRef", {}).get("fields", ()) if "String" in p]
    found = level.find(fields[0]) if len(fields) == 1 and not _is_column(level, fields[0]) else None
    first = steps[0]
    location = arg.get("ColumnRef", {}).get("location", 0)
    if found is not None and "String" in first and found[1].has(first["String"]["sval"]):
        item = found[1]
        a.everything(found[0], item, location)  # the row is made, even if one field of it is taken
        a.whole_row(found[0], item, raising, location)
        a.touch(found[0], item, first["String"]["sval"], raising, location)
        steps = steps[1:]
    else:
        walk(a, arg, level, raising)
    for step in steps:
        if "String" in step:
            a.attribute(step["String"].get("sval", ""), location)
        elif "A_Indices" in step:
            walk(a, step["A_Indices"].get("lidx"), level, raising)
            walk(a, step["A_Indices"].get("uidx"), level, raising)


def _is_column(level: Level, name: str) -> bool:
    at: Level | None = level
    while at is not None:
        if any(i.has(name) for i in at.items):
            return True
        at = at.parent
    return False


def _sublink(a: Analysis, body: Node, level: Level, raising: int) -> None:
    kind = body["subLinkType"]
    if "operName" in body:
        raising = a.operator(body["operName"], level, raising, body.get("location", 0))
    elif "testexpr" in body:
        a.implied("=", "`x OPERATOR(pg_catalog.=) ANY (SELECT …)`", body.get("location", 0))
    scalar = kind in ("EXPR_SUBLINK", "ROWCOMPARE_SUBLINK", "MULTIEXPR_SUBLINK")
    if scalar and not gives_one_row(body["subselect"].get("SelectStmt", {})):
        a.raising.raises()
    with a.decides(a.deciding or "testexpr" in body):
        walk(a, body.get("testexpr"), level, raising)
    # "more than one row" is an error too; EXISTS and IN may become joins, so what they compute can run early
    inner = max(raising, level.depth) if scalar else raising
    exists, compares = kind == "EXISTS_SUBLINK", kind in ("ANY_SUBLINK", "ALL_SUBLINK", "ROWCOMPARE_SUBLINK")
    with a.making(apart=True), a.decides(compares or (a.deciding and not exists)):
        output = a.statement(body["subselect"], level, inner, pulled_up=not scalar)
    with a.decides(False):  # noted already, where it stands
        a.goes_in(output.chosen if exists else output.whole)


def _range_cast_function(a: Analysis, body: Node, level: Level, raising: int) -> None:
    """JSON_OBJECT and its kin: constructors and queries over values; the output type is judged."""
    with a.decides():  # a path may compare
        _any_members(a, body, level, max(raising, level.depth))


def _any_members(a: Analysis, body: Any, level: Level, raising: int) -> None:
    """Walk a node whose members are values, clauses of values, and type names, whatever their keys are."""
    if isinstance(body, list):
        for one in body:
            _any_members(a, one, level, raising)
    elif isinstance(body, dict):
        if "names" in body and ("typemod" in body or "typmods" in body):
            type_name(a, body)
            return
        for key, value in body.items():
            if not isinstance(value, (dict, list)):
                continue
            if key in WALKERS and isinstance(value, dict):
                WALKERS[key](a, value, level, raising)
            elif key[:1].isupper() and key not in _TRANSPARENT:
                a.refuse("expression", f"{key} is not supported in an expression")
            else:
                _any_members(a, value, level, raising)


_TRANSPARENT = frozenset(
    {
        "JsonOutput",
        "JsonReturning",
        "JsonFormat",
        "JsonKeyValue",
        "JsonValueExpr",
        "JsonArgument",
        "JsonBehavior",
        "JsonAggConstructor",
        "JsonTableColumn",
        "JsonTablePathSpec",
        "TypeName",
        "List",
        "String",
        "RangeTableFuncCol",
    }
)


_FOLDABLE = frozenset({"A_Expr", "TypeCast", "FuncCall"})
_RAISING = frozenset(
    {
        *CONDITIONAL,
        *("RowExpr", "A_ArrayExpr", "A_Indirection", "XmlExpr", "XmlSerialize", "JsonObjectConstructor"),
        *("JsonArrayConstructor", "JsonArrayQueryConstructor", "JsonFuncExpr", "JsonParseExpr", "JsonScalarExpr"),
        *("JsonSerializeExpr", "JsonIsPredicate"),
    }
)
"""Arrays and records raise when they are compared and what they hold cannot be; the rest by its own nature."""


WALKERS: dict[str, Walker] = {
    "A_Const": _leaf,
    "ParamRef": _leaf,
    "SetToDefault": _leaf,
    "SQLValueFunction": _value_function,
    "A_Star": _leaf,
    "CaseTestExpr": _leaf,
    "ColumnRef": column_ref,
    "A_Expr": _operator,
    "BoolExpr": children("args"),
    "NullTest": children("arg"),
    "BooleanTest": _boolean_test,
    "TypeCast": _type_cast,
    "FuncCall": _function,
    "SortBy": _sort,
    "WindowDef": _window_definition,
    "A_Indirection": _indirection,
    "SubLink": _sublink,
    "A_ArrayExpr": children("elements"),
    "RowExpr": children("args"),
    "CaseExpr": _case,
    "CaseWhen": _case_when,
    "CoalesceExpr": children("args"),
    "MinMaxExpr": _min_max,
    "CollateClause": _collate,
    "NamedArgExpr": children("arg"),
    "GroupingFunc": children("args"),
    "GroupingSet": children("content"),
    "List": children("items"),
    "MultiAssignRef": children("source"),
    "XmlExpr": children("named_args", "args", raises=True),
    "XmlSerialize": children("expr", raises=True),
    "ResTarget": children("val"),
    "JsonObjectConstructor": _range_cast_function,
    "JsonArrayConstructor": _range_cast_function,
    "JsonObjectAgg": _range_cast_function,
    "JsonArrayAgg": _range_cast_function,
    "JsonFuncExpr": _range_cast_function,
    "JsonParseExpr": _range_cast_function,
    "JsonScalarExpr": _range_cast_function,
    "JsonSerializeExpr": _range_cast_function,
    "JsonIsPredicate": _range_cast_function,
    "JsonTable": _range_cast_function,
}


def json_array_query(a: Analysis, body: Node, level: Level, raising: int) -> None:
    a.statement(body["query"], level, max(raising, level.depth), pulled_up=False)


WALKERS["JsonArrayQueryConstructor"] = json_array_query
