"""Half a minute of `python -m bench.soak`: everything dies now and then, and what was promised holds all the same."""

from __future__ import annotations

import argparse
import os

from bench.soak.__main__ import run

MINUTES = float(os.environ.get("MENSHEN_SOAK_MINUTES", "0.4"))


def test_nothing_is_wrong_lost_stuck_or_left_while_everything_dies() -> None:
    options = argparse.Namespace(minutes=MINUTES, clients=2, workers=2, pool="session", hurry=5.0)
    wrong, figures = run(options)
    print(figures)
    assert not wrong, "\n".join(wrong)
    assert {"backend", "pause", "worker", "database"} <= set(figures["deaths"])
