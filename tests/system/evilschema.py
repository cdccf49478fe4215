"""A schema with functions, operators and types of the names that rendered SQL uses: each raises or misleads."""

from __future__ import annotations

import itertools
import re
from typing import Any

_TYPES = (
    "text",
    "varchar",
    "bpchar",
    "int4",
    "int8",
    "date",
    "timestamp",
    "timestamptz",
    "numeric",
    "interval",
    "bool",
)
_OPERATORS = ("=", "<>", "<", "<=", ">", ">=", "||", "~~", "!~~", "+", "-", "~", "!~")
_NAMES = ("text", "date", "bytea", "uuid", "inet", "int4", "int8", "numeric", "float8", "timestamp", "interval")
_RAISE = "LANGUAGE plpgsql AS $f$BEGIN RAISE EXCEPTION 'evil was called'; END$f$"

_FUNCTIONS = """
DO $$
DECLARE r record;
BEGIN
  FOR r IN SELECT proname, pg_get_function_identity_arguments(oid) AS args, prorettype::regtype::text AS result
             FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND NOT proretset
              AND proname = ANY (%(names)s)
  LOOP
    EXECUTE format('CREATE FUNCTION evil.%%I(%%s) RETURNS %%s {raise}', r.proname, r.args, r.result);
  END LOOP;
END$$
"""


def create_evil_schema(connection: Any, sql: str) -> None:
    """Shadow what `sql` calls. Call it as superuser; afterwards `SET search_path = evil, pg_catalog` is hostile."""
    names = sorted(set(re.findall(r"pg_catalog\.(\w+)\(", sql)))
    assert names
    connection.execute("CREATE SCHEMA evil")
    statement = _FUNCTIONS.replace("{raise}", _RAISE.replace("'", "''")).replace("%%", "%")
    connection.execute(statement.replace("%(names)s", f"'{{{','.join(names)}}}'"))
    pairs = list(itertools.product(_TYPES, repeat=2))
    script = [f"CREATE FUNCTION evil.op({left}, {right}) RETURNS bool {_RAISE}" for left, right in pairs]
    for (left, right), operator in itertools.product(pairs, _OPERATORS):
        script.append(f"CREATE OPERATOR evil.{operator} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = evil.op)")
    script += [f"CREATE DOMAIN evil.{name} AS pg_catalog.bool" for name in _NAMES]
    script.append('CREATE COLLATION evil."C" FROM pg_catalog."C"')
    connection.execute(";".join(script))
