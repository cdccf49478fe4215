from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.rowrules import mistakes, placeholders

COLUMNS = ("region", "created_at", "owner_id", "区域", "Mixed")


@pytest.mark.parametrize(
    "text",
    [
        "region = :principal.region",
        "region IN ('north', 'a;b--c', 'it''s') AND owner_id::text = :principal.name",
        "created_at >= CURRENT_DATE - interval '90 days'",
        "created_at > date '2026-01-01' AND extract(year FROM created_at) = 2026",
        "lower(region) = pg_catalog.lower(:principal.region)",
        '"区域" = :principal.区域 OR 区域 IS NULL',
        "region = ANY (ARRAY['a', 'b']) AND \"Mixed\" IS DISTINCT FROM 'x'",
        "cast(owner_id AS bigint) = 5 AND region COLLATE \"C\" = 'x'",
        "EXISTS (SELECT 1 FROM crm.teams t WHERE t.id = owner_id)",
        "customers.region = 'x' AND Region = E'y'",
    ],
)
def test_one_balanced_expression_over_the_columns_is_good(text: str) -> None:
    assert mistakes(text, COLUMNS) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("region = 'x'; drop table y", "`;`"),
        ("region = 'x' -- hidden", "comment"),
        ("region /* hidden */ = 'x'", "comment"),
        ("(region = 'x'", "`)` is missing"),
        ("region = 'x')", "`)` closes nothing"),
        ("region = ANY (ARRAY['x')]", "closes nothing"),
        ("region = 'x", "`'` is not closed"),
        ('"region = 1', '`"` is not closed'),
        ("region = $1", "`$`"),
        ("region = $$x$$", "`$`"),
        ("region = :region", "placeholder `:region`"),
        ("region = :principal.", "placeholder `:principal.`"),
        ("rgion = 'x'", "`rgion` is no column"),
        ('"REGION" = 1', "`REGION` is no column"),
        ("mixed = 1", "`mixed` is no column"),
    ],
)
def test_anything_else_is_told(text: str, says: str) -> None:
    assert any(says in message for message, _ in mistakes(text, COLUMNS))


def test_placeholders_are_found_outside_of_quotes() -> None:
    text = "a = :principal.region AND b = ':principal.no' AND c = :principal.区域 AND d = :principal.region"
    assert placeholders(text) == ("region", "区域")


@given(st.text(alphabet="ab'\"()[]:;-/*$. principal", max_size=40))
def test_any_text_is_judged(text: str) -> None:
    mistakes(text, COLUMNS)
    placeholders(text)
