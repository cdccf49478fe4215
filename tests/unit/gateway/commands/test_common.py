"""How problems are shown."""

from __future__ import annotations

import json

import pytest

from gateway.commands.common import show_problems
from gateway.errors import Problem, ProblemsFound

FOUND = ProblemsFound([Problem("b.csv", 2, "坏", "改"), Problem("a.csv", 0, "odd")])


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    show_problems(FOUND, as_json=False)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "a.csv: error: odd\nb.csv:2: error: 坏\n    remedy: 改\n"


def test_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    show_problems(FOUND, as_json=True)
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert problems[1] == {"file": "b.csv", "line": 2, "message": "坏", "remedy": "改", "severity": "error"}
