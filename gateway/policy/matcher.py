"""What a matcher is made of, so that rules which cannot match need not be shown to Casbin.

A matcher is compared as a syntax tree, after the replacements that Casbin makes (`CoreEnforcer._get_expression`). If
its leading conjuncts are the four of the stock matcher, then a rule that fails one of these is passed over by Casbin
before anything else of the matcher is evaluated (`and` stops at the first falsehood), and its absence changes nothing.
"""

from __future__ import annotations

import ast
import enum
import re

STOCK_CONJUNCTS = (
    '(p_sub == "*" or g(r_sub, p_sub))',
    '(p_purpose == "*" or g3(r_purpose, p_purpose))',
    '(p_obj == "*" or g2(r_obj, p_obj))',
    '(p_act == "*" or r_act == p_act)',
)


class Kind(enum.Enum):
    """How far a matcher is understood."""

    STOCK = "stock"
    """The four tests, in any order, and nothing else."""
    EXTENDED = "extended"
    """The four tests first, and then conditions of the customer's."""
    OTHER = "other"


def as_python(matcher: str) -> str:
    """The expression that Casbin evaluates."""
    return re.sub(r"!(?!=)", "not ", matcher.replace("&&", "and").replace("||", "or")).strip()


def kind_of(matcher: str) -> Kind:
    """`matcher` as Casbin keeps it: `r.` and `p.` already are `r_` and `p_`."""
    if re.search(r"\beval\(", matcher):
        return Kind.OTHER  # Casbin evaluates text from the rules there
    try:
        tree = ast.parse(as_python(matcher), mode="eval").body
    except SyntaxError:
        return Kind.OTHER
    found = [ast.dump(one) for one in _conjuncts(tree)]
    stock = {ast.dump(ast.parse(text, mode="eval").body) for text in STOCK_CONJUNCTS}
    if len(found) < len(stock) or set(found[: len(stock)]) != stock:
        return Kind.OTHER
    return Kind.STOCK if len(found) == len(stock) else Kind.EXTENDED


def names_of(matcher: str) -> set[str]:
    """Every name that the expression uses. Raises SyntaxError."""
    tree = ast.parse(as_python(matcher), mode="eval")
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _conjuncts(tree: ast.expr) -> list[ast.expr]:
    """The operands of the outermost `and`s, in the order of evaluation."""
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        return [one for value in tree.values for one in _conjuncts(value)]
    return [tree]
