from __future__ import annotations

import pytest

from gateway.policy.interval import normalize


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("3 years", "3 years"),
        ("1 year 6 months", "1 years 6 months"),
        ("180天", "180 days"),
        ("3年6个月", "3 years 6 months"),
        ("2 周", "2 weeks"),
        (" 12 Hours ", "12 hours"),
    ],
)
def test_words_are_understood(text: str, means: str) -> None:
    assert normalize(text) == means


@pytest.mark.parametrize(
    "text",
    ["", " ", "years", "3", "3 yeers", "-3 years", "3.5 years", "0 days", "999 years", "3 years;", "3 daysx", "P3Y"],
)
def test_anything_else_is_not(text: str) -> None:
    assert normalize(text) is None
