"""Which detectors look at which records; a defect of one silences no other."""

from __future__ import annotations

import pytest

from gateway.watch.detector_config import DetectorConfig
from gateway.watch.detectors import Seen
from gateway.watch.engine import Engine
from gateway.watch.finding import Finding
from tests.support.watching import at, event, statement


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the detectors that were asked, of an engine made afterwards."""
    return []


def engine(asked: list[str]) -> Engine:
    made = Engine(DetectorConfig(timezone="UTC"))
    for name, one in made.detectors.items():

        def feed(seen: Seen, name: str = name) -> list[Finding]:
            asked.append(name)
            return []

        one.feed = feed  # type: ignore[method-assign]
    return made


@pytest.mark.parametrize(
    ("record", "present", "absent"),
    [
        (statement(at(), [1]), {"volume", "honey", "health"}, {"denial_burst", "shared_credential"}),
        (statement(at(), classes={}), {"honey", "lookup_enumeration", "health"}, {"volume", "scraping"}),
        (statement(at(), verdict="deny"), {"denial_burst", "health"}, {"volume", "honey"}),
        (event(at(), "login"), {"shared_credential", "health"}, {"denial_burst", "honey"}),
        (event(at(), "backend_seen"), {"bypass"}, {"health", "volume"}),
        (event(at(), "logout"), set(), {"health", "volume"}),
    ],
)
def test_lanes(record: dict[str, object], present: set[str], absent: set[str], asked: list[str]) -> None:
    engine(asked).feed(record, "n-1", [])
    assert present <= set(asked)
    assert not absent & set(asked)


def test_a_defect_is_told_and_stops_nothing(asked: list[str]) -> None:
    made = engine(asked)

    def broken(seen: Seen) -> list[Finding]:
        raise KeyError("x")

    made.detectors["volume"].feed = broken  # type: ignore[method-assign]
    failures: list[tuple[str, str]] = []
    made.feed(statement(at(), [1]), "n-1", failures)
    assert failures == [("volume", "KeyError")]
    assert "subjects" in asked
