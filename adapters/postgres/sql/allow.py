"""What a restricted persona may use of PostgreSQL itself: allow-lists as data. What is not here is refused.

The lists were made from the system catalogue of PostgreSQL 18 and read by hand, name by name; the tests hold each name
against a real server. They apply to personas that see masks; an unrestricted persona is not asked. Names are bare
names of `pg_catalog`; that a user's function or operator shadows one is for the caller to notice (`Snapshot`).
"""

from __future__ import annotations

from adapters.postgres.sql.allow_functions import (
    AGGREGATES,
    FUNCTIONS,
    INFORMATION_SCHEMA_FUNCTIONS,
    REVIEWED_VOLATILE,
    SPECIAL_FUNCTIONS,
    WINDOW_FUNCTIONS,
)
from adapters.postgres.sql.allow_never_raising import (
    NEVER_RAISING_FUNCTIONS,
    NEVER_RAISING_OPERATORS,
    comparison_never_raises,
)
from adapters.postgres.sql.allow_relations import (
    CATALOG_DENIED,
    CATALOG_HIDDEN_COLUMNS,
    CATALOG_RELATIONS,
    CATALOG_ROW_FILTERS,
)
from adapters.postgres.sql.allow_settings import SETTINGS, Setting, search_path_is_plain
from adapters.postgres.sql.allow_shaping import SHAPING_FUNCTIONS, SHAPING_OPERATORS
from adapters.postgres.sql.allow_types import INFORMATION_SCHEMA_TYPES, SQL_VALUE_FUNCTIONS, TYPE_NAMES, TYPES

__all__ = [
    "AGGREGATES",
    "CATALOG_DENIED",
    "CATALOG_HIDDEN_COLUMNS",
    "CATALOG_RELATIONS",
    "CATALOG_ROW_FILTERS",
    "FUNCTIONS",
    "INFORMATION_SCHEMA_FUNCTIONS",
    "INFORMATION_SCHEMA_TYPES",
    "NEVER_RAISING_FUNCTIONS",
    "NEVER_RAISING_OPERATORS",
    "REVIEWED_VOLATILE",
    "SETTINGS",
    "SHAPING_FUNCTIONS",
    "SHAPING_OPERATORS",
    "SPECIAL_FUNCTIONS",
    "SQL_VALUE_FUNCTIONS",
    "TYPES",
    "TYPE_NAMES",
    "WINDOW_FUNCTIONS",
    "Setting",
    "comparison_never_raises",
    "search_path_is_plain",
]
