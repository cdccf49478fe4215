"""What shows a value in another shape and compares it with nothing.

Where a class says `predicate: lookup` or `deny`, a column that is not seen in clear may stand in a select list inside
these; any other operation on it counts as a condition.
"""

from __future__ import annotations

from adapters.postgres.sql.words import words

SHAPING_OPERATORS = frozenset({"||", "+", "-", "*", "/", "->", "->>", "#>", "#>>"})

SHAPING_FUNCTIONS = words("""
    any_value array_agg array_to_json array_to_string avg btrim coalesce concat concat_ws count date_trunc format
    initcap json_agg json_build_array json_build_object jsonb_agg jsonb_build_array jsonb_build_object left length
    lower lpad ltrim max min right round row_to_json rpad rtrim string_agg substr substring sum text to_char to_json
    to_jsonb upper varchar
""")
