"""The reference is what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gateway.config.markdown import markdown

ROOT = Path(__file__).parents[4]


def test_the_reference_is_fresh() -> None:
    written = (ROOT / "docs/configuration.md").read_text("utf-8")
    assert written == markdown(), "run: python -m gateway.config --markdown > docs/configuration.md"


def test_every_table_and_secret_is_in_it() -> None:
    text = markdown()
    for heading in ("[gateway]", "[gateway.limits]", "[[listen]]", "[listen.tls]", "[databases.NAME]", "[trail]"):
        assert f"## `{heading}`\n" in text
    assert "`dsn` 🔑" in text


def test_the_command_prints_it() -> None:
    run = subprocess.run([sys.executable, "-m", "gateway.config", "--markdown"], capture_output=True, check=True)
    assert run.stdout.decode() == markdown()
    assert subprocess.run([sys.executable, "-m", "gateway.config"], capture_output=True, check=False).returncode == 1
