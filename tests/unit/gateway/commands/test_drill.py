"""When a drill has been paged, what it needs before it begins, and that one that fails is reported and filed too."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main, parser
from gateway.commands.drill import KINDS, _file, _paged
from tests.support.controlapi import control_api

NOWHERE = "postgresql://bi_reader:a-secret@127.0.0.1:1/crm"
NOBODY: dict[str, Any] = {"incidents": [], "routes": ["oncall"]}


def found(*messages: tuple[str, str], routes: tuple[str, ...] = ("oncall",)) -> dict[str, Any]:
    said = [{"route": "oncall", "kind": kind, "state": state} for kind, state in messages]
    return {"incidents": [{"incident": {}, "messages": said}], "routes": list(routes)}


@pytest.mark.parametrize(
    ("what", "paged"),
    [
        (NOBODY, False),
        (found(), False),
        (found(("opened", "queued")), False),
        (found(("opened", "sending")), False),
        (found(("opened", "sent")), True),
        (found(("opened", "sent"), ("contained", "queued")), True),
        (found(("opened", "failed")), False),
        (found(routes=()), True),
    ],
)
def test_paged(what: dict[str, Any], paged: bool) -> None:
    assert _paged(what) is paged


@pytest.mark.parametrize("kind", KINDS)
def test_kinds(kind: str) -> None:
    assert parser().parse_args(["drill", kind]).kind == kind


def test_it_is_filed_for_its_owner_alone(tmp_path: Path) -> None:
    report = {
        "began": "2026-03-02T10:00:00Z", "kind": "honey", "drill": "d1", "passed": False, "principal": "", "by": "zhou",
        "rows": 0, "table": "crm.客户", "routes": [], "error": "", "incidents": [], "detected": False, "paged": False,
        "contained": False, "login_refused": False, "seconds_to_detect": None, "seconds_to_page": None,
        "seconds_to_contain": None,
    }  # fmt: skip
    document, page = _file(tmp_path / "drills", report)
    assert document.name == "2026-03-02-honey-d1.json"
    assert json.loads(document.read_text("utf-8")) == report
    assert "crm.客户" in page.read_text("utf-8")
    assert stat.S_IMODE((tmp_path / "drills").stat().st_mode) == 0o700


def test_a_breach_that_cannot_be_made_is_a_drill_that_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = {"POST /v1/drills": {"id": "d1"}, "GET /v1/drills/d1": NOBODY, "POST /v1/drills/d1/end": {}}
    with control_api(tmp_path, answers) as api:
        code = main(["drill", "bulk-export", "-c", str(api.config), "--dsn", NOWHERE, "--json", "--wait", "1"])
    out = capsys.readouterr()
    report = json.loads(out.out)
    assert (code, report["passed"], report["detected"], report["rows"]) == (1, False, False, 0)
    assert "could not be made" in report["error"]
    assert "a-secret" not in out.out + out.err
    asked = dict(api.asked)
    assert asked["POST /v1/drills"] == {"kind": "bulk-export", "principal": "bi_reader", "seconds": 61.0}
    assert asked["POST /v1/drills/d1/end"]["error"] == report["error"], "it is over for the gateway too"
    assert len(list((tmp_path / "state" / "drills").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["scrape"], "the drill needs an account"),
        (["scrape", "--dsn", NOWHERE, "--table", "crm.nothing"], "crm.nothing is no table with a subject"),
        (["honey", "--dsn", NOWHERE, "--table", "crm.customers"], "no honey record is planted in crm.customers"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_announced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    planted = {"honey": [{"place": "crm:crm.orders/7"}]}
    with control_api(tmp_path, {"GET /v1/honey": planted}) as api:
        assert main(["drill", *arguments, "-c", str(api.config)]) == 2
    assert told in capsys.readouterr().err
    assert "POST /v1/drills" not in dict(api.asked)
