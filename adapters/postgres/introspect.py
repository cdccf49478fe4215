"""Reads the catalogue of a database into a `Snapshot`: a handful of set-based queries in one read-only transaction.

Works on PostgreSQL 13 to 18 (what came later than 13 is chosen by `server_version_num`). Every name in the queries is
qualified and `search_path` is pg_catalog alone, so that nothing of a user is ever called and `format_type` qualifies
what is not built in. The connection is the gateway's own, and nobody else uses it meanwhile.
"""

from __future__ import annotations

import asyncpg

from adapters.postgres import introspect_objects as objects
from adapters.postgres import introspect_queries as queries
from adapters.postgres import introspect_relations as relations
from adapters.postgres.catalog import Snapshot
from adapters.postgres.extensions import TRUSTED_EXTENSIONS
from adapters.postgres.managed.state import installed
from adapters.postgres.sql.allow import CATALOG_HIDDEN_COLUMNS, CATALOG_ROW_FILTERS

OLDEST = 130000


async def introspect(connection: asyncpg.Connection) -> Snapshot:
    """The catalogue as the gateway's login sees it. Raises asyncpg's errors, and ValueError for a server before 13."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        search_path = await connection.fetchval(queries.SEARCH_PATH)
        await connection.execute("SET LOCAL search_path = pg_catalog; SET LOCAL jit = off")
        start = await connection.fetchrow(queries.SESSION)
        version = int(start["version"])
        if version < OLDEST:
            raise ValueError(f"PostgreSQL 13 or later is needed, and this server is {start['shown']}")
        # A catalogue that was just filled has no statistics yet: nested loops over it take seconds instead of ms.
        await connection.execute("SET LOCAL enable_nestloop = off")
        found = {name: await connection.fetch(text) for name, text in queries.texts(version).items()}
        system = sorted(CATALOG_HIDDEN_COLUMNS.keys() | CATALOG_ROW_FILTERS.keys())
        system_columns = await connection.fetch(queries.SYSTEM_COLUMNS, system)
        functions = await connection.fetch(queries.FUNCTIONS, sorted(TRUSTED_EXTENSIONS))
        operators = await connection.fetch(queries.OPERATORS, sorted(TRUSTED_EXTENSIONS))
        given = await installed(connection)
    judged = objects.judge(functions, operators)
    return Snapshot(
        relations=relations.build(found),
        schemas=frozenset(r["nspname"] for r in found["schemas"]),
        functions=judged.functions,
        user_functions=judged.user_functions,
        user_operators=judged.user_operators,
        shadowing_operators=judged.shadowing_operators,
        user_types=objects.types(found["types"]),
        parameter_types=objects.parameter_types(found["types"]),
        user_casts=objects.casts(found["casts"]),
        enums={(r["nspname"], r["typname"]): tuple(r["labels"]) for r in found["enums"]},
        extensions={r["extname"]: r["nspname"] for r in found["extensions"]},
        extension_functions=judged.extension_functions,
        extension_operators=judged.extension_operators,
        system_relations=frozenset(r["relname"] for r in found["system_relations"]),
        system_columns=relations.system_columns(system_columns),
        server_version=version,
        database=start["database"],
        default_search_path=tuple(search_path),
        login=objects.login(start),
        installed=given,
    )
