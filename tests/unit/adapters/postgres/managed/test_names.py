"""Names of our own objects: told apart, and never longer than PostgreSQL keeps them."""

from __future__ import annotations

import pytest

from adapters.postgres.managed.names import is_own_schema, lookup_function, owner_role, persona_role, persona_schema
from gateway.model import Persona


def persona(name: str, purpose: str | None = "care") -> Persona:
    return Persona(name, "it", frozenset(), purpose)


def test_a_name_says_whose_it_is() -> None:
    assert owner_role("crm") == "menshen:crm"
    assert persona_role("crm", persona("desk")) == "menshen:crm:desk:care"
    assert persona_role("crm", persona("desk", None)) == "menshen:crm:desk:"
    assert persona_schema(persona("desk"), "sales") == "menshen:desk:care:sales"
    assert lookup_function("people", "phone") == "people?phone"


def test_long_names_stay_different_and_fit() -> None:
    names = {persona_role("crm", persona("客" * 30 + end)) for end in "abc"}
    assert len(names) == 3
    assert all(len(name.encode()) <= 63 for name in names)


@pytest.mark.parametrize(
    ("name", "own"), [("menshen", True), ("menshen:desk:care:app", True), ("menshen2", False), ("my:menshen", False)]
)
def test_own_schemas_are_known_by_their_names(name: str, own: bool) -> None:
    assert is_own_schema(name) is own
