"""docs/security.md: each vector names tests that exist, and no family of attacks is missing from it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.security.corpus import load

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
FAMILIES = {case.family for case in load()}
ROWS = [line.split("|")[1:-1] for line in PAGE.splitlines() if re.match(r"\| \d+ \|", line)]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_vectors_are_numbered_in_order() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, len(ROWS) + 1))


def test_each_vector_names_tests_that_exist() -> None:
    missing = []
    for row in ROWS:
        tests = named(row[-1])
        assert tests, f"vector {row[0]} has no test"
        missing += [t for t in tests if t not in FAMILIES and not (t.startswith("tests/") and (ROOT / t).is_file())]
    assert not missing


def test_each_family_of_attacks_belongs_to_a_vector() -> None:
    told = {name for row in ROWS for name in named(row[-1])}
    assert not FAMILIES - told
