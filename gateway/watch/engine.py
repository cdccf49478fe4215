"""Records in, findings out: which detectors look at which records. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.watch.detector_config import DetectorConfig
from gateway.watch.detectors import Detector, Seen, Zone
from gateway.watch.finding import Finding

Failures = list[tuple[str, str]]


@dataclass(slots=True)
class _Lanes:
    """Which detectors want which records."""

    reads: list[Detector] = field(default_factory=list)
    personal: list[Detector] = field(default_factory=list)
    denials: list[Detector] = field(default_factory=list)
    events: dict[str, list[Detector]] = field(default_factory=dict)


class Engine:
    """A set of detectors and their states."""

    def __init__(self, config: DetectorConfig) -> None:
        self.detectors = {one.about.name: one for one in config.build()}
        self._zone, self._public = Zone(config.timezone), config.public
        self._lanes = _lanes(list(self.detectors.values()))

    def feed(self, record: Mapping[str, Any], chain: str, failures: Failures) -> list[Finding]:
        """The findings that this record completes. Records come in the order of their time.

        `failures` takes detectors that raised, by name and type of the error: one's defect must not silence the others.
        """
        try:
            seen = Seen(record, chain, self._zone, self._public)
        except (ValueError, TypeError, AttributeError) as error:
            failures.append(("record", type(error).__name__))  # edited, or from elsewhere: `verify` names it
            return []
        found: list[Finding] = []
        for detector in self._wanted(seen):
            try:
                findings = detector.feed(seen)
            except Exception as error:
                failures.append((detector.about.name, type(error).__name__))
                continue
            if findings:
                found += findings
        return found

    def _wanted(self, seen: Seen) -> list[Detector]:
        lanes = self._lanes
        if seen.read:
            return lanes.personal if seen.exposure else lanes.reads
        return lanes.denials if seen.denied else lanes.events.get(seen.event, [])


def _lanes(detectors: list[Detector]) -> _Lanes:
    lanes = _Lanes()
    for one in detectors:
        if one.reads:
            lanes.personal.append(one)
            if not one.personal:
                lanes.reads.append(one)
        if one.denials:
            lanes.denials.append(one)
        for name in one.events:
            lanes.events.setdefault(name, []).append(one)
    return lanes
