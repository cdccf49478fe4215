"""What has changed since the installation, in words."""

from __future__ import annotations

from adapters.postgres.managed.state import Found, Version

VERSION = Version("0.1", "bundle", "digest", "mark")


def found(state: dict[str, str], recorded: dict[str, str]) -> Found:
    return Found((), (), (), VERSION, state, recorded, ())


def test_drift_names_each_object() -> None:
    one = found({"view a": "1", "view b": "2", "view n": "1"}, {"view a": "1", "view b": "1", "view g": "1"})
    assert one.drift == ("view b was changed", "view g is gone", "view n was added")
    assert found({"view a": "1"}, {"view a": "1"}).drift == ()
