"""docs/compatibility.md names the test that holds each promise: all of them exist."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

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


def test_every_statement_of_a_tool_that_is_refused_is_listed_with_its_reason() -> None:
    refused = set()
    for file in sorted((ROOT / "tests/security/legit").glob("*.yaml")):
        for case in yaml.safe_load(file.read_text("utf-8"))["cases"]:
            if "refused" in case:
                reason, _, command = case["refused"].rpartition(" (")
                refused.add((command.removesuffix(")"), reason))
    table = TEXT.partition("## Statements of tools")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\| `(.+?)` \| (.+?) \|$", table, re.MULTILINE))
    assert listed == refused
