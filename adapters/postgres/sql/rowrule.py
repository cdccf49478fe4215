"""Row rules: `region = :principal.region` of the security team → a predicate that cannot mean anything else.

The expression is read with PostgreSQL's grammar and written anew from its tree, so only what is listed here exists,
everything is parenthesized, columns are quoted and qualified, and operators are those of pg_catalog, whatever
search_path is. (Splicing the author's text would leave its operators to be looked up along search_path.)

Nothing in a row rule may raise on a value of a row: an error would tell that a hidden row exists. So there are no
functions, no arithmetic, and no casts of columns but to text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.postgres.sql.parse import Node, NotUnderstood, Text, strings
from adapters.postgres.sql.quote import array_literal, quote_ident, quote_literal
from gateway.model import AttributeValue

_COMPARISONS: Final = frozenset({"=", "<>", "<", "<=", ">", ">="})
_LIKES: Final = frozenset({"~~", "!~~", "~~*", "!~~*"})
_CASTS: Final = frozenset(
    {"bool", "int2", "int4", "int8", "numeric", "float8", "text", "varchar", "date", "timestamp", "timestamptz", "uuid"}
)
_TESTS: Final = {
    "IS_NULL": "IS NULL", "IS_NOT_NULL": "IS NOT NULL", "IS_TRUE": "IS TRUE", "IS_NOT_TRUE": "IS NOT TRUE",
    "IS_FALSE": "IS FALSE", "IS_NOT_FALSE": "IS NOT FALSE", "IS_UNKNOWN": "IS UNKNOWN",
    "IS_NOT_UNKNOWN": "IS NOT UNKNOWN",
}  # fmt: skip
# Literals and quoted names first, so that a placeholder inside them is text; `::` so that a cast is not one.
_TOKENS: Final = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|::)|:principal\.([^\W\d]\w*)""")
_SELECT: Final = "SELECT WHERE "
_FALSE: Final = "false"


class RowRuleError(ValueError):
    """The expression has something that a row rule may not have; the message says what, and what to do."""


@dataclass(frozen=True, slots=True)
class RowExpression:
    """A parsed row rule: the tree of its condition, and the attributes that its placeholders name, in order."""

    node: Node
    attributes: tuple[str, ...]


def parse_row_rule(expression: str) -> RowExpression:
    """Read an expression. Raises RowRuleError where it is not one condition."""
    if any(odd in expression for odd in ("\\", "$", "--", "/*", "\0")):
        raise RowRuleError("a row rule has no backslash, dollar sign or comment")
    attributes: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found[2] is None:
            return found[0]
        if found[2] not in attributes:
            attributes.append(found[2])
        return f" ${attributes.index(found[2]) + 1} "

    text = _SELECT + _TOKENS.sub(number, expression)
    try:
        statements = Text(text).statements
    except NotUnderstood as error:
        raise RowRuleError(f"PostgreSQL does not understand it: {error.message}") from None
    if len(statements) != 1 or statements[0].kind != "SelectStmt":
        raise RowRuleError("a row rule is one condition")
    select = statements[0].node
    if set(select) - {"limitOption", "op"} != {"whereClause"} or select.get("op") != "SETOP_NONE":
        raise RowRuleError("a row rule is one condition, as it would stand after WHERE")
    return RowExpression(select["whereClause"], tuple(attributes))


def check_row_rule(expression: str, columns: Collection[str]) -> str | None:
    """What is wrong with a row rule over a table of these columns; None where it is good."""
    try:
        parsed = parse_row_rule(expression)
        # Any value does: the shape is what is checked. A list is allowed wherever the rule wants one.
        for sample in ("x", ("x",)):
            try:
                _Writer(columns, "", [sample] * len(parsed.attributes)).condition(parsed.node)
            except _WrongValueError:
                continue
    except RowRuleError as problem:
        return str(problem)
    except RecursionError:
        return "the row rule is nested too deeply"
    return None


