"""When installing has nothing to do. What it does is in tests/system/managed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.postgres.managed.installer import in_reach, is_current
from adapters.postgres.managed.state import Found, Version
from tests.unit.adapters.postgres.managed.test_script import wanted


def found() -> Found:
    one = wanted()
    return Found((), (), (), Version("0.1", one.bundle, one.digest, one.secrets.mark), {"a": "1"}, {"a": "1"}, ())


def test_what_is_as_wanted_stays() -> None:
    assert is_current(found(), wanted())


@pytest.mark.parametrize(
    "other",
    [
        replace(found(), version=None),
        replace(found(), version=Version("0.1", "other", wanted().digest, wanted().secrets.mark)),
        replace(found(), version=Version("0.1", wanted().bundle, wanted().digest, "other")),
        replace(found(), state={"a": "2"}),
        replace(found(), reached=(("role", "crm.customers"),)),
    ],
)
def test_whatever_differs_is_made_anew(other: Found) -> None:
    assert not is_current(other, wanted())


def test_what_is_in_reach_is_told_once_for_all_roles() -> None:
    assert in_reach([("a", "t"), ("b", "t")]) == "a persona reaches t beside its views"
    assert "and 2 more" in in_reach([("a", f"t{i}") for i in range(7)])
