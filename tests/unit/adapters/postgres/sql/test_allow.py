"""The lists agree with each other, and what must never be on them is not. `tests/system/test_allow.py` asks."""

from __future__ import annotations

import re

import pytest
from pglast import enums

from adapters.postgres.extensions import EXTENSION_FUNCTIONS_DENIED, TRUSTED_EXTENSIONS
from adapters.postgres.sql import allow
from adapters.postgres.sql.words import words

NEVER = words("""
    pg_read_file pg_read_binary_file pg_stat_file pg_ls_dir pg_ls_logdir pg_ls_waldir pg_current_logfile pg_file_write
    pg_relation_filepath lo_get lo_put lo_import lo_export lo_open lo_create lo_from_bytea loread lowrite
    lo_unlink dblink
    query_to_xml query_to_xmlschema query_to_xml_and_xmlschema table_to_xml table_to_xmlschema cursor_to_xml
    schema_to_xml
    database_to_xml database_to_xml_and_xmlschema ts_stat ts_rewrite set_config setval pg_notify pg_sleep pg_sleep_for
    pg_sleep_until pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile pg_export_snapshot
    pg_prepared_statement pg_prepared_xact pg_cursor current_query pg_stat_get_activity pg_stat_get_live_tuples
    pg_stat_get_backend_activity pg_mcv_list_items pg_statistic_ext_data pg_lock_status pg_show_all_settings
    pg_show_all_file_settings pg_hba_file_rules pg_config pg_logical_slot_get_changes pg_logical_slot_peek_changes
    pg_logical_emit_message pg_create_logical_replication_slot pg_replication_origin_create pg_switch_wal pg_promote
    pg_get_functiondef pg_get_function_sqlbody pg_get_backend_memory_contexts pg_log_backend_memory_contexts
    pg_sequence_last_value pg_get_sequence_data pg_xact_status txid_status pg_xact_commit_timestamp
    pg_last_committed_xact
    pg_clear_relation_stats pg_restore_attribute_stats pg_import_system_collations brin_summarize_new_values
    gin_clean_pending_list pg_extension_config_dump binary_upgrade_set_next_pg_type_oid pg_input_is_valid
    pg_input_error_info pg_blocking_pids pg_event_trigger_ddl_commands textin textout int4in boolin regclassin
    record_in
    plpgsql_call_handler plpgsql_inline_handler suppress_redundant_updates_trigger hashtext currtid2 pg_nextoid
""")


@pytest.mark.parametrize("name", sorted(NEVER))
def test_a_dangerous_function_is_not_allowed(name: str) -> None:
    assert name not in allow.FUNCTIONS


def test_no_family_that_reads_beyond_its_arguments_is_allowed() -> None:
    families = re.compile(
        r"^(lo_|lo(read|write)|binary_upgrade_|dblink)"
        r"|^pg_(stat|read|ls|logical|replication|wal|stop|start|backup|control|show)_"
        r"|_(in|out|recv|send|support|handler)$|to_xml"
    )
    found = {f for f in allow.FUNCTIONS if families.search(f)} - {"pg_is_wal_replay_paused", "jsonb_path_exists"}
    assert found == set()


def test_special_functions_need_their_condition() -> None:
    assert not allow.SPECIAL_FUNCTIONS.keys() & allow.FUNCTIONS


def test_the_smaller_lists_lie_in_the_larger() -> None:
    assert allow.AGGREGATES <= allow.FUNCTIONS
    assert allow.WINDOW_FUNCTIONS <= allow.FUNCTIONS
    assert allow.REVIEWED_VOLATILE <= allow.FUNCTIONS
    assert allow.NEVER_RAISING_FUNCTIONS <= allow.FUNCTIONS


@pytest.mark.parametrize(
    "name",
    [
        "pg_stats", "pg_statistic", "pg_statistic_ext_data", "pg_stats_ext", "pg_stats_ext_exprs", "pg_authid",
        "pg_shadow",
        "pg_prepared_statements", "pg_cursors", "pg_largeobject", "pg_user_mapping", "pg_user_mappings",
        "pg_subscription",
        "pg_hba_file_rules", "pg_file_settings", "pg_locks", "pg_stat_user_tables", "pg_stat_all_tables",
        "pg_db_role_setting", "pg_prepared_xacts", "pg_stat_activity", "pg_settings",
    ],
)  # fmt: skip
def test_a_telling_relation_is_not_open(name: str) -> None:
    assert f"pg_catalog.{name}" not in allow.CATALOG_RELATIONS


