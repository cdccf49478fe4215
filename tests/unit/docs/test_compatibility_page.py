"""docs/compatibility.md names the test that holds each promise: all of them exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/compatibility.md").read_text("utf-8")
NAMED = re.findall(r"`([a-z_/]+\.py)::(test_\w+)`", TEXT)


def test_every_test_that_is_named_exists() -> None:
    assert len(NAMED) > 40
    for file, name in NAMED:
        source = (ROOT / "tests/system" / file).read_text("utf-8")
        assert f"def {name}(" in source, f"{file} has no {name}"


def test_every_promise_has_a_test() -> None:
    table = TEXT.partition("## What the wire promises")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 27
    for row in rows:
        assert ".py" in row.split("|")[2], row
