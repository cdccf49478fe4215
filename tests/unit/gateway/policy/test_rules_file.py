from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.rules_file import read_rules, split
from gateway.policy.terms import Grant, Rule


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("p, a,b ,\tc", ["p", "a", "b", "c"]),
        ('p, "a, ""b""" , "c # d"', ["p", 'a, "b"', "c # d"]),
        ("p, a # why, because", ["p", "a"]),
        ("p, a#b", ["p", "a#b"]),
        ("p, 客户, 区域", ["p", "客户", "区域"]),
        ("p,,", ["p", "", ""]),
        ('p, "a', None),
        ('p, a"b', None),
        ('p, "a" b', None),
    ],
)
def test_a_line_is_split_at_commas_outside_of_quotes(line: str, fields: list[str] | None) -> None:
    assert split(line) == fields


def test_lines_are_counted_with_comments_and_blank_ones() -> None:
    found, reader = read_rules("# first\n\np, a, b, c, clear, allow\r\n  # more\ng, x, a\n")
    assert found.rules == [Rule("a", "b", "c", "clear", "allow", 3)]
    assert found.grants == [Grant("x", "a", 5)]
    assert reader.problems == []
    assert found.rules[0].where == "rules.csv:3"


def test_only_line_feeds_end_a_line() -> None:
    """Other separators would move the line numbers away from what an editor shows."""
    found, _ = read_rules("p, a\u2028b, x, c, clear, allow\ng, x, a\n")
    assert found.grants[0].line == 2


@given(st.text(max_size=80))
def test_any_text_is_read_or_told(text: str) -> None:
    found, reader = read_rules(text)
    lines = [line for line in text.split("\n") if line.strip() and not line.strip().startswith("#")]
    told = {problem.line for problem in reader.problems}
    assert len(found.rules) + len(found.grants) + len(told) >= len(lines)
