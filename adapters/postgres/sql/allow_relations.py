"""Relations of the system catalogue that a restricted persona may read: they describe the schema, not the data.

Made from what psql, Django, SQLAlchemy, Rails, pgjdbc, Npgsql, Hibernate, DBeaver, pgAdmin, Metabase and Grafana
send. `CATALOG_DENIED` names what tools ask for and do not get, and why; a relation in neither is refused as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from adapters.postgres.sql.words import words

_PG_CATALOG = words("""
    pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_attribute pg_auth_members pg_available_extension_versions
    pg_available_extensions pg_cast pg_class pg_collation pg_constraint pg_conversion pg_database pg_default_acl
    pg_depend pg_description pg_enum pg_event_trigger pg_extension pg_foreign_data_wrapper pg_foreign_server
    pg_foreign_table pg_group pg_index pg_indexes pg_inherits pg_init_privs pg_language pg_matviews pg_namespace
    pg_opclass pg_operator pg_opfamily pg_parameter_acl pg_partitioned_table pg_policies pg_policy pg_proc
    pg_publication pg_publication_namespace pg_publication_rel pg_publication_tables pg_range pg_rewrite
    pg_roles pg_rules pg_seclabel pg_seclabels pg_sequence pg_sequences pg_shdepend pg_shdescription
    pg_shseclabel pg_statistic_ext pg_tables pg_tablespace pg_timezone_abbrevs pg_timezone_names pg_transform
    pg_trigger pg_ts_config pg_ts_config_map pg_ts_dict pg_ts_parser pg_ts_template pg_type pg_user pg_views
""")

_INFORMATION_SCHEMA = words("""
    administrable_role_authorizations applicable_roles attributes character_sets check_constraint_routine_usage
    check_constraints collation_character_set_applicability collations column_column_usage column_domain_usage
    column_privileges column_udt_usage columns constraint_column_usage constraint_table_usage
    data_type_privileges domain_constraints domain_udt_usage domains element_types enabled_roles
    foreign_data_wrappers foreign_servers foreign_tables information_schema_catalog_name key_column_usage
    parameters referential_constraints role_column_grants role_routine_grants role_table_grants role_udt_grants
    role_usage_grants routine_column_usage routine_privileges routine_routine_usage routine_sequence_usage
    routine_table_usage routines schemata sequences sql_features sql_implementation_info sql_parts sql_sizing
    table_constraints table_privileges tables transforms triggered_update_columns triggers udt_privileges
    usage_privileges user_defined_types view_column_usage view_routine_usage view_table_usage views
