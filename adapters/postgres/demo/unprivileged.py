"""PostgreSQL refuses to run as root: which account runs it instead, and where that account can reach its files.

In a container, in CI and on many servers the demo is started by root. The wheel's own answer makes every folder above
its files readable for everyone, `/root` included; here nothing that exists is opened up. What the other account cannot
reach is copied, or put, under a temporary folder that belongs to it.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ACCOUNTS = ("postgres", "nobody")
"""In order of preference; `nobody` exists on every Unix."""


@dataclass(frozen=True, slots=True)
class Account:
    """The account that owns the server's files and process; None fields: our own."""

    uid: int | None = None
    gid: int | None = None

    @property
    def groups(self) -> tuple[int, ...] | None:
        """Supplementary groups for a child process: none of ours where the account is another one."""
        return None if self.uid is None else ()

    def may_reach(self, path: Path) -> bool:
        """Whether each folder from the root down to `path` may be entered, and `path` be read, by this account."""
        if self.uid is None:
            return True
        path = path.resolve()
        return all(self._may(folder, stat.S_IXOTH) for folder in path.parents) and self._may(path, stat.S_IROTH)

    def _may(self, path: Path, bit: int) -> bool:
        status = path.stat()
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return bool(status.st_mode & (bit << shift))

    def own(self, paths: Iterable[Path]) -> None:
        """Give `paths` to the account."""
        if self.uid is not None and self.gid is not None:
            for path in paths:
                os.chown(path, self.uid, self.gid)


def account() -> Account:
    """Ourselves, or where we are root, the first of `ACCOUNTS` that the machine has."""
    if os.name != "posix" or os.geteuid() != 0:
        return Account()
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise RuntimeError(
        f"PostgreSQL refuses to run as root, and this machine has none of the accounts {', '.join(ACCOUNTS)}: "
        "run the command as an ordinary user"
    )


def reachable_install(install: Path, run_as: Account) -> Path:
    """The folder of the server's programs, as `run_as` can reach it: `install` itself, or a copy of it.

    `install` is the wheel's package folder; its libraries lie beside it in `<name>.libs` and are copied too, since the
    programs look for them there.
    """
    if run_as.may_reach(install / "pginstall" / "bin" / "postgres"):
        return install
    copy = _private_folder("menshen-postgres", install)
    if not (copy / ".complete").exists():
        for source in (install, install.with_name(install.name + ".libs")):
            if source.is_dir():
                shutil.copytree(source, copy / source.name, dirs_exist_ok=True)
        (copy / ".complete").touch()
    copy.chmod(0o755)
    return copy / install.name


def reachable_data(data: Path, run_as: Account) -> Path:
    """The data folder as `run_as` can reach it: `data` itself, or one in the temporary folder that stands for it."""
    data.parent.mkdir(parents=True, exist_ok=True)
    if not run_as.may_reach(data.parent):
        shelter = _private_folder("menshen-data", data)
        shelter.chmod(0o755)
        data = shelter / "pgdata"
    data.mkdir(exist_ok=True, mode=0o700)
    run_as.own([data])
    return data


def _private_folder(prefix: str, stands_for: Path) -> Path:
    """A folder of ours under the temporary folder, the same one for the same path each time."""
    digest = hashlib.sha256(str(stands_for.resolve()).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"{prefix}-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    # The temporary folder is open to all: a folder that somebody else laid there beforehand is not ours to run from.
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise RuntimeError(f"{folder} belongs to somebody else: remove it")
    return folder
