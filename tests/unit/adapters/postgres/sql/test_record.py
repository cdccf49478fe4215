"""Normalization leaves no literal behind, whatever the statement is."""

from __future__ import annotations

import pytest

from adapters.postgres.sql.parse import Text
from adapters.postgres.sql.record import normalized


@pytest.mark.parametrize(
    ("sql", "want"),
    [
        ("SELECT 1, 'a', $2, 1.5", "SELECT $3, $4, $2, $5"),
        ("select  'x' -- secret\n from t /* 138 */ where a=E'b'", "select  $1 \n from t  where a=$2"),
        ("SET menshen.actor = '王芳'", "SET menshen.actor = $1"),
        ("ALTER ROLE a PASSWORD 'p'", "ALTER ROLE a PASSWORD $1"),
        ("NOTIFY c, '13812345678'", "NOTIFY c, $1"),
        ("DO $$ 13812345678 $$", "DO $1"),
        ("COMMENT ON TABLE t IS 'x'", "COMMENT ON TABLE t IS $1"),
        (
            "CREATE USER MAPPING FOR a SERVER s OPTIONS (password 'p')",
            "CREATE USER MAPPING FOR a SERVER s OPTIONS (password $1)",
        ),
        ("SELECT U&'\\0041', B'1', X'F', $tag$ x $tag$;", "SELECT $1, $2, $3, $4"),
        ("SELECT 'a'\n'b'", "SELECT $1"),
    ],
)
def test_literals_become_parameters(sql: str, want: str) -> None:
    assert normalized(Text(sql)) == want