def render_row_rule(
    expression: str, columns: Collection[str], attributes: Mapping[str, AttributeValue | None], prefix: str
) -> str:
    """The predicate, columns qualified by `prefix` (`"c".` or ''); `false` where an attribute is missing.

    A rule that is no row rule hides every row: bundles with such a rule are not loaded, so this is the second lock.
    """
    try:
        parsed = parse_row_rule(expression)
        values = [attributes.get(name) for name in parsed.attributes]
        known = [value for value in values if value is not None]
        # The whole rule is false, not the comparison alone: NOT would turn that into true.
        if len(known) < len(values):
            return _FALSE
        return _Writer(columns, prefix, known).condition(parsed.node)
    except (ValueError, RecursionError):  # RowRuleError among them
        return _FALSE


class _WrongValueError(RowRuleError):
    """The principal's attribute has a type that does not go where the rule puts it."""


class _Writer:
    """Writes the tree of one rule as SQL; a node that no method here knows is refused."""

    def __init__(self, columns: Collection[str], prefix: str, values: list[AttributeValue]) -> None:
        self._columns = columns
        self._prefix = prefix
        self._values = values

    def condition(self, node: Node) -> str:
        ((kind, body),) = node.items()
        write = self._CONDITIONS.get(kind)
        if write is None:
            return self._value(node)
        return write(self, body)

    def _bool(self, body: Node) -> str:
        parts = [self.condition(argument) for argument in body["args"]]
        if body["boolop"] == "NOT_EXPR":
            return f"(NOT {parts[0]})"
        return f"({(' AND ' if body['boolop'] == 'AND_EXPR' else ' OR ').join(parts)})"

    def _test(self, body: Node) -> str:
        test = body.get("nulltesttype") or body.get("booltesttype") or "IS_NULL"
        argument = self.condition(body["arg"]) if "booltesttype" in body else self._value(body["arg"])
        return f"({argument} {_TESTS[test]})"

    def _expression(self, body: Node) -> str:
        kind, operator = body["kind"], strings(body["name"])[-1]
        if "lexpr" not in body or len(body["name"]) != 1:
            raise RowRuleError(f"operator {operator!r} cannot be used like this in a row rule")
        operator = "<>" if operator == "!=" else operator
        left = self._value(body["lexpr"])
        if kind == "AEXPR_OP" and operator in _COMPARISONS:
            return _binary(left, operator, self._value(body["rexpr"]))
        if kind == "AEXPR_IN":
            items = [item for node in body["rexpr"]["List"]["items"] for item in self._items(node)]
            joined = (" OR " if operator == "=" else " AND ").join(_binary(left, operator, item) for item in items)
            return f"({joined})" if joined else ("false" if operator == "=" else "true")
        if kind in ("AEXPR_BETWEEN", "AEXPR_NOT_BETWEEN"):
            low, high = (self._value(bound) for bound in body["rexpr"]["List"]["items"])
            inside = f"({_binary(left, '>=', low)} AND {_binary(left, '<=', high)})"
            return inside if kind == "AEXPR_BETWEEN" else f"(NOT {inside})"
        if kind in ("AEXPR_LIKE", "AEXPR_ILIKE") and operator in _LIKES:
            return _binary(left, operator, self._pattern(body["rexpr"]))
        if (kind, operator) in (("AEXPR_OP_ANY", "="), ("AEXPR_OP_ALL", "<>")):
            word = "ANY" if kind == "AEXPR_OP_ANY" else "ALL"
            return f"({left} {_operator(operator)} {word} ({self._array(body['rexpr'])}))"
        raise RowRuleError(f"operator {operator!r} cannot be used in a row rule; use comparisons, IN, LIKE, BETWEEN")

    _CONDITIONS: Final[Mapping[str, Callable[[_Writer, Node], str]]] = {
        "BoolExpr": _bool,
        "NullTest": _test,
        "BooleanTest": _test,
        "A_Expr": _expression,
    }

    def _value(self, node: Node) -> str:
        ((kind, body),) = node.items()
        if kind == "ColumnRef":
            return self._column(body)
        if kind == "A_Const":
            return _constant(body)
        if kind == "ParamRef":
            return _scalar(self._attribute(body))
        if kind == "TypeCast":
            return self._cast(body)
        what = _WORDS.get(kind, kind)
        raise RowRuleError(f"a row rule has columns, constants and :principal attributes; it cannot contain {what}")

    def _column(self, body: Node) -> str:
        name = strings(body["fields"])
        if len(body["fields"]) != 1 or len(name) != 1:
            raise RowRuleError("a row rule names the columns of its own table, without a qualifier")
        if name[0] not in self._columns:
            raise RowRuleError(f"the table has no column {name[0]!r}")
        return self._prefix + quote_ident(name[0])

    def _cast(self, body: Node) -> str:
        names, type_name = strings(body["typeName"]["names"]), body["typeName"]
        base = names[-1]
        if (
            (len(names) > 1 and names[0] != "pg_catalog")
            or base not in _CASTS
            or {"arrayBounds", "setof", "typmods"} & set(type_name)
        ):
            raise RowRuleError(f"a row rule casts to {', '.join(sorted(_CASTS))} only")
        ((kind, _),) = body["arg"].items()
        if kind == "ColumnRef" and base not in ("text", "varchar"):
            raise RowRuleError("a row rule casts columns to text only: any other cast may raise on a row")
        if kind not in ("ColumnRef", "A_Const", "ParamRef"):
            raise RowRuleError("a row rule casts columns, constants and attributes only")
        return f"({self._value(body['arg'])}::pg_catalog.{base})"

    def _attribute(self, body: Node) -> AttributeValue:
        return self._values[int(body["number"]) - 1]

    def _items(self, node: Node) -> list[str]:
        """The members of an IN list that one node stands for: an attribute that is a list stands for all of its own."""
        if "ParamRef" in node:
            value = self._attribute(node["ParamRef"])
            if isinstance(value, tuple):
                return [quote_literal(member) for member in value]
        return [self._value(node)]

    def _array(self, node: Node) -> str:
        ((kind, body),) = node.items()
        if kind == "ParamRef":
            value = self._attribute(body)
            return array_literal(value if isinstance(value, tuple) else (_plain(value),))
        if kind == "TypeCast" and "A_ArrayExpr" in body["arg"]:
            return self._array(body["arg"])
        if kind == "A_ArrayExpr":
            elements = [self._value(element) for element in body.get("elements", ())]
            return f"ARRAY[{', '.join(elements)}]" if elements else "'{}'"
        raise RowRuleError("ANY and ALL take a :principal attribute or ARRAY[…] in a row rule")

    def _pattern(self, node: Node) -> str:
        ((kind, body),) = node.items()
        if kind not in ("A_Const", "ParamRef"):
            raise RowRuleError("the pattern of LIKE is a constant or a :principal attribute in a row rule")
        # A pattern that ends in its escape character raises when a row gets that far.
        if kind == "ParamRef" and "\\" in str(self._attribute(body)):
            raise _WrongValueError("an attribute with a backslash is no pattern")
        return self._value(node)


