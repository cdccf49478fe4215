"""The terminal's view of an incident, numbers as people write them, and what is told when the gateway is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli import main, parser
from gateway.commands.incident import shown
from gateway.watch.incidents import opened, to_document
from tests.support.findings import AT, finding

CONFIG = """\
[policy]
path = "policies"
[http]
port = 1
{token}
[[listen]]
port = 6432
[databases.crm]
dsn = "postgresql://u:p@127.0.0.1/crm"
"""


def config(folder: Path, token: str = 'control_token = "0123456789abcdef"') -> str:
    path = folder / "menshen.toml"
    path.write_text(CONFIG.format(token=token), "utf-8")
    return str(path)


@pytest.mark.parametrize(("text", "number"), [("12", 12), ("INC-12", 12), ("inc-7", 7)])
def test_numbers(text: str, number: int) -> None:
    assert parser().parse_args(["incident", "ack", text]).number == number


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "INC-"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["incident", "ack", text])


def test_a_reason_is_asked_for() -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["incident", "contain", "1"])


def test_shown() -> None:
    incident, change = opened(7, finding(), AT)
    text = shown(
        {
            "incident": to_document(incident) | {"name": incident.name},
            "subjects": {"count": 2, "shown": ["crm.customers/1"]},
            "timeline": [{"at": change.at, "kind": "opened", "who": "menshen", "why": "because"}],
            "messages": [{"id": "INC-7/opened/a", "state": "queued", "error": "no line"}],
        }
    )
    for part in ("INC-7 high, open", "crm_app", "crm.customers/1", "node-0:1", "queued, no line", "一次取走"):
        assert part in text


def test_without_gateway_or_token_it_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["incident", "list", "-c", config(tmp_path)]) == 2
    assert "does not answer" in capsys.readouterr().err
    assert main(["incident", "list", "-c", config(tmp_path, "")]) == 2
    assert "control_token_file" in capsys.readouterr().err
    assert main(["drill", "honey", "-c", config(tmp_path)]) == 2
    assert "--dsn" in capsys.readouterr().err
