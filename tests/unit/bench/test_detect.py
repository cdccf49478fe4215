"""The simulation is replayable, and the detectors find most of what it hides."""

from __future__ import annotations

from bench.detect import Weeks, run


def test_the_same_seed_gives_the_same_weeks() -> None:
    def days(seed: int) -> list[object]:
        weeks = Weeks(seed, 1, 5)
        weeks.days = 5
        return [(one.t, one.members) for events in weeks for one in events]

    assert days(3) == days(3)
    assert days(3) != days(4)


def test_most_breaches_are_found_and_few_pages_are_false() -> None:
    """A short run that shows a detector that broke; the figures that count are those of `make bench-detect`."""
    weeks, score, _, _ = run(5, weeks=1, breaches=12)
    made = weeks.plan.breaches
    assert len(made) >= 10
    assert sum(bool(score.found[one.number]) for one in made) >= len(made) - 2
    assert len(score.false) <= 4
