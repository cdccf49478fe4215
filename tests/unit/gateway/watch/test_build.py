"""From settings to parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import NotifySettings, Secret, Settings
from gateway.config.settings import GatewaySettings, Language, Least
from gateway.errors import ProblemsFound
from gateway.watch import build
from gateway.watch.finding import Severity


def test_routes() -> None:
    made = build.routes(
        [
            NotifySettings(
                name="a", url=Secret("json://h/x"), severity=Least.HIGH, departments=("it",), language=Language.ZH
            )
        ],
        "menshen.toml",
    )
    route, _ = made["a"]
    assert (route.severity, route.departments, route.language) == (Severity.HIGH, frozenset({"it"}), "zh")


def test_every_address_that_is_none_is_told_without_showing_it() -> None:
    bad = [NotifySettings(name=name, url=Secret(f"no{name}://token")) for name in ("a", "b")]
    with pytest.raises(ProblemsFound) as found:
        build.routes(bad, "menshen.toml")
    assert len(found.value.problems) == 2
    assert "token" not in str(found.value)


def test_notes_that_cannot_be_kept(tmp_path: Path) -> None:
    settings = Settings(gateway=GatewaySettings(state_dir=tmp_path / "none"))
    with pytest.raises(build.WatchUnavailable):
        build.notes(settings)


def test_the_beginning_is_remembered(tmp_path: Path) -> None:
    settings = Settings(gateway=GatewaySettings(state_dir=tmp_path))
    assert build.began(settings, "2026-01-01") == "2026-01-01"
    assert build.began(settings, "2026-02-02") == "2026-01-01"
