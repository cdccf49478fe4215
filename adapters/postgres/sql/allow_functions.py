"""Built-in functions that a restricted persona may call: they compute from their arguments, and nothing else.

Left out on purpose, so that nobody adds them back: whatever runs SQL from a text (`query_to_xml` and its family,
`ts_stat`, `ts_rewrite`, whose name also takes a query), reads files, large objects, statistics or other sessions,
waits (`pg_sleep`), changes state outside the session (`setval`, `pg_notify`, signals, replication), or shows the
text that the gateway sent (`current_query`). `pg_get_functiondef` and `pg_get_function_sqlbody` show source,
which may hold literals. Type input and output functions are not for people. `pg_input_is_valid` reads any type by
name, and with a domain runs its checks. `hash*` functions and those behind operators and aggregates have no use
by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from adapters.postgres.sql.words import words

AGGREGATES = words("""
    any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every
    json_agg json_agg_strict json_object_agg json_object_agg_strict json_object_agg_unique
    json_object_agg_unique_strict jsonb_agg jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict
    jsonb_object_agg_unique jsonb_object_agg_unique_strict max min mode percentile_cont percentile_disc
    range_agg range_intersect_agg regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
    regr_sxy regr_syy stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance xmlagg
""")

WINDOW_FUNCTIONS = words("""
    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
""")

_TEXT = words("""
    ascii bit_length btrim casefold char_length character_length chr concat concat_ws convert convert_from
    convert_to decode encode format initcap is_normalized left length like like_escape lower lpad ltrim md5
    normalize notlike octet_length overlay parse_ident position quote_ident quote_literal quote_nullable repeat
    replace reverse right rpad rtrim similar_escape similar_to_escape split_part starts_with string_to_array
    string_to_table strpos substr substring textcat textlen to_ascii to_bin to_hex to_oct translate
    unicode_assigned unicode_version icu_unicode_version unistr upper regexp_count regexp_instr regexp_like
    regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr
""")

_BYTES = words("bit_count crc32 crc32c get_bit get_byte set_bit set_byte sha224 sha256 sha384 sha512")

_NUMBERS = words("""
    abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh cot cotd
    degrees div erf erfc exp factorial floor gamma gcd lcm lgamma ln log log10 min_scale mod pi pow power
    radians round scale sign sin sind sinh sqrt tan tand tanh trim_scale trunc width_bucket random random_normal
    setseed to_char to_number cash_words
""")

_TIME = words("""
    age clock_timestamp date_add date_bin date_part date_subtract date_trunc extract isfinite justify_days
    justify_hours justify_interval make_date make_interval make_time make_timestamp make_timestamptz now
    overlaps statement_timestamp timeofday timezone to_date to_timestamp transaction_timestamp
""")

# Casts that are also called as functions: `date(created_at)` is what half of the reports send.
_CASTS = words("""
    bit bool box bpchar bytea char cidr circle date float4 float8 int2 int4 int8 interval line lseg macaddr
    macaddr8 money name numeric oid path pg_lsn point polygon text time timestamp timestamptz timetz varbit
    varchar xid xml
""")

_JSON = words("""
    array_to_json json_array_elements json_array_elements_text json_array_length json_build_array
    json_build_object json_each json_each_text json_extract_path json_extract_path_text json_object
    json_object_keys json_populate_record json_populate_recordset json_strip_nulls json_to_record
    json_to_recordset json_typeof jsonb_array_elements jsonb_array_elements_text jsonb_array_length
    jsonb_build_array jsonb_build_object jsonb_concat jsonb_contained jsonb_contains jsonb_delete
    jsonb_delete_path jsonb_each jsonb_each_text jsonb_exists jsonb_exists_all jsonb_exists_any
    jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_keys jsonb_path_exists
    jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz jsonb_path_query jsonb_path_query_array
    jsonb_path_query_array_tz jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz
    jsonb_populate_record jsonb_populate_record_valid jsonb_populate_recordset jsonb_pretty jsonb_set
    jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb
""")

_XML = words("""
    xml_is_well_formed xml_is_well_formed_content xml_is_well_formed_document xmlcomment xmlexists xmltext xpath
    xpath_exists
""")

_ARRAYS = words("""
    array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position
    array_positions array_prepend array_remove array_replace array_reverse array_sample array_shuffle array_sort
    array_to_string array_upper arraycontained arraycontains arrayoverlap cardinality generate_series
    generate_subscripts trim_array unnest enum_first enum_last enum_range num_nonnulls num_nulls
""")

_RANGES = words("""
    datemultirange daterange int4multirange int4range int8multirange int8range isempty lower_inc lower_inf
    multirange nummultirange numrange range_merge tsmultirange tsrange tstzmultirange tstzrange upper_inc
    upper_inf
""")

_GEOMETRY = words("""
    area center diagonal diameter height isclosed ishorizontal isopen isparallel isperp isvertical npoints
    pclose popen radius slope width
""")

_NETWORK = words("""
    abbrev broadcast family host hostmask inet_merge inet_same_family macaddr8_set7bit masklen netmask network
    set_masklen
""")

_SEARCH = words("""
    array_to_tsvector get_current_ts_config json_to_tsvector jsonb_to_tsvector numnode phraseto_tsquery
    plainto_tsquery querytree setweight strip to_tsquery to_tsvector ts_debug ts_delete ts_filter ts_headline
    ts_lexize ts_parse ts_rank ts_rank_cd ts_token_type tsquery_phrase tsvector_to_array websearch_to_tsquery
