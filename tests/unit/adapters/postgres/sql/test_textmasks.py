"""The masks over texts as SQL: their form; what they yield is tested on a database in tests/system."""

from __future__ import annotations

import pytest

from adapters.postgres.sql.parse import Text
from adapters.postgres.sql.textmasks import COMPOUND_SURNAMES, text_mask
from gateway.policy.masks import MASKS

NAMES = [name for name, info in MASKS.items() if "text" in info.types and name != "pseudonym"]


@pytest.mark.parametrize("name", NAMES)
def test_every_mask_over_texts_is_one_expression(name: str) -> None:
    sql = text_mask(name, '"v"', {})
    assert sql
    (statement,) = Text(f"SELECT {sql}").statements
    assert len(statement.node["targetList"]) == 1


@pytest.mark.parametrize("name", NAMES)
def test_an_expression_stays_small_since_it_is_planned_with_each_statement(name: str) -> None:
    assert len(text_mask(name, '"v"', {}) or "") < 2000


def test_other_masks_have_no_form_over_texts() -> None:
    assert text_mask("bucket", '"v"', {}) is None


def test_a_constant_is_quoted() -> None:
    assert "'it''s'" in (text_mask("constant", '"v"', {"value": "it's"}) or "")


def test_compound_surnames_are_of_two_characters_and_listed_once() -> None:
    names = COMPOUND_SURNAMES.split(" ")
    assert all(len(name) == 2 for name in names)
    assert len(names) == len(set(names))
    assert {"欧阳", "司马", "諸葛"} <= set(names)
