"""`menshen check`: findings are 1, warnings are told, a database that is down is no finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import main
from tests.support.gateway import Gateway

NOWHERE = "postgresql://menshen:s3cret-word@127.0.0.1:1/crm"


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path, {"crm": NOWHERE})


def check(gateway: Gateway, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, object]]:
    code = main(["check", "-c", str(gateway.config), "--json", *more])
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return code, document


def test_a_sound_set_up(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = check(gateway, capsys, "--no-database")
    assert (code, document["errors"]) == (0, 0)


def test_a_database_that_is_down_is_a_warning(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = check(gateway, capsys)
    assert (code, document["good"]) == (0, True)
    assert "databases.crm was not checked: nothing listens" in str(document["problems"])
    assert "s3cret" not in str(document)
    assert check(gateway, capsys, "--strict")[0] == 1


def test_mistakes_in_the_bundle_and_the_configuration_are_findings(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    (gateway.policies / "rules.csv").write_text("p, a, b\nq\n")
    code, document = check(gateway, capsys)
    assert code == 1
    assert isinstance(document["errors"], int)
    assert document["errors"] >= 2
    gateway.config.write_text("[nothing]\n")
    assert check(gateway, capsys)[0] == 1


def test_no_file_is_a_set_up_error(tmp_path: Path) -> None:
    assert main(["check", "-c", str(tmp_path / "none.toml")]) == 2


def test_for_people(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "-c", str(gateway.config)])
    assert capsys.readouterr().out.splitlines()[-1].endswith("warnings")
