"""Planted customers at the terminal: keys are told as records hold them, mistakes before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.commands.honey import _pair
from gateway.config import load
from gateway.errors import MenshenError
from gateway.statefiles import lookup_key, pseudonym_secret
from gateway.trail.subjects import parse_key
from tests.support.controlapi import control_api

PLANTED = {"place": "crm:crm.customers/7", "planted_at": "2026-03-02T10:00:00.000000Z", "who": "zhou"}


def test_the_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with control_api(tmp_path, {"GET /v1/honey": {"honey": [PLANTED]}}) as api:
        assert main(["honey", "list", "-c", str(api.config)]) == 0
        assert capsys.readouterr().out.split() == ["crm:crm.customers/7", "2026-03-02T10:00:00Z", "zhou"]
        assert main(["honey", "list", "-c", str(api.config), "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == [PLANTED]
        api.answers["GET /v1/honey"] = {"honey": []}
        main(["honey", "list", "-c", str(api.config)])
    assert "none is planted: menshen honey plant" in capsys.readouterr().out


def test_records_that_are_there_are_told_as_the_trail_knows_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with control_api(tmp_path, {"POST /v1/honey": {}}) as api:
        command = ["honey", "plant", "--table", "crm.customers", "--key", "48213", "--key", "K-9", "--who", "zhou"]
        assert main([*command, "-c", str(api.config)]) == 0
    assert capsys.readouterr().out.splitlines() == ["planted crm:crm.customers/48213", "planted crm:crm.customers/K-9"]
    [(_, body)] = api.asked
    number, text = body["honey"]
    assert body["who"] == "zhou"
    assert number == {"place": "crm:crm.customers/48213", "key": "48213", "hashes": []}
    assert text["key"] == parse_key("K-9", lookup_key(pseudonym_secret(load(api.config))))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--table", "crm.nothing"], "crm.nothing is no table with a subject"),
        (["--table", "crm.customers", "--count", "0"], "--count is between 1 and 100"),
        (["--table", "crm.customers", "--count", "101"], "--count is between 1 and 100"),
        (["--table", "crm.customers", "--database", "erp"], "there is no database 'erp'"),
    ],
)
def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    with control_api(tmp_path, {}) as api:
        assert main(["honey", "plant", *arguments, "-c", str(api.config)]) == 2
    assert told in capsys.readouterr().err
    assert api.asked == []


def test_values_that_are_given() -> None:
    assert _pair("region=上海=1") == ("region", "上海=1")
    assert _pair("note=") == ("note", "")
    for text in ("region", "=x"):
        with pytest.raises(MenshenError, match="is not COLUMN=TEXT"):
            _pair(text)


def test_help_without_an_action(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["honey"]) == 2
    assert "plant" in capsys.readouterr().out
