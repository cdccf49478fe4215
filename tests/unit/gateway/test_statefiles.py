"""The pseudonym secret is made once, for this user only."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from gateway.config import Secret, Settings
from gateway.config.settings import GatewaySettings, PolicySettings
from gateway.errors import ProblemsFound
from gateway.statefiles import PSEUDONYM_NAME, lookup_key, make_state_dir, pseudonym_secret


def settings(folder: Path, key: Secret | None = None) -> Settings:
    return Settings(gateway=GatewaySettings(state_dir=folder), policy=PolicySettings(pseudonym_key=key))


def test_it_is_made_once_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "var"
    make_state_dir(folder)
    first = pseudonym_secret(settings(folder))
    assert len(first) == 64
    assert pseudonym_secret(settings(folder)) == first
    assert stat.S_IMODE((folder / PSEUDONYM_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [p.name for p in folder.iterdir()] == [PSEUDONYM_NAME]


def test_the_configured_one_wins(tmp_path: Path) -> None:
    assert pseudonym_secret(settings(tmp_path, Secret("k" * 40))) == b"k" * 40
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_others_read_or_that_is_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / PSEUDONYM_NAME
    path.write_text("x" * 64)
    path.chmod(0o644)
    with pytest.raises(ProblemsFound, match="chmod 600"):
        pseudonym_secret(settings(tmp_path))
    path.chmod(0o600)
    path.write_text("x")
    with pytest.raises(ProblemsFound, match="restore it from a backup"):
        pseudonym_secret(settings(tmp_path))


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProblemsFound, match="state_dir"):
        make_state_dir(tmp_path / "file" / "var")
    with pytest.raises(ProblemsFound):
        pseudonym_secret(settings(tmp_path / "gone"))


def test_the_key_of_lookups_is_not_the_secret() -> None:
    assert len(lookup_key(b"a" * 32)) == 32
    assert lookup_key(b"a" * 32) != lookup_key(b"b" * 32)
