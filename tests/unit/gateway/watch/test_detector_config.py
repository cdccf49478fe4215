"""detectors.yaml: defaults, values, and every mistake with its line."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from gateway.errors import ProblemsFound
from gateway.watch.detector_config import (
    DetectorConfig,
    check_detectors,
    from_document,
    load_detectors,
    read_detectors,
    to_document,
)
from gateway.watch.detectors import DETECTORS
from gateway.watch.finding import Severity

POLICIES = Path(__file__).parents[4] / "policies"

GOOD = """
timezone: UTC
public: [public, open]
detectors:
  volume: {floor: 5000, times_top: 3, severity: critical, except: {principals: [backup_job], purposes: [maintenance]}}
  honey: {contain: true, keys: [4711, 9f86d081884c7d65]}
  first_use: {enabled: false}
"""


def test_values_and_defaults() -> None:
    config, problems = read_detectors(GOOD)
    assert problems == []
    volume = config.options["volume"]
    assert volume.severity is Severity.CRITICAL
    assert volume.values == {"floor": 5000, "times_top": 3}
    assert (volume.except_principals, volume.except_purposes) == ({"backup_job"}, {"maintenance"})
    assert config.options["honey"].contain is True
    assert config.options["honey"].values == {"keys": ("4711", "9f86d081884c7d65")}
    assert config.options["scraping"].severity is Severity.HIGH
    assert "first_use" not in {one.about.name for one in config.build()}
    assert len(config.build()) == len(DETECTORS) - 1


def test_it_goes_through_json_and_over_versions() -> None:
    config, _ = read_detectors(GOOD)
    document = orjson.loads(orjson.dumps(to_document(config)))
    assert from_document(document) == config
    document["options"]["gone"] = document["options"].pop("volume")
    assert from_document(document).options == {**config.options, "volume": DetectorConfig().options["volume"]}
    del document["public"]
    with pytest.raises(KeyError):
        from_document(document)


@pytest.mark.parametrize("text", ["", "{}", "# nothing yet\n{}\n"])
def test_an_empty_file_means_the_defaults(text: str) -> None:
    config, problems = read_detectors(text)
    assert problems == []
    assert len(config.build()) == len(DETECTORS)


def test_every_mistake_is_told_with_its_line() -> None:
    text = """
timezone: Mars/Olympus
detectors:
  volum: {}
  volume:
    flor: 3
    floor: many
    times_top: 0.1
    severity: loud
    enabled: no
    except: {principal: [a]}
  honey: {keys: [C-0042]}
extra: 1
"""
    _, problems = read_detectors(text)
    assert sorted(problem.line for problem in problems) == [2, 4, 6, 7, 8, 9, 10, 11, 12, 13]
    assert all(problem.remedy and problem.file == "detectors.yaml" for problem in problems)
    assert "did you mean `volume`?" in {problem.remedy for problem in problems}


def test_the_shipped_file_is_good_and_an_absent_one_means_defaults(tmp_path: Path) -> None:
    assert load_detectors(POLICIES).options["honey"].contain is True
    assert load_detectors(tmp_path).options["honey"].contain is False
    (tmp_path / "detectors.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ProblemsFound):
        load_detectors(tmp_path)


def test_names_that_the_bundle_does_not_know_are_warnings(tmp_path: Path) -> None:
    def check() -> list[tuple[int, str]]:
        known = {"principals": {"backup_job"}, "purposes": {"maintenance"}, "classes": {"public"}}
        return [(one.line, one.severity) for one in check_detectors(tmp_path, **known)]

    assert check() == []
    (tmp_path / "detectors.yaml").write_text(GOOD, "utf-8")
    assert check() == [(3, "warning")], "the class `open`"
    (tmp_path / "detectors.yaml").write_text("detectors: {volume: {except: {principals: [bakcup_job]}}}", "utf-8")
    assert check() == [(1, "warning")]
    (tmp_path / "detectors.yaml").write_text("detectors: {volum: {}}", "utf-8")
    assert check() == [(1, "error")]
    (tmp_path / "detectors.yaml").write_bytes(b"\xff")
    assert check() == [(0, "error")]
