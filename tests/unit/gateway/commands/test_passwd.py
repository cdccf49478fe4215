"""Verifiers are those of PostgreSQL, and the password is never an argument."""

from __future__ import annotations

import base64
import json
import subprocess
import sys

import pytest

from gateway.commands.passwd import verifier


def menshen(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", *arguments], input=stdin, capture_output=True, text=True, check=False
    )


def test_the_example_of_the_rfc() -> None:
    # RFC 7677, section 3: password "pencil"; its ServerSignature is made of this salt and these rounds.
    made = verifier("pencil", iterations=4096, salt=base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert made == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_a_salt_is_used_once() -> None:
    assert verifier("x") != verifier("x")


def test_from_standard_input() -> None:
    run = menshen("passwd", stdin="pencil\n")
    assert run.returncode == 0
    assert run.stdout.startswith("SCRAM-SHA-256$4096:")
    assert "pencil" not in run.stdout + run.stderr
    assert json.loads(menshen("passwd", "--json", stdin="密码\n").stdout)["verifier"].startswith("SCRAM-SHA-256$")


def test_generate_shows_both() -> None:
    shown = json.loads(menshen("passwd", "--generate", "--json").stdout)
    assert set(shown) == {"password", "verifier"}
    assert len(shown["password"]) >= 30


@pytest.mark.parametrize(
    ("arguments", "stdin"), [(["passwd"], ""), (["passwd", "--iterations", "1"], "x\n"), (["passwd", "hunter2"], "x\n")]
)
def test_what_is_refused(arguments: list[str], stdin: str) -> None:
    run = menshen(*arguments, stdin=stdin)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr
