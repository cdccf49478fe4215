"""Secrets do not show themselves; every key describes itself."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from typing import Any

from gateway.config.settings import Secret, Settings


def test_a_secret_shows_only_when_asked() -> None:
    secret = Secret("hunter2")
    for text in (repr(secret), str(secret), f"{secret}", "%s" % secret, repr({"a": [secret]})):  # noqa: UP031
        assert "hunter2" not in text
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2")
    assert secret != "hunter2"


def _keys(cls: type[Any]) -> Iterator[tuple[type[Any], dataclasses.Field[Any], Any]]:
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if field.metadata:
            yield cls, field, hints[field.name]
            for inner in (hints[field.name], *typing.get_args(hints[field.name])):
                if dataclasses.is_dataclass(inner) and isinstance(inner, type):
                    yield from _keys(inner)


def test_every_number_carries_a_unit_where_it_has_one_and_a_meaning() -> None:
    for cls, field, hint in _keys(Settings):
        assert field.metadata["doc"].endswith("."), (cls, field.name)
        if hint in (int, float) and field.name not in ("port",):
            assert field.metadata["unit"], (cls, field.name)
        for suffix in ("seconds", "bytes"):
            assert field.name.endswith(f"_{suffix}") == (field.metadata["unit"] == suffix), (cls, field.name)
