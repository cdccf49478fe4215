"""Extensions whose functions and operators a restricted persona may use, as data.

An extension is here when its functions compute from their arguments and no more. Never here, for all their use: dblink,
postgres_fdw, file_fdw (other data), adminpack, lo, pageinspect, pgrowlocks, pg_visibility, pg_walinspect,
pg_buffercache, pg_freespacemap, pgstattuple, amcheck (files, pages), tablefunc, xml2 (run SQL that they get as text),
pg_stat_statements (other sessions' texts), sslinfo, and procedural languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from adapters.postgres.sql.words import words

TRUSTED_EXTENSIONS: Mapping[str, frozenset[str]] = MappingProxyType({
    "btree_gin": frozenset(),
    "btree_gist": frozenset(),
    "citext": frozenset(),
    "cube": frozenset(),
    "earthdistance": frozenset(),
    "fuzzystrmatch": frozenset(),
    "hstore": frozenset(),
    "intarray": frozenset(),
    "isn": frozenset(),
    "ltree": frozenset(),
    "pg_trgm": frozenset(),
    "pgcrypto": words("gen_random_bytes gen_random_uuid gen_salt pgp_pub_encrypt pgp_pub_encrypt_bytea pgp_sym_encrypt "
                      "pgp_sym_encrypt_bytea"),
    "postgis": frozenset(),
    "seg": frozenset(),
    "unaccent": frozenset(),
    "uuid-ossp": words("uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4"),
    "vector": frozenset(),
})  # fmt: skip
"""Name to those of its volatile functions that are harmless. Other volatile functions are not callable."""

EXTENSION_FUNCTIONS_DENIED = words("""
    st_estimatedextent st_estimated_extent find_srid postgis_full_version postgis_type_name postgis_constraint_srid
    postgis_constraint_dims postgis_constraint_type _postgis_stats _postgis_selectivity _postgis_join_selectivity
    _postgis_index_extent st_findextent st_find_extent postgis_extensions_upgrade isn_weak
""")
"""Functions of trusted extensions, not volatile, that read tables, statistics or settings all the same."""
