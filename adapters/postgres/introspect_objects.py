"""Rows of `introspect_queries` made into functions, operators, types, casts and the login. Pure.

The judgement is here which functions of extensions a restricted persona may call; everything else outside pg_catalog
is a user's and callable only where the policy lists it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from adapters.postgres.catalog import Cast, Function, Login
from adapters.postgres.extensions import EXTENSION_FUNCTIONS_DENIED, TRUSTED_EXTENSIONS

Row: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = Sequence[Row]

_COMPUTING = frozenset({"c", "internal", "sql"})
_CONTEXTS = {"e": "explicit", "a": "assignment", "i": "implicit"}


@dataclass(frozen=True, slots=True)
class Judged:
    functions: tuple[Function, ...]
    """Those of users, not of trusted extensions."""
    user_functions: frozenset[str]
    user_operators: frozenset[str]
    shadowing_operators: frozenset[str]
    extension_functions: frozenset[str]
    extension_operators: frozenset[tuple[str, str]]


def judge(functions: Rows, operators: Rows) -> Judged:
    """Split functions and operators into those that a trusted extension vouches for and all others.

    A name of both kinds is in both sets; the caller treats it as a user's.
    """
    users = [row for row in functions if not only_computes(row)]
    untrusted = {row["proname"] for row in users}
    vouched: set[tuple[str, str]] = set()
    symbols: set[str] = set()
    shadowing: set[str] = set()
    for row in operators:
        if row["trusted"] is None or row["function"] is None or row["function"] in untrusted:
            symbols.add(row["oprname"])
            if row["shadows"]:
                shadowing.add(row["oprname"])
        else:
            vouched.add((row["nspname"], row["oprname"]))
    return Judged(
        functions=tuple(_function(row) for row in users if row["trusted"] is None),
        user_functions=frozenset(untrusted),
        user_operators=frozenset(symbols),
        shadowing_operators=frozenset(shadowing),
        extension_functions=frozenset(row["proname"] for row in functions if only_computes(row)),
        extension_operators=frozenset(vouched),
    )


def only_computes(row: Row) -> bool:
    """Whether a function belongs to a trusted extension and neither keeps state, nor runs SQL, nor changes identity."""
    extension = row["trusted"]
    if extension is None or row["prosecdef"] or row["trigger"] or row["language"] not in _COMPUTING:
        return False
    if row["proname"] in EXTENSION_FUNCTIONS_DENIED:
        return False
    return row["provolatile"] != "v" or row["proname"] in TRUSTED_EXTENSIONS[extension]


def _function(row: Row) -> Function:
    return Function(
        row["nspname"], row["proname"], row["identity"], row["prokind"], row["prosecdef"], row["callable"],
        row["returns"], row["trigger"], row["shadows"],
    )  # fmt: skip


def types(rows: Rows) -> dict[tuple[str, str], str]:
    """(schema, name) to `typtype`, `x` where casting would run a function of a user (a domain's check)."""
    return {(row["nspname"], row["typname"]): "x" if row["calls"] else row["typtype"] for row in rows}


def parameter_types(rows: Rows) -> frozenset[int]:
    """OIDs of the types, and of arrays of them, whose values no function of a user makes."""
    return frozenset(row[oid] for row in rows if not row["calls"] and row["typtype"] != "p" for oid in ("oid", "array"))


def casts(rows: Rows) -> tuple[Cast, ...]:
    return tuple(
        Cast(
            row["source"], row["target"], row["function"], _CONTEXTS[row["context"]], row["called"],
            tuple(row["carriers"]), tuple(row["carrier_oids"]),
        )
        for row in rows
    )  # fmt: skip


def login(row: Row) -> Login:
    """The role behind the connection, from `introspect_queries.SESSION`."""
    return Login(
        row["login"], row["rolsuper"], row["rolbypassrls"], row["rolreplication"], row["rolcreaterole"],
        row["rolcreatedb"], row["encrypted"], row["local"], tuple(row["member_of"]),
    )  # fmt: skip
