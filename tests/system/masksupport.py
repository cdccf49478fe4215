"""Columns of real tables as the masks need to know them, read from the database itself."""

from __future__ import annotations

from typing import Any

from adapters.postgres.sql.columntype import ColumnType


def column_type(connection: Any, table: str, column: str) -> ColumnType:
    """The type of a column, read as the introspection reads it: with search_path = pg_catalog."""
    with connection.transaction():
        connection.execute("SET LOCAL search_path = pg_catalog")
        row = connection.execute(
            """WITH RECURSIVE chain AS (
                 SELECT a.atttypid AS oid, a.atttypmod AS typmod, 0 AS depth FROM pg_attribute a
                  WHERE a.attrelid = to_regclass(%(table)s) AND a.attname = %(column)s
                 UNION ALL
                 SELECT t.typbasetype, t.typtypmod, depth + 1 FROM chain JOIN pg_type t ON t.oid = chain.oid
                  WHERE t.typtype = 'd')
               SELECT format_type(a.atttypid, a.atttypmod), b.typname, format_type(base.oid, base.typmod),
                      base.typmod, base.depth > 0,
                      (SELECT quote_ident(n.nspname) || '.' || quote_ident(c.collname) FROM pg_collation c
                         JOIN pg_namespace n ON n.oid = c.collnamespace
                        WHERE c.oid = a.attcollation AND c.oid <> b.typcollation)
                 FROM pg_attribute a
                 JOIN (SELECT * FROM chain ORDER BY depth DESC LIMIT 1) base ON true
                 JOIN pg_type b ON b.oid = base.oid
                WHERE a.attrelid = to_regclass(%(table)s) AND a.attname = %(column)s""",
            {"table": table, "column": column},
        ).fetchone()
    sql, base, base_sql, typmod, domain, collation = row
    length = typmod - 4 if base in ("varchar", "bpchar") and typmod >= 4 else None
    return ColumnType(sql, base, length, collation, domain, base_sql if domain else "")
