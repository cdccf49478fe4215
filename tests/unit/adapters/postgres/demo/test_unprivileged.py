"""Where another account can reach its files, without opening up anything that exists."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from adapters.postgres.demo.unprivileged import Account, account, reachable_data, reachable_install

STRANGER = Account(uid=54321, gid=54321)


@pytest.fixture
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shelter = tmp_path / "tmp"
    shelter.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(shelter))
    return shelter


def _closed(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder


def test_root_is_exchanged_for_an_account_without_rights_and_others_stay_themselves() -> None:
    found = account()
    if os.geteuid() == 0:
        assert found.uid
        assert found.groups == ()
    else:
        assert found == Account()
        assert found.groups is None


def test_ourselves_reach_everything(tmp_path: Path) -> None:
    assert Account().may_reach(_closed(tmp_path / "closed"))


def test_every_folder_on_the_way_counts(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "file").touch(mode=0o644)
        assert STRANGER.may_reach(folder / "file")
        folder.chmod(0o700)
        assert not STRANGER.may_reach(folder / "file")
        owner = folder.stat()
        assert Account(owner.st_uid, owner.st_gid).may_reach(folder / "file")


def test_programs_out_of_reach_are_copied_with_their_libraries(tmp_path: Path, own_temporary_folder: Path) -> None:
    home = _closed(tmp_path / "home")
    (home / "embedded" / "pginstall" / "bin").mkdir(parents=True)
    (home / "embedded" / "pginstall" / "bin" / "postgres").write_text("program")
    (home / "embedded.libs").mkdir()
    (home / "embedded.libs" / "lib.so").write_text("library")
    assert reachable_install(home / "embedded", Account()) == home / "embedded"
    copy = reachable_install(home / "embedded", STRANGER)
    assert copy.is_relative_to(own_temporary_folder)
    assert (copy / "pginstall" / "bin" / "postgres").read_text() == "program"
    assert (copy.parent / "embedded.libs" / "lib.so").read_text() == "library"
    assert reachable_install(home / "embedded", STRANGER) == copy
    assert stat.S_IMODE(home.stat().st_mode) == 0o700, "what exists is not opened up"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another account")
def test_data_out_of_reach_stands_in_the_temporary_folder(tmp_path: Path, own_temporary_folder: Path) -> None:
    home = _closed(tmp_path / "home")
    data = reachable_data(home / "state" / "pgdata", STRANGER)
    assert data.is_relative_to(own_temporary_folder)
    assert (data.stat().st_uid, stat.S_IMODE(data.stat().st_mode)) == (STRANGER.uid, 0o700)
    assert reachable_data(home / "state" / "pgdata", STRANGER) == data


def test_a_folder_that_somebody_else_laid_there_is_not_trusted(tmp_path: Path, own_temporary_folder: Path) -> None:
    home = _closed(tmp_path / "home")
    (home / "embedded" / "pginstall" / "bin").mkdir(parents=True)
    (home / "embedded" / "pginstall" / "bin" / "postgres").touch()
    reachable_install(home / "embedded", STRANGER)
    (ours,) = own_temporary_folder.iterdir()
    ours.chmod(0o777)
    with pytest.raises(RuntimeError, match="belongs to somebody else"):
        reachable_install(home / "embedded", STRANGER)