""")

_IDENTIFIERS = words("gen_random_uuid uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7")

# What psql, drivers and ORMs ask about the schema. Sizes are told to the page of 8 kB, never to the row.
_CATALOGUE = words("""
    acldefault aclexplode col_description current_database current_schema current_schemas current_user
    format_type getdatabaseencoding has_any_column_privilege has_column_privilege has_database_privilege
    has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege has_parameter_privilege
    has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege
    has_tablespace_privilege has_type_privilege makeaclitem obj_description oidvectortypes
    pg_available_extension_versions pg_available_extensions pg_basetype
    pg_char_to_encoding pg_client_encoding pg_collation_for pg_collation_is_visible pg_column_compression
    pg_column_is_updatable pg_column_size pg_conversion_is_visible pg_database_size pg_describe_object
    pg_encoding_max_length pg_encoding_to_char pg_extension_update_paths pg_function_is_visible pg_get_acl
    pg_get_catalog_foreign_keys pg_get_constraintdef pg_get_expr pg_get_function_arg_default
    pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result pg_get_indexdef
    pg_get_keywords pg_get_object_address pg_get_partition_constraintdef pg_get_partkeydef
    pg_get_publication_tables pg_get_replica_identity_index pg_get_ruledef pg_get_serial_sequence
    pg_get_statisticsobjdef pg_get_statisticsobjdef_columns pg_get_statisticsobjdef_expressions
    pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role pg_identify_object
    pg_identify_object_as_address pg_index_column_has_property pg_index_has_property pg_indexam_has_property
    pg_indexes_size pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible pg_options_to_table
    pg_partition_ancestors pg_partition_root pg_partition_tree pg_relation_filenode pg_relation_is_publishable
    pg_relation_is_updatable pg_relation_size pg_sequence_parameters pg_size_bytes pg_size_pretty
    pg_statistics_obj_is_visible pg_table_is_visible pg_table_size pg_tablespace_location pg_timezone_names
    pg_total_relation_size pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible
    pg_ts_template_is_visible pg_type_is_visible pg_typeof row_security_active session_user shobj_description
    system_user to_regclass to_regcollation to_regnamespace to_regoper to_regoperator to_regproc to_regprocedure
    to_regrole to_regtype to_regtypemod
""")

_SESSION = words("""
    inet_client_addr inet_client_port inet_server_addr inet_server_port pg_advisory_lock pg_advisory_lock_shared
    pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared pg_advisory_xact_lock
    pg_advisory_xact_lock_shared pg_backend_pid pg_conf_load_time pg_current_snapshot pg_current_xact_id
    pg_current_xact_id_if_assigned pg_is_in_recovery pg_is_other_temp_schema pg_is_wal_replay_paused
    pg_jit_available pg_listening_channels pg_my_temp_schema pg_postmaster_start_time pg_snapshot_xip
    pg_snapshot_xmax pg_snapshot_xmin pg_trigger_depth pg_try_advisory_lock pg_try_advisory_lock_shared
    pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared pg_visible_in_snapshot txid_current
    txid_current_if_assigned txid_current_snapshot txid_snapshot_xip txid_snapshot_xmax txid_snapshot_xmin
    txid_visible_in_snapshot version currval lastval nextval
""")

FUNCTIONS = (
    AGGREGATES | WINDOW_FUNCTIONS | _TEXT | _BYTES | _NUMBERS | _TIME | _CASTS | _JSON | _XML | _ARRAYS | _RANGES
    | _GEOMETRY | _NETWORK | _SEARCH | _IDENTIFIERS | _CATALOGUE | _SESSION
)  # fmt: skip

INFORMATION_SCHEMA_FUNCTIONS = words("""
    _pg_char_max_length _pg_char_octet_length _pg_datetime_precision _pg_expandarray _pg_index_position
    _pg_interval_type _pg_numeric_precision _pg_numeric_precision_radix _pg_numeric_scale _pg_truetypid
    _pg_truetypmod
""")
"""Helpers in `information_schema`; pgjdbc sends `information_schema._pg_expandarray(i.indkey)` for primary keys."""

SPECIAL_FUNCTIONS: Mapping[str, str] = MappingProxyType({
    "current_setting": "only with a constant name that SETTINGS allows to be shown",
    "set_config": "only at the top of a SELECT list without FROM, with constants, where SET of the same is allowed: "
    "asyncpg sends set_config('jit', 'off', false) before it reads custom types",
})  # fmt: skip
"""Not in FUNCTIONS: allowed only under the condition that is told, which the caller has to check."""

REVIEWED_VOLATILE = words("""
    array_sample array_shuffle clock_timestamp currval gen_random_uuid lastval nextval pg_advisory_lock
    pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared
    pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_database_size pg_indexes_size pg_is_in_recovery
    pg_is_wal_replay_paused pg_jit_available pg_partition_ancestors pg_partition_tree pg_relation_size
    pg_table_size pg_total_relation_size pg_try_advisory_lock pg_try_advisory_lock_shared
    pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared random random_normal setseed timeofday uuidv4
    uuidv7
""")
"""The allowed functions that PostgreSQL marks volatile: clocks, chance, the session's own locks, sequences, sizes."""