def test_a_relation_is_open_or_conditional_or_denied_never_two_of_them() -> None:
    assert not allow.CATALOG_RELATIONS & allow.CATALOG_DENIED.keys()
    assert not allow.CATALOG_RELATIONS & allow.CATALOG_ROW_FILTERS.keys()
    assert not allow.CATALOG_DENIED.keys() & allow.CATALOG_ROW_FILTERS.keys()
    assert allow.CATALOG_HIDDEN_COLUMNS.keys() <= allow.CATALOG_RELATIONS | allow.CATALOG_ROW_FILTERS.keys()


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("client_encoding", "UTF8", True), ("client_encoding", "utf-8", True), ("client_encoding", "GBK", False),
        ("client_encoding", "SQL_ASCII", False), ("standard_conforming_strings", "on", True),
        ("standard_conforming_strings", "off", False), ("client_min_messages", "warning", True),
        ("client_min_messages", "debug5", False), ("client_min_messages", "log", False),
        ("datestyle", "ISO, MDY", True), ("application_name", "报表", True), ("server_version", "9", False),
        ("is_superuser", "on", False), ("role", "postgres", False), ("session_authorization", "postgres", False),
    ],
)  # fmt: skip
def test_a_setting_accepts(name: str, value: str, accepted: bool) -> None:
    assert allow.SETTINGS[name].accepts(value) is accepted


@pytest.mark.parametrize(
    "name",
    [
        "session_replication_role", "log_statement", "debug_print_plan", "backslash_quote", "row_security",
        "transform_null_equals", "local_preload_libraries", "dynamic_library_path", "temp_tablespaces",
        "enable_seqscan",
        "lo_compat_privileges", "allow_system_table_mods", "atk.v", "menshen.purpose", "check_password",
    ],
)  # fmt: skip
def test_a_setting_that_changes_meaning_or_identity_cannot_be_set(name: str) -> None:
    assert name not in allow.SETTINGS or not allow.SETTINGS[name].settable


@pytest.mark.parametrize(
    "type_", ["record", "anyelement", "cstring", "internal", "refcursor", "pg_node_tree", "unknown"]
)
def test_a_type_that_is_no_value_is_not_on_the_list(type_: str) -> None:
    assert type_ not in allow.TYPES


def test_all_value_functions_of_the_grammar_are_known() -> None:
    assert {one.name for one in enums.SQLValueFunctionOp} == allow.SQL_VALUE_FUNCTIONS


@pytest.mark.parametrize(
    ("left", "right", "safe"),
    [
        ("text", "text", True), ("varchar", "bpchar", True), ("int4", "numeric", True), ("int4", "float8", True),
        ("numeric", "float8", False), ("oid", "int8", False), ("date", "timestamptz", True), ("text", "int4", False),
        ("uuid", "uuid", True),
    ],
)  # fmt: skip
def test_a_comparison_is_safe_where_no_conversion_may_fail(left: str, right: str, safe: bool) -> None:
    assert allow.comparison_never_raises(left, right) is safe


def test_what_the_writer_of_a_statement_can_make_raise_is_not_never_raising() -> None:
    for name in (
        "concat",
        "replace",
        "repeat",
        "lpad",
        "length",
        "substring",
        "abs",
        "date_trunc",
        "extract",
        "to_number",
    ):
        assert name not in allow.NEVER_RAISING_FUNCTIONS
    assert not {"||", "+", "-", "*", "/", "%", "~", "~~", "&", "|"} & allow.NEVER_RAISING_OPERATORS


@pytest.mark.parametrize(
    "name", ["dblink", "postgres_fdw", "file_fdw", "adminpack", "tablefunc", "lo", "amcheck", "xml2"]
)
def test_an_extension_that_reaches_around_is_not_trusted(name: str) -> None:
    assert name not in TRUSTED_EXTENSIONS


def test_a_harmless_volatile_function_is_not_denied_as_well() -> None:
    for volatile in TRUSTED_EXTENSIONS.values():
        assert not volatile & EXTENSION_FUNCTIONS_DENIED
