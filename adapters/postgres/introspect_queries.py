"""The texts of `introspect.py`. Source: "Chapter 52. System Catalogs" of the PostgreSQL manual, versions 13 to 18."""

from __future__ import annotations

from adapters.postgres.managed.names import OWN_SCHEMA

_USER_SCHEMA = (
    (
        "n.nspname <> ALL ('{{pg_catalog,information_schema,pg_toast}}'::name[]) AND n.nspname !~ '^pg_(toast_)?temp_'"
        f" AND n.nspname !~ '{OWN_SCHEMA}'"  # what `menshen install` made stands for tables, and is none
    )
    .replace("{{", "{")
    .replace("}}", "}")
)

SEARCH_PATH = "SELECT pg_catalog.current_schemas(false)::pg_catalog.text[]"
"""Sent before search_path is set, hence qualified; the schemas that exist, `$user` expanded."""

SESSION = """
SELECT current_setting('server_version_num')::int4 AS version, current_setting('server_version') AS shown,
       current_database()::text AS database, r.rolname::text AS login, r.rolsuper, r.rolbypassrls, r.rolreplication,
       r.rolcreaterole, r.rolcreatedb,
       COALESCE((SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()), false) AS encrypted,
       COALESCE(inet_server_addr() <<= '127.0.0.0/8' OR inet_server_addr() = '::1', true) AS local,
       ARRAY(SELECT m.rolname::text FROM pg_roles m
             WHERE m.rolname = ANY ('{pg_read_all_data,pg_write_all_data,pg_read_server_files,pg_write_server_files,
               pg_execute_server_program,pg_read_all_stats,pg_monitor,pg_read_all_settings,pg_signal_backend,
               pg_maintain,pg_create_subscription}'::name[])
               AND NOT r.rolsuper AND pg_has_role(r.oid, m.oid, 'MEMBER') ORDER BY 1) AS member_of
FROM pg_roles r WHERE r.rolname = CURRENT_USER
"""

SCHEMAS = f"SELECT n.nspname::text FROM pg_namespace n WHERE {_USER_SCHEMA}"

_RELATIONS = """
SELECT n.nspname::text, c.relname::text, c.oid::int8, c.relkind::text, c.relispartition, c.relrowsecurity,
       pg_get_userbyid(c.relowner)::text AS owner, obj_description(c.oid, 'pg_class') AS comment,
       GREATEST(c.reltuples, 0)::int8 AS estimated, {invoker} AS security_invoker
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = ANY ('{{r,p,v,m,f}}'::"char"[]) AND {user_schema}
"""

# The chain of domains is followed to its end; the typmod of the innermost domain is the one that counts.
COLUMNS = f"""
WITH RECURSIVE chain (oid, base, typmod) AS (
    SELECT t.oid, t.typbasetype, t.typtypmod FROM pg_type t WHERE t.typtype = 'd'
    UNION ALL
    SELECT c.oid, t.typbasetype, t.typtypmod FROM chain c JOIN pg_type t ON t.oid = c.base WHERE t.typtype = 'd'
), domains AS (
    SELECT c.oid, c.base, c.typmod FROM chain c JOIN pg_type t ON t.oid = c.base WHERE t.typtype <> 'd'
), owned AS (
    SELECT DISTINCT ON (1, 2) d.attrelid, d.attnum, s.relname, sn.nspname
    FROM (SELECT objid AS seq, refobjid AS attrelid, refobjsubid AS attnum, 1 AS rank FROM pg_depend
          WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND refobjsubid > 0
            AND deptype = ANY ('{{a,i}}'::"char"[])
          UNION ALL
          SELECT d.refobjid, a.adrelid, a.adnum, 0 FROM pg_attrdef a JOIN pg_depend d
            ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_class'::regclass) d
    JOIN pg_class s ON s.oid = d.seq AND s.relkind = 'S' JOIN pg_namespace sn ON sn.oid = s.relnamespace
    ORDER BY 1, 2, d.rank
)
SELECT a.attrelid::int8, a.attname::text, a.attnum, a.atttypid::int8, a.atttypmod, a.attnotnull,
       a.attgenerated <> '' AS generated, a.attidentity <> '' AS identity,
       a.atthasdef AND a.attgenerated = '' AS has_default,
       format_type(a.atttypid, a.atttypmod) AS sql,
       CASE WHEN d.oid IS NOT NULL THEN format_type(d.base, d.typmod) END AS base_sql,
       bt.typname::text AS base, COALESCE(d.typmod, a.atttypmod) AS base_typmod, d.oid IS NOT NULL AS domain,
       CASE WHEN a.attcollation <> 0 AND a.attcollation <> CASE WHEN bt.typname = 'name' THEN 950 ELSE 100 END
            THEN quote_ident(cn.nspname) || '.' || quote_ident(co.collname) END AS collation,
       o.nspname::text AS sequence_schema, o.relname::text AS sequence_name,
       p.description AS comment
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN domains d ON d.oid = a.atttypid
JOIN pg_type bt ON bt.oid = COALESCE(d.base, a.atttypid)
LEFT JOIN pg_collation co ON co.oid = a.attcollation
LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
LEFT JOIN owned o ON o.attrelid = a.attrelid AND o.attnum = a.attnum
LEFT JOIN pg_description p ON p.classoid = 'pg_class'::regclass AND p.objoid = a.attrelid AND p.objsubid = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind = ANY ('{{r,p,v,m,f}}'::"char"[]) AND {_USER_SCHEMA}
ORDER BY a.attrelid, a.attnum
""".replace("{{", "{").replace("}}", "}")