_WORDS: Final = {
    "A_Expr": "an operator within a comparison",
    "FuncCall": "a function", "SubLink": "a sub-select", "CaseExpr": "CASE", "CoalesceExpr": "COALESCE",
    "SQLValueFunction": "the current time or user", "A_ArrayExpr": "an array here", "A_Indirection": "a subscript",
}  # fmt: skip


def _operator(operator: str) -> str:
    return f"OPERATOR(pg_catalog.{operator})"


def _binary(left: str, operator: str, right: str) -> str:
    return f"({left} {_operator(operator)} {right})"


def _constant(body: Node) -> str:
    if body.get("isnull"):
        return "NULL"
    if "ival" in body:
        return f"({body['ival'].get('ival', 0)})"
    if "fval" in body:
        return f"({body['fval']['fval']})"
    if "boolval" in body:
        return "true" if body["boolval"].get("boolval") else "false"
    if "sval" in body:
        return quote_literal(body["sval"].get("sval", ""))
    raise RowRuleError("a row rule has no bit strings")


def _scalar(value: AttributeValue) -> str:
    """An attribute as a literal of unknown type where it is a text, so that it becomes what it is compared with."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"({value})"
    if isinstance(value, tuple):
        raise _WrongValueError("a list goes into IN (…) or = ANY (…)")
    return quote_literal(value)


def _plain(value: str | int | bool) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
