"""Raw values become typed ones or problems; no raw tree makes the reader fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.reader import Source, name_of, read_table
from gateway.config.settings import GatewaySettings, LimitSettings, ListenSettings, Settings

BASE = Path("/base")


def read(cls: type[Any], raw: Any) -> tuple[Any, list[str]]:
    source = Source({}, "f.toml", BASE)
    return read_table(cls, raw, (), source), [p.message for p in source.problems]


def test_defaults_and_relative_paths() -> None:
    value, problems = read(GatewaySettings, {})
    assert problems == []
    assert value == GatewaySettings(state_dir=BASE / "var")
    assert read(GatewaySettings, {"state_dir": "/x"})[0].state_dir == Path("/x")


@pytest.mark.parametrize("raw", [True, "7", 1.5, [], {}, 0, float("nan"), float("inf")])
def test_what_is_no_count_of_connections(raw: Any) -> None:
    value, problems = read(LimitSettings, {"max_connections": raw})
    assert value is None
    assert len(problems) == 1


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert read(LimitSettings, {"max_connections": 7.0})[0].max_connections == 7
    assert read(LimitSettings, {"drain_timeout_seconds": 1})[0].drain_timeout_seconds == 1.0


def test_a_choice_is_one_of_its_words() -> None:
    _, problems = read(ListenSettings, {"protocol": "postgre"})
    assert problems == ["protocol cannot be 'postgre'"]


def test_names_of_keys() -> None:
    assert name_of(("listen", 0, "tls", "cert")) == "listen[0].tls.cert"


_keys = st.sampled_from(
    ["gateway", "listen", "databases", "http", "port", "limits", "policy", "tls", "dsn", "dsn_file", "crm", "path", ""]
)
_raw = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["", "a", "write", "门"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_keys, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_keys, _raw, max_size=5))
def test_any_tree_gives_settings_or_problems(raw: dict[str, Any]) -> None:
    value, problems = read(Settings, raw)
    assert value is not None or problems