KEYS = """
SELECT i.indrelid::int8, i.indisprimary, ARRAY(
           SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, position)
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
           WHERE k.position <= i.indnkeyatts ORDER BY k.position) AS columns
FROM pg_index i
WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indrelid >= 16384
ORDER BY i.indrelid, i.indexrelid
"""

PARENTS = "SELECT i.inhrelid::int8, i.inhparent::int8 FROM pg_inherits i ORDER BY i.inhrelid, i.inhseqno"

TRIGGERS = "SELECT t.tgrelid::int8, t.tgname::text FROM pg_trigger t WHERE NOT t.tgisinternal ORDER BY 1, 2"

RULES = """
SELECT r.ev_class::int8, r.rulename::text FROM pg_rewrite r
WHERE r.rulename <> '_RETURN' AND r.ev_class >= 16384 ORDER BY 1, 2
"""

READS = """
SELECT DISTINCT r.ev_class::int8, d.refobjid::int8, a.attname::text
FROM pg_rewrite r
JOIN pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
JOIN pg_depend d
  ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE r.rulename = '_RETURN' AND r.ev_class >= 16384 AND d.refobjsubid > 0 AND d.refobjid <> r.ev_class ORDER BY 1, 2, 3
"""

_MADE = """made (oid, of) AS (
    SELECT t.oid, t.typbasetype FROM pg_type t WHERE t.typtype = 'd'
    UNION ALL SELECT t.oid, t.typelem FROM pg_type t WHERE t.typelem <> 0
    UNION ALL SELECT r.rngtypid, r.rngsubtype FROM pg_range r
    UNION ALL SELECT m.oid, d.refobjid FROM pg_type m JOIN pg_depend d ON d.classid = 'pg_type'::regclass
      AND d.objid = m.oid AND d.refclassid = 'pg_type'::regclass WHERE m.typtype = 'm'
    UNION ALL SELECT c.reltype, a.atttypid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
      WHERE c.reltype <> 0 AND NOT a.attisdropped
)"""

# Arrays and the row types of tables are left out: the first follow their elements, the second are relations.
# A domain's CHECK that calls a function of a user, itself or behind an operator; and what is made of such a domain.
TYPES = f"""
WITH RECURSIVE {_MADE}, calling (oid) AS (
    SELECT k.contypid FROM pg_constraint k JOIN pg_depend d ON d.classid = 'pg_constraint'::regclass AND d.objid = k.oid
    WHERE k.contypid <> 0 AND d.refobjid >= 16384 AND (d.refclassid = 'pg_proc'::regclass
       OR d.refclassid = 'pg_operator'::regclass AND NOT EXISTS (SELECT FROM pg_depend e
            WHERE e.classid = 'pg_operator'::regclass AND e.objid = d.refobjid AND e.deptype = 'e'))
    UNION SELECT m.oid FROM calling c JOIN made m ON m.of = c.oid
)
SELECT n.nspname::text, t.typname::text, t.typtype::text, t.oid IN (SELECT oid FROM calling) AS calls,
       t.oid::int8 AS oid, t.typarray::int8 AS array
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE {_USER_SCHEMA} AND NOT (t.typelem <> 0 AND t.typlen = -1 AND t.typcategory = 'A')
  AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
"""

ENUMS = f"""
SELECT n.nspname::text, t.typname::text, array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS labels
FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE {_USER_SCHEMA} GROUP BY 1, 2
"""

EXTENSIONS = "SELECT e.extname::text, n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"

