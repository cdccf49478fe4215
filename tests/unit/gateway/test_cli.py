"""The command line: exit codes, help that teaches, and modules that are loaded only when they are needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import __version__
from gateway.cli import main, parser


def menshen(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )


COMMANDS = ("demo", "check", "serve", "explain", "trail", "passwd")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert f"  menshen {command}" in text
    assert "examples:" in text


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["serve", "--port", "1"], ["trail"], ["trail", "query", "--verdict", "maybe"]]
)
def test_usage_errors_are_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code: object = main(arguments)
    except SystemExit as left:
        code = left.code
    assert code == 2


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"menshen {__version__}\n"


def test_json_is_everywhere() -> None:
    actions = parser()._subparsers
    assert actions is not None
    for command in COMMANDS:
        assert "--json" in menshen(command, "--help").stdout or command == "trail"
    for command in ("verify", "query", "export"):
        assert "--json" in menshen("trail", command, "--help").stdout


def test_problems_of_the_configuration_are_2_and_all_told(tmp_path: Path) -> None:
    file = tmp_path / "menshen.toml"
    file.write_text("[gateway]\nworkerz = 1\n[http]\nport = 0.5\n")
    run = menshen("serve", "-c", str(file))
    assert run.returncode == 2
    assert ":2:" in run.stderr
    assert ":4:" in run.stderr
    assert "Traceback" not in run.stderr
    run = menshen("serve", "-c", str(file), "--json")
    assert len(json.loads(run.stdout)["problems"]) == 2


def test_a_reader_that_leaves_is_no_error() -> None:
    run = subprocess.run(
        f"{sys.executable} -m gateway.cli --help | head -1", shell=True, capture_output=True, text=True, check=False
    )
    assert run.stderr == ""


def test_help_does_not_load_the_gateway() -> None:
    code = (
        "import sys; from gateway.cli import parser; parser(); print({'asyncpg', 'pglast', 'aiohttp'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
