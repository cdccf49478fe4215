"""Outcomes of a suite: read from JUnit XML, compared place by place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias
from xml.etree import ElementTree

PASSED: Final = "passed"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"


@dataclass(frozen=True)
class Outcome:
    """How one test ended; `text` is the first line of what it said."""

    status: str
    text: str = ""


Outcomes: TypeAlias = Mapping[str, Outcome]
"""By the test's name."""


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs of the same suite."""

    broken: Mapping[str, Outcome]
    """Pass direct, do not pass through the gateway: what must be fixed, or explained."""
    mended: Mapping[str, Outcome]
    """Fail direct, pass through the gateway; with the direct run's text."""
    missing: tuple[str, ...]
    """Were not run, or skipped, in the second run only."""


def read_junit(path: Path) -> dict[str, Outcome]:
    """Raises OSError, and ValueError where the file is no JUnit report."""
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as exc:
        raise ValueError(f"{path.name} is not a JUnit report: {exc}") from None
    found: dict[str, Outcome] = {}
    for case in root.iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        outcome = _outcome(case)
        # A test that passes and whose clean-up fails is reported twice: the worse one counts.
        if name not in found or outcome.status == FAILED:
            found[name] = outcome
    return found


def _outcome(case: ElementTree.Element) -> Outcome:
    for tag, status in (("failure", FAILED), ("error", FAILED), ("skipped", SKIPPED)):
        child = case.find(tag)
        if child is not None:
            text = child.get("message") or child.text or ""
            return Outcome(status, text.strip().split("\n", 1)[0][:300])
    return Outcome(PASSED)


def compare(direct: Outcomes, through: Outcomes) -> Comparison:
    broken, mended, missing = {}, {}, []
    for name, outcome in direct.items():
        other = through.get(name)
        if outcome.status == PASSED and other is not None and other.status == FAILED:
            broken[name] = other
        elif outcome.status == PASSED and (other is None or other.status == SKIPPED):
            missing.append(name)
        elif outcome.status == FAILED and other is not None and other.status == PASSED:
            mended[name] = outcome
    return Comparison(broken, mended, tuple(missing))


def summary(outcomes: Outcomes) -> str:
    counts = Counter(outcome.status for outcome in outcomes.values())
    return ", ".join(f"{counts[status]} {status}" for status in (PASSED, FAILED, SKIPPED))


def report(driver: str, direct: Outcomes, through: Outcomes) -> str:
    """What a person reads: the counts, then each difference with what the test said."""
    found = compare(direct, through)
    lines = [f"{driver}: direct {summary(direct)}", f"{driver}: through Menshen {summary(through)}"]
    for title, items in (("pass direct, fail through Menshen", found.broken), ("the other way round", found.mended)):
        lines.append(f"{len(items)} {title}")
        lines += [f"  {name}\n      {outcome.text}" for name, outcome in sorted(items.items())]
    lines.append(f"{len(found.missing)} pass direct, were not run through Menshen")
    lines += [f"  {name}" for name in sorted(found.missing)]
    return "\n".join(lines)
