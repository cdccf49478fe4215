"""What the gateway keeps in `state_dir`: the secret behind pseudonyms, made once with mode 0600."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import socket
from pathlib import Path

from gateway.config import Settings
from gateway.errors import Problem, ProblemsFound

PSEUDONYM_NAME = "pseudonym-key"
_DIRECTORY_MODE = 0o700
_FILE_MODE = 0o600


def make_state_dir(path: Path) -> None:
    """Create the folder for this user only; raises ProblemsFound where that fails."""
    try:
        path.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise _problem(path, f"the state folder cannot be made: {error.strerror}", "set gateway.state_dir") from error


def node_of(settings: Settings) -> str:
    """The name of this gateway in records."""
    return settings.gateway.node or socket.gethostname()


def pseudonym_secret(settings: Settings) -> bytes:
    """The configured secret, or the one in `state_dir`, which is made on the first start. At least 32 bytes.

    Losing it changes every pseudonym; whoever reads it can test guesses against pseudonyms.
    """
    if settings.policy.pseudonym_key is not None:
        return settings.policy.pseudonym_key.reveal().encode()
    path = settings.gateway.state_dir / PSEUDONYM_NAME
    if not path.exists():
        _create(path, secrets.token_hex(32).encode() + b"\n")
    return _read(path)


def lookup_key(secret: bytes) -> bytes:
    """The key of the hashes that stand for looked-up values in records; independent of the pseudonyms' keys."""
    return hmac.digest(b"menshen lookup hash v1", secret, "sha256")


def mock_key(secret: bytes) -> bytes:
    """What verifiers of users that are not there are made of: the same in all workers and after a restart."""
    return hmac.digest(b"menshen mock authentication v1", secret, "sha256")


def _read(path: Path) -> bytes:
    try:
        mode, data = path.stat().st_mode, path.read_bytes().strip()
    except OSError as error:
        raise _problem(path, f"the pseudonym key cannot be read: {error.strerror}", "check its owner") from error
    if mode & 0o007:
        raise _problem(path, "the pseudonym key is open to every user of this machine", f"chmod 600 {path}")
    if len(data) < 32:
        remedy = "restore it from a backup; a new one (remove the file) changes every pseudonym"
        raise _problem(path, "the pseudonym key is shorter than 32 characters", remedy)
    return data


def _create(path: Path, data: bytes) -> None:
    """Write the file whole or not at all; the first of several processes wins, all of them read the same."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
        try:
            os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    except OSError as error:
        raise _problem(
            path, f"the pseudonym key cannot be made: {error.strerror}", "check gateway.state_dir"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _problem(path: Path, message: str, remedy: str) -> ProblemsFound:
    return ProblemsFound([Problem(str(path), 0, message, remedy)])
