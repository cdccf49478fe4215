"""What of Menshen is in a database: read from its catalogue, as lines that are the same as long as nobody meddles.

All queries run with `search_path = pg_catalog`, so that every name of somebody else is qualified in what they give.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import asyncpg

from adapters.postgres.managed.names import HOME, OWN_SCHEMA, ROLE_MARK

_OWN: Final = f"n.nspname ~ '{OWN_SCHEMA}'"
_ROLES: Final = f"""
SELECT r.oid, r.rolname FROM pg_roles r
WHERE shobj_description(r.oid, 'pg_authid') = '{ROLE_MARK}' || current_database()
"""
_SCHEMAS: Final = f"""
SELECT n.nspname::text FROM pg_namespace n WHERE {_OWN} AND n.nspowner IN (SELECT oid FROM ({_ROLES}) o) ORDER BY 1
"""
_FOREIGN_SCHEMAS: Final = f"""
SELECT n.nspname::text FROM pg_namespace n WHERE {_OWN} AND n.nspowner NOT IN (SELECT oid FROM ({_ROLES}) o) ORDER BY 1
"""
_READABLE: Final = f"""
SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = '{HOME}' AND c.relname = 'version' AND c.relowner IN (SELECT oid FROM ({_ROLES}) o)
                 AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
"""
# One line for each object of ours, and for each right of a role of ours on somebody else's.
_STATE: Final = f"""
WITH own AS ({_ROLES}), spaces AS (SELECT n.oid, n.nspname FROM pg_namespace n WHERE {_OWN}),
rights AS (
    SELECT 'relation ' || c.oid::regclass AS object, c.relacl AS acl FROM pg_class c
    WHERE c.relacl IS NOT NULL AND c.relnamespace NOT IN (SELECT oid FROM spaces)
    UNION ALL
    SELECT 'column ' || a.attrelid::regclass || '.' || quote_ident(a.attname), a.attacl FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    WHERE a.attacl IS NOT NULL AND c.relnamespace NOT IN (SELECT oid FROM spaces)
    UNION ALL
    SELECT 'schema ' || quote_ident(n.nspname), n.nspacl FROM pg_namespace n
    WHERE n.nspacl IS NOT NULL AND n.oid NOT IN (SELECT oid FROM spaces)
    UNION ALL
    SELECT 'function ' || p.oid::regprocedure, p.proacl FROM pg_proc p
    WHERE p.proacl IS NOT NULL AND p.pronamespace NOT IN (SELECT oid FROM spaces)
    UNION ALL
    SELECT 'database', d.datacl FROM pg_database d WHERE d.datname = current_database()
)
SELECT 'role ' || quote_ident(r.rolname) AS object,
       concat_ws(' ', r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication,
                 r.rolbypassrls, r.rolvaliduntil, (SELECT string_agg(s.setconfig::text, ' ' ORDER BY s.setdatabase)
                                                  FROM pg_db_role_setting s WHERE s.setrole = r.oid)) AS state
FROM pg_roles r WHERE r.oid IN (SELECT oid FROM own)
UNION ALL
SELECT 'member ' || quote_ident(m.rolname) || ' of ' || quote_ident(g.rolname), ''
FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member JOIN pg_roles g ON g.oid = a.roleid
WHERE a.member IN (SELECT oid FROM own) OR a.roleid IN (SELECT oid FROM own)
GROUP BY m.rolname, g.rolname
UNION ALL
SELECT 'schema ' || quote_ident(n.nspname), concat_ws(' ', pg_get_userbyid(n.nspowner), n.nspacl)
FROM pg_namespace n WHERE n.oid IN (SELECT oid FROM spaces)
UNION ALL
SELECT 'relation ' || c.oid::regclass,
       concat_ws(' ', c.relkind, pg_get_userbyid(c.relowner), c.reloptions, c.relacl,
                 (SELECT string_agg(a.attname || '=' || a.attacl::text, ' ' ORDER BY a.attnum) FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL),
                 CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END)
FROM pg_class c WHERE c.relnamespace IN (SELECT oid FROM spaces) AND c.relkind NOT IN ('i', 'I')
UNION ALL
SELECT 'function ' || p.oid::regprocedure,
       concat_ws(' ', pg_get_userbyid(p.proowner), p.prosecdef, p.proconfig, p.proacl, p.prosrc)