# `root`: the type without which a cast cannot happen, the one of a user; `carriers`: what its values come in.
CASTS = f"""
WITH RECURSIVE {_MADE}, casts AS (
    SELECT c.*, CASE WHEN s.typnamespace <> 'pg_catalog'::regnamespace THEN c.castsource
                     WHEN t.typnamespace <> 'pg_catalog'::regnamespace THEN c.casttarget END AS root
    FROM pg_cast c JOIN pg_type s ON s.oid = c.castsource JOIN pg_type t ON t.oid = c.casttarget
    LEFT JOIN pg_depend d ON d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    WHERE c.oid >= 16384 AND d.objid IS NULL
), carrying (root, oid) AS (
    SELECT root, root FROM casts WHERE root IS NOT NULL AND castfunc <> 0
    UNION SELECT c.root, m.oid FROM carrying c JOIN made m ON m.of = c.oid
)
SELECT format_type(c.castsource, NULL) AS source, format_type(c.casttarget, NULL) AS target,
       CASE WHEN c.castfunc <> 0 THEN c.castfunc::regprocedure::text ELSE '' END AS function,
       COALESCE(n.nspname || '.' || p.proname, '') AS called, c.castcontext::text AS context,
       ARRAY(SELECT kn.nspname || '.' || kt.typname FROM carrying k JOIN pg_type kt ON kt.oid = k.oid
             JOIN pg_namespace kn ON kn.oid = kt.typnamespace WHERE k.root = c.root ORDER BY 1) AS carriers,
       ARRAY(SELECT k.oid::int8 FROM carrying k WHERE k.root = c.root ORDER BY 1) AS carrier_oids
FROM casts c LEFT JOIN pg_proc p ON p.oid = c.castfunc LEFT JOIN pg_namespace n ON n.oid = p.pronamespace ORDER BY 1, 2
"""

SYSTEM_RELATIONS = """
SELECT c.relname::text FROM pg_class c
WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v')
"""

SYSTEM_COLUMNS = """
SELECT n.nspname || '.' || c.relname AS relation, a.attname::text, format_type(a.atttypid, a.atttypmod) AS sql
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname || '.' || c.relname = ANY ($1::text[]) ORDER BY c.oid, a.attnum
"""

# $1: the trusted extensions. A function of pg_catalog that is not from initdb counts as a user's, too.
FUNCTIONS = """
SELECT n.nspname::text, p.proname::text, p.prokind::text, p.provolatile::text, p.prosecdef, l.lanname::text AS language,
       n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS identity,
       format_type(p.prorettype, NULL) AS returns,
       p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) AS trigger,
       has_function_privilege(p.oid, 'EXECUTE') AND has_schema_privilege(n.oid, 'USAGE') AS callable,
       EXISTS (SELECT FROM pg_proc s WHERE s.proname = p.proname AND s.oid < 16384
                 AND s.pronamespace = 'pg_catalog'::regnamespace) AS shadows,
       CASE WHEN e.extname = ANY ($1::text[]) THEN e.extname::text END AS trusted
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang
LEFT JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_extension'::regclass
  AND d.deptype = 'e'
LEFT JOIN pg_extension e ON e.oid = d.refobjid
WHERE p.oid >= 16384 OR n.nspname <> ALL ('{pg_catalog,information_schema}'::name[])
ORDER BY identity
"""

OPERATORS = """
SELECT DISTINCT n.nspname::text, o.oprname::text, o.oprcode::oid::int8 AS code, p.proname::text AS function,
       EXISTS (SELECT FROM pg_operator s WHERE s.oprname = o.oprname AND s.oid < 16384
                 AND s.oprnamespace = 'pg_catalog'::regnamespace) AS shadows,
       CASE WHEN e.extname = ANY ($1::text[]) THEN e.extname::text END AS trusted
FROM pg_operator o
JOIN pg_namespace n ON n.oid = o.oprnamespace
LEFT JOIN pg_proc p ON p.oid = o.oprcode::oid
LEFT JOIN pg_depend d ON d.classid = 'pg_operator'::regclass AND d.objid = o.oid AND d.deptype = 'e'
  AND d.refclassid = 'pg_extension'::regclass
LEFT JOIN pg_extension e ON e.oid = d.refobjid
WHERE o.oid >= 16384 OR n.nspname <> ALL ('{pg_catalog,information_schema}'::name[])
"""


def texts(version: int) -> dict[str, str]:
    """The queries without parameters, by what they read, for a server of this `server_version_num`."""
    # security_invoker came with 15; before, every view runs with the rights of its owner.
    invoker = "COALESCE('security_invoker=true' = ANY (c.reloptions), false)" if version >= 150000 else "false"
    return {
        "schemas": SCHEMAS,
        "relations": _RELATIONS.format(invoker=invoker, user_schema=_USER_SCHEMA),
        "columns": COLUMNS,
        "keys": KEYS,
        "parents": PARENTS,
        "triggers": TRIGGERS,
        "rules": RULES,
        "reads": READS,
        "types": TYPES,
        "enums": ENUMS,
        "extensions": EXTENSIONS,
        "casts": CASTS,
        "system_relations": SYSTEM_RELATIONS,
    }
