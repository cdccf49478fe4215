"""Run-time settings that a restricted persona may SET, SHOW and read with current_setting.

A setting may be set if it changes how values look or how long a statement may take, and neither how a text is
parsed, nor who runs it, nor what the server logs or sends beside the rows (`debug_print_*`, `log_*`), nor in
which order conditions run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, spelled as PostgreSQL shows it."""

    name: str
    settable: bool
    special: str = ""
    """A condition that the caller checks: `search_path` (constants only, effect on resolution) or `values`."""
    values: frozenset[str] = frozenset()
    """With `special == "values"`: the only values, in lower case."""

    def accepts(self, value: str) -> bool:
        """Whether SET to this constant is allowed; `search_path` is judged by the caller."""
        return self.settable and (not self.values or value.lower() in self.values)


_SET = """
    application_name array_nulls bytea_output check_function_bodies DateStyle default_text_search_config
    default_transaction_deferrable default_transaction_isolation default_transaction_read_only
    extra_float_digits idle_in_transaction_session_timeout idle_session_timeout IntervalStyle jit lc_monetary
    lc_numeric lc_time lock_timeout plan_cache_mode quote_all_identifiers statement_timeout TimeZone
    timezone_abbreviations transaction_deferrable transaction_isolation transaction_read_only
    transaction_timeout xmlbinary xmloption geqo client_connection_check_interval tcp_keepalives_count
    tcp_keepalives_idle tcp_keepalives_interval
"""

_SHOW = """
    backslash_quote block_size data_checksums default_tablespace default_table_access_method
    default_toast_compression escape_string_warning in_hot_standby integer_datetimes is_superuser lc_collate
    lc_ctype lc_messages max_connections max_function_args max_identifier_length max_index_keys
    max_prepared_transactions password_encryption role row_security segment_size server_encoding server_version
    server_version_num session_authorization ssl superuser_reserved_connections synchronous_commit
    temp_tablespaces wal_block_size wal_level work_mem maintenance_work_mem shared_buffers effective_cache_size
    random_page_cost max_worker_processes default_statistics_target max_locks_per_transaction
    transform_null_equals
"""

_ON = frozenset({"on", "true", "yes", "1", "t", "y"})

_VALUES: Mapping[str, frozenset[str]] = {
    # Results and texts of another encoding would be read wrongly by whoever looks at them.
    "client_encoding": frozenset({"utf8", "utf-8", "unicode"}),
    # Off, a backslash in a plain literal would mean something else than it did when the text was judged.
    "standard_conforming_strings": _ON,
    # More than notices are texts of the server's inside: parse trees, statement texts.
    "client_min_messages": frozenset({"notice", "warning", "error"}),
}


def _settings() -> Mapping[str, Setting]:
    made = {name.lower(): Setting(name, True) for name in _SET.split()}
    made |= {name.lower(): Setting(name, False) for name in _SHOW.split()}
    made |= {name: Setting(name, True, "values", values) for name, values in _VALUES.items()}
    made["search_path"] = Setting("search_path", True, "search_path")
    return MappingProxyType(made)


SETTINGS: Mapping[str, Setting] = _settings()
"""By lower-case name; all of them may be shown."""


def search_path_is_plain(schemas: Sequence[str]) -> bool:
    """Whether built-in names keep their meaning under this path: pg_catalog comes first, and no pg_temp is named."""
    return "pg_catalog" not in schemas[1:] and not any(s.startswith("pg_temp") for s in schemas)
