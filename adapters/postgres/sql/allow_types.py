"""Built-in types that a restricted persona may cast to, and the functions that SQL writes without parentheses."""

from __future__ import annotations

from adapters.postgres.sql.words import words

TYPES = words("""
    bit bool box bpchar bytea char cid cidr circle date datemultirange daterange float4 float8 inet int2
    int2vector int4 int4multirange int4range int8 int8multirange int8range interval json jsonb jsonpath line
    lseg macaddr macaddr8 money name numeric nummultirange numrange oid oidvector path pg_lsn pg_snapshot point
    polygon regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure
    regrole regtype text tid time timestamp timestamptz timetz tsmultirange tsquery tsrange tstzmultirange
    tstzrange tsvector txid_snapshot uuid varbit varchar xid xid8 xml aclitem
""")
"""`reg*` look names up in the catalogue, which is open anyway, and psql, Rails and Django send them. Not here:
pseudo-types (`record`, the `any` family), `refcursor` (names a cursor), `pg_node_tree`, the types of statistics."""

TYPE_NAMES = {
    "bool": "boolean",
    "bpchar": "character",
    "float4": "real",
    "float8": "double precision",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "time": "time without time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "timetz": "time with time zone",
    "varbit": "bit varying",
    "varchar": "character varying",
}
"""Internal name → the name that `format_type` prints, where they differ."""

INFORMATION_SCHEMA_TYPES = frozenset({"cardinal_number", "character_data", "sql_identifier", "time_stamp", "yes_or_no"})

SQL_VALUE_FUNCTIONS = words("""
    SVFOP_CURRENT_DATE SVFOP_CURRENT_TIME SVFOP_CURRENT_TIME_N SVFOP_CURRENT_TIMESTAMP SVFOP_CURRENT_TIMESTAMP_N
    SVFOP_LOCALTIME SVFOP_LOCALTIME_N SVFOP_LOCALTIMESTAMP SVFOP_LOCALTIMESTAMP_N SVFOP_CURRENT_ROLE
    SVFOP_CURRENT_USER SVFOP_USER SVFOP_SESSION_USER SVFOP_CURRENT_CATALOG SVFOP_CURRENT_SCHEMA
""")
"""All that the grammar of PostgreSQL 18 knows (`SQLValueFunctionOp`)."""
