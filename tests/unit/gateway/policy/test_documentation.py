"""docs/policy.md says what the code does: its example is a good bundle, and it names every key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.model import Act, Disclosure, TableName
from gateway.policy import classes_file, principals_file, purposes_file, rules_file, tables_file
from gateway.policy.bundle import MAX_FILE, OPTIONAL, REQUIRED, compile_bundle
from gateway.policy.masks import validate
from gateway.policy.modelconf import STOCK, read_model
from gateway.policy.policy import Policy, load
from gateway.policy.terms import LegalBasis
from gateway.policy.trees import MAX_LEVELS

ROOT = Path(__file__).parents[4]
TEXT = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
EXAMPLE: dict[str, str] = dict(re.findall(r"```\w+\n# (\S+)\n(.*?)```", TEXT, re.S))


@pytest.fixture(scope="module")
def example() -> Policy:
    return Policy(compile_bundle({name: text.encode() for name, text in EXAMPLE.items()}, check_mask=validate))


def test_the_example_is_a_whole_bundle_without_doubts(example: Policy) -> None:
    assert set(EXAMPLE) == set(REQUIRED)
    assert [str(w) for w in example.warnings] == []


def test_the_example_does_what_the_text_says(example: Policy) -> None:
    customers = TableName("crm", "customers")
    columns = tuple(example.tables[customers].columns)
    support = example.veil(example.persona(example.principals["crm_app"], "ticket_resolution"), customers, columns)
    assert support is not None
    shown = {column.column: column.disclosure for column in support.columns}
    assert (shown["full_name"], shown["phone"], shown["balance"]) == (
        Disclosure.CLEAR, Disclosure.PARTIAL, Disclosure.WITHHELD,
    )  # fmt: skip
    assert example.classes["sensitive.amount"].withheld == "deny"
    assert example.persona(example.principals["dba_lin"], "maintenance").unrestricted


def test_the_model_is_the_stock_one() -> None:
    assert {k: d.value for k, d in read_model(EXAMPLE["model.conf"])[0].items()} == {
        k: d.value for k, d in read_model(STOCK)[0].items()
    }


@pytest.mark.parametrize(
    "word",
    [
        *classes_file.KEYS, *tables_file.KEYS, *purposes_file.KEYS, *principals_file.KEYS, *principals_file.KINDS,
        *LegalBasis, *Act, *rules_file.EFFECTS, *REQUIRED, *OPTIONAL,
    ],
)  # fmt: skip
def test_every_word_is_explained(word: str) -> None:
    assert f"`{word}`" in TEXT


def test_limits_are_the_codes() -> None:
    assert f"at most {MAX_FILE // 2**20} MiB" in TEXT
    assert MAX_LEVELS == 10
    assert "ten names deep" in TEXT
    assert f"{principals_file.MIN_ITERATIONS:,} iterations" in TEXT


def test_the_bundle_of_the_demo_company_has_no_errors() -> None:
    load(ROOT / "policies")