FROM pg_proc p WHERE p.pronamespace IN (SELECT oid FROM spaces)
UNION ALL
SELECT 'right of ' || quote_ident(o.rolname) || ' on ' || r.object,
       string_agg(x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ' ' ORDER BY x.privilege_type)
FROM rights r CROSS JOIN LATERAL aclexplode(r.acl) x JOIN own o ON o.oid = x.grantee GROUP BY o.rolname, r.object
ORDER BY 1
"""
# Whatever way the right came: PUBLIC, a membership, a default.
_REACHED: Final = f"""
SELECT DISTINCT o.rolname::text AS role, c.oid::regclass::text AS reached
FROM ({_ROLES}) o JOIN pg_roles r ON r.oid = o.oid AND r.rolcanlogin
CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.oid >= 16384 AND NOT {_OWN} AND n.nspname !~ '^pg_'
  AND n.nspname <> 'information_schema' AND has_schema_privilege(o.oid, n.oid, 'USAGE')
  AND (has_table_privilege(o.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
       OR has_any_column_privilege(o.oid, c.oid, 'SELECT, INSERT, UPDATE'))
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
UNION
SELECT DISTINCT o.rolname::text, p.oid::regprocedure::text
FROM ({_ROLES}) o JOIN pg_roles r ON r.oid = o.oid AND r.rolcanlogin
CROSS JOIN pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND p.oid >= 16384 AND NOT {_OWN} AND n.nspname !~ '^pg_'
  AND p.prorettype <> 'trigger'::regtype
  AND has_schema_privilege(o.oid, n.oid, 'USAGE') AND has_function_privilege(o.oid, p.oid, 'EXECUTE')
ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Version:
    """The row that says what was installed last."""

    menshen: str
    bundle: str
    digest: str
    secret: str


@dataclass(frozen=True)
class Found:
    """What is in the database."""

    roles: tuple[str, ...]
    schemas: tuple[str, ...]
    foreign_schemas: tuple[str, ...]
    """Schemas with names like ours that belong to somebody else."""
    version: Version | None
    state: Mapping[str, str]
    """By object."""
    recorded: Mapping[str, str]
    """The same, as it was right after the installation."""
    reached: tuple[tuple[str, str], ...]
    """(role, table or SECURITY DEFINER function) that a persona reaches beside its views."""

    @property
    def drift(self) -> tuple[str, ...]:
        """Objects that were changed, added or dropped since the installation, in words."""
        out = [f"{name} is gone" for name in self.recorded.keys() - self.state.keys()]
        out += [f"{name} was added" for name in self.state.keys() - self.recorded.keys()]
        both = self.recorded.keys() & self.state.keys()
        out += [f"{name} was changed" for name in both if self.recorded[name] != self.state[name]]
        return tuple(sorted(out))


async def find(connection: asyncpg.Connection) -> Found:
    """Raises what asyncpg raises. Leaves the settings of the connection as they were."""
    async with connection.transaction():
        await connection.execute("SET LOCAL search_path = pg_catalog")
        version, recorded = None, {}
        if await connection.fetchval(_READABLE):
            row = await connection.fetchrow(f"SELECT menshen, bundle, digest, secret FROM {HOME}.version")
            version = None if row is None else Version(*row)
            recorded = dict(await connection.fetch(f"SELECT object, state FROM {HOME}.objects"))
        return Found(
            tuple(str(row["rolname"]) for row in await connection.fetch(f"{_ROLES} ORDER BY 2")),
            tuple(row[0] for row in await connection.fetch(_SCHEMAS)),
            tuple(row[0] for row in await connection.fetch(_FOREIGN_SCHEMAS)),
            version,
            dict(await connection.fetch(_STATE)),
            recorded,
            tuple((row[0], row[1]) for row in await connection.fetch(_REACHED)),
        )


async def installed(connection: asyncpg.Connection) -> dict[str, str]:
    """A persona's role to the digest of what it got; empty where nothing is installed, or it may not be read.

    `search_path` must be pg_catalog.
    """
    if not await connection.fetchval(_READABLE):
        return {}
    return dict(await connection.fetch(f"SELECT role, digest FROM {HOME}.personas"))
