"""Relations of the system catalogue that are shown in part: hidden columns are NULL, hidden rows are left out.

DBeaver and others read `c.*` of pg_class and pg_proc, so that refusing the hidden columns would lock them out; with
this text in place of the relation they see everything but those.
"""

from __future__ import annotations

from adapters.postgres.sql.allow_relations import CATALOG_HIDDEN_COLUMNS, CATALOG_ROW_FILTERS
from adapters.postgres.sql.quote import quote_ident

_SPELLED = {"anyarray": "pg_catalog.anyarray", "pg_node_tree": "pg_catalog.pg_node_tree"}


def needs_veil(relation: str) -> bool:
    """Whether `schema.name` may be read only through `veiled`."""
    return relation in CATALOG_HIDDEN_COLUMNS or relation in CATALOG_ROW_FILTERS


def veiled(relation: str, columns: tuple[tuple[str, str], ...], system_columns: tuple[str, ...] = ()) -> str:
    """`(SELECT … FROM "pg_catalog"."pg_class" [WHERE …])` for `schema.name`.

    `columns`: (name, type) of all its columns in order, from `Snapshot.system_columns`; `system_columns`: such as
    `tableoid`, where the statement names them.
    """
    schema, name = relation.split(".", 1)
    hidden = CATALOG_HIDDEN_COLUMNS.get(relation, frozenset())
    shown = [quote_ident(column) for column in system_columns]
    shown += [
        f"NULL::{_SPELLED.get(type_, type_)} AS {quote_ident(column)}" if column in hidden else quote_ident(column)
        for column, type_ in columns
    ]
    condition = CATALOG_ROW_FILTERS.get(relation)
    where = f" WHERE {condition}" if condition else ""
    return f"(SELECT {', '.join(shown)} FROM {quote_ident(schema)}.{quote_ident(name)}{where})"
