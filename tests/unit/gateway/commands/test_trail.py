"""`menshen trail`: the folder and the key come from the configuration, or from the arguments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.trail.signing import load_or_create
from gateway.trail.writer import TrailWriter
from tests.support.gateway import Gateway


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    """Has run before: a trail and its keys are there."""
    made = Gateway(tmp_path, {"crm": "postgresql://h/d"})
    state = tmp_path / "state"
    state.mkdir()
    writer = TrailWriter.open(made.trail, "n", 0, load_or_create(None, state))
    writer.event("gateway_started", b"", version="0")
    writer.close()
    return made


def test_verify_finds_folder_and_key(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trail", "verify", "-c", str(gateway.config), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["signatures_checked"] is True
    file = next(gateway.trail.glob("*.jsonl"))
    file.write_bytes(file.read_bytes().replace(b"gateway_started", b"gateway_stopped"))
    assert main(["trail", "verify", "-c", str(gateway.config)]) == 1


def test_a_path_needs_no_configuration(
    gateway: Gateway, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    monkeypatch.chdir(empty)
    key = tmp_path / "state" / "trail-signing-key.pub.pem"
    assert main(["trail", "verify", str(gateway.trail), "--public-key", str(key)]) == 0
    assert main(["trail", "verify", str(gateway.trail), "--no-signatures"]) == 0
    assert main(["trail", "verify", str(gateway.trail)]) == 2, "a key is asked for, signatures are not skipped"


def test_query_and_export(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trail", "query", "-c", str(gateway.config), "--event", "gateway_started", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["event"] == "gateway_started"
    assert main(["trail", "export", "-c", str(gateway.config)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_who_saw_a_subject(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trail", "subject", "4711", "-c", str(gateway.config)]) == 0
    assert "nobody saw this subject" in capsys.readouterr().out
    assert main(["trail", "subject", "4711", str(gateway.trail), "--json"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["trail", "subject", "C-0042", "-c", str(gateway.config)]) == 0, "hashed with the gateway's secret"
