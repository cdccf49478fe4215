"""Conditions at the top of a WHERE: what they compare, and the values that they compare with."""

from __future__ import annotations

from adapters.postgres.sql.analysis import Analysis
from adapters.postgres.sql.expressions import NONE, walk
from adapters.postgres.sql.facts import Conjunct, RelationUse
from adapters.postgres.sql.outputs import definite
from adapters.postgres.sql.parse import Node, strings
from adapters.postgres.sql.scope import Level


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
                conjunct = Conjunct(hit[1], body, turned, a.text.at(column["ColumnRef"].get("location", 0)))
                use = hit[0].use
                (use.conjuncts if isinstance(use, RelationUse) else use.lookups).append(conjunct)
                break


def conditions(a: Analysis, node: Node | None, level: Level, raising: int = NONE) -> None:
    """Walk a condition, each of its conjuncts as a unit of its own."""
    for one in _conjuncts(node) if node else ():
        with a.unit(level), a.decides():
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
