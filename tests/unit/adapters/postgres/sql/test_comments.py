"""sqlcommenter's form, at the ends only."""

from __future__ import annotations

import pytest

from adapters.postgres.sql.comments import tags
from adapters.postgres.sql.parse import Text


@pytest.mark.parametrize(
    ("sql", "want"),
    [
        ("SELECT 1", {}),
        ("/*purpose='billing'*/ SELECT 1", {"purpose": "billing"}),
        ("SELECT 1 /*actor='%E7%8E%8B',purpose='a'*/;", {"purpose": "a", "actor": "王"}),
        ("SELECT /*purpose='a'*/ 1", {}),
        ("SELECT '/*purpose=''a''*/'", {}),
        ("SELECT 1 -- purpose='a'", {}),
        ("/*purpose=a*/ SELECT 1", {}),
        ("/*purpose='a\\'b'*/ SELECT 1", {"purpose": "a'b"}),
        ("/* the purpose of this */ SELECT 1", {}),
        ("/*purpose='a'*/", {"purpose": "a"}),
    ],
)
def test_tags(sql: str, want: dict[str, str]) -> None:
    assert tags(Text(sql)) == want