""")

CATALOG_RELATIONS: frozenset[str] = frozenset(
    {f"pg_catalog.{name}" for name in _PG_CATALOG} | {f"information_schema.{name}" for name in _INFORMATION_SCHEMA}
)
"""As `schema.name`. `pg_statistic_ext` holds only definitions, which `\\d` shows; the values are in its `_data`."""

CATALOG_HIDDEN_COLUMNS: Mapping[str, frozenset[str]] = MappingProxyType({
    # The number of rows, hidden ones included. Pages stay: 8 kB is too coarse to count with.
    "pg_catalog.pg_class": frozenset({"reltuples"}),
    # The value that rows from before ADD COLUMN … DEFAULT hold: data, not definition.
    "pg_catalog.pg_attribute": frozenset({"attmissingval", "attfdwoptions"}),
    # Sources may hold literals.
    "pg_catalog.pg_proc": frozenset({"prosrc", "probin", "prosqlbody"}),
    "information_schema.routines": frozenset({"routine_definition"}),
    # How many rows were ever inserted.
    "pg_catalog.pg_sequences": frozenset({"last_value"}),
    # Settings of roles: those of applications may be secrets.
    "pg_catalog.pg_roles": frozenset({"rolconfig"}),
    "pg_catalog.pg_user": frozenset({"useconfig"}),
    # Passwords of other servers.
    "pg_catalog.pg_foreign_data_wrapper": frozenset({"fdwoptions"}),
    "pg_catalog.pg_foreign_server": frozenset({"srvoptions"}),
    "pg_catalog.pg_foreign_table": frozenset({"ftoptions"}),
    # The gateway's own text, with raw columns and looked-up values.
    "pg_catalog.pg_stat_activity": frozenset({"query", "query_id"}),
})  # fmt: skip
"""`schema.relation` to columns that are not shown."""

_OWN_SESSION = "pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()"

CATALOG_ROW_FILTERS: Mapping[str, str] = MappingProxyType({
    "pg_catalog.pg_stat_activity": _OWN_SESSION,
    "pg_catalog.pg_stat_gssapi": _OWN_SESSION,
    "pg_catalog.pg_stat_ssl": _OWN_SESSION,
    # Settings of extensions (names with a dot) may be secrets, as may commands and connection strings.
    "pg_catalog.pg_settings": (
        "pg_catalog.strpos(name, '.') OPERATOR(pg_catalog.=) 0 AND name OPERATOR(pg_catalog.<>) ALL (ARRAY["
        "'primary_conninfo','restore_command','archive_command','archive_cleanup_command','recovery_end_command',"
        "'ssl_passphrase_command','ssl_key_file','ssl_cert_file','ssl_ca_file','ssl_crl_file','ssl_crl_dir',"
        "'krb_server_keyfile','data_directory','config_file','hba_file','ident_file','external_pid_file',"
        "'log_directory','log_filename','unix_socket_directories','oauth_validator_libraries'])"
    ),
})  # fmt: skip
"""`schema.relation` to a condition over its unqualified columns. Such a relation is not in CATALOG_RELATIONS: it may be
read only as `(SELECT … FROM relation WHERE <condition>)`."""

CATALOG_DENIED: Mapping[str, str] = MappingProxyType({
    "pg_catalog.pg_stats": "most common values and histogram bounds are data",
    "pg_catalog.pg_stats_ext": "most common values of several columns are data",
    "pg_catalog.pg_stats_ext_exprs": "most common values of expressions are data",
    "pg_catalog.pg_statistic": "most common values and histogram bounds are data",
    "pg_catalog.pg_statistic_ext_data": "most common values of several columns are data",
    "pg_catalog.pg_authid": "password verifiers; read pg_roles",
    "pg_catalog.pg_shadow": "password verifiers; read pg_roles",
    "pg_catalog.pg_user_mapping": "passwords for other servers",
    "pg_catalog.pg_user_mappings": "passwords for other servers; psql \\deu asks",
    "pg_catalog.pg_subscription": "connection strings with passwords; psql \\dRs asks",
    "pg_catalog.pg_subscription_rel": "belongs to pg_subscription",
    "pg_catalog.pg_db_role_setting": "settings of extensions may be secrets; psql \\drds asks",
    "pg_catalog.pg_prepared_statements": "the text that the gateway prepared, with raw columns and masks",
    "pg_catalog.pg_cursors": "the text that the gateway sent",
    "pg_catalog.pg_prepared_xacts": "names that other sessions chose; XA recovery of pgjdbc asks",
    "pg_catalog.pg_locks": "keys of other sessions' advisory locks, who works on what; pgAdmin's dashboard asks",
    "pg_catalog.pg_largeobject": "data",
    "pg_catalog.pg_largeobject_metadata": "which large objects exist; psql \\lo_list asks",
    "pg_catalog.pg_stat_all_tables": "numbers of rows, hidden ones included; DBeaver and pgAdmin ask",
    "pg_catalog.pg_stat_user_tables": "numbers of rows, hidden ones included; DBeaver and pgAdmin ask",
    "pg_catalog.pg_stat_xact_user_tables": "numbers of rows that a statement touched",
    "pg_catalog.pg_stat_user_indexes": "numbers of index entries read; pgAdmin asks",
    "pg_catalog.pg_statio_user_tables": "which blocks were read",
    "pg_catalog.pg_stat_database": "numbers of rows of all sessions; pgAdmin's dashboard asks",
    "pg_catalog.pg_stat_replication": "other sessions",
    "pg_catalog.pg_stat_progress_copy": "numbers of rows of other sessions",
    "pg_catalog.pg_replication_slots": "replication; pgAdmin asks",
    "pg_catalog.pg_replication_origin": "replication",
    "pg_catalog.pg_hba_file_rules": "who may log in and how",
    "pg_catalog.pg_ident_file_mappings": "who may log in and how",
    "pg_catalog.pg_file_settings": "files of the server",
    "pg_catalog.pg_config": "paths of the server",
    "pg_catalog.pg_shmem_allocations": "the server's memory",
    "pg_catalog.pg_backend_memory_contexts": "the server's memory",
    "pg_catalog.pg_aios": "other sessions",
    "information_schema.user_mapping_options": "passwords for other servers",
    "information_schema.user_mappings": "belongs to user_mapping_options",
    "information_schema.foreign_server_options": "passwords for other servers",
    "information_schema.foreign_table_options": "options may be secrets",
    "information_schema.foreign_data_wrapper_options": "options may be secrets",
})  # fmt: skip
"""Relations that tools ask for and do not get: the reason, for the error and for the documentation."""
