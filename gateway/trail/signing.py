"""The trail's Ed25519 keys: read, made on the first start, and used to sign and to verify manifests.

The private key stays with the gateway (mode 0600). The public key lies beside it, and an auditor should keep a copy
elsewhere: whoever can replace both the trail and the public key can replace the truth.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.errors import Problem, ProblemsFound

PRIVATE_NAME = "trail-signing-key.pem"
PUBLIC_NAME = "trail-signing-key.pub.pem"


def key_id(public: Ed25519PublicKey) -> str:
    """The name of a key in manifests."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private key of a gateway; satisfies `chain.Signer`."""

    private: Ed25519PrivateKey
    key_id: str

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> SigningKey:
        return cls(private, key_id(private.public_key()))

    @classmethod
    def generate(cls) -> SigningKey:
        return cls.of(Ed25519PrivateKey.generate())

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data)

    def public(self) -> PublicKeys:
        return PublicKeys({self.key_id: self.private.public_key()})

    def public_pem(self) -> bytes:
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(encoding, form)


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """The keys that an auditor accepts, old ones included; satisfies `chain.Verifier`."""

    keys: dict[str, Ed25519PublicKey]

    def knows(self, key_id: str) -> bool:
        return key_id in self.keys

    def verify(self, key_id: str, signature: bytes, data: bytes) -> bool:
        try:
            self.keys[key_id].verify(signature, data)
        except (KeyError, InvalidSignature):
            return False
        return True


def load_or_create(signing_key_file: Path | None, state_dir: Path) -> SigningKey:
    """The configured key, or the one in `state_dir`, which is made on the first start (several workers may race).

    The public key is laid into `state_dir` in both cases.

    Raises `ProblemsFound` where the file is missing, unreadable, readable by everyone, or not an Ed25519 key.
    """
    if signing_key_file is not None:
        key = load_private(signing_key_file)
    else:
        path = state_dir / PRIVATE_NAME
        if not path.exists():
            _create(path)
        key = load_private(path)
    _show_public(state_dir, key)
    return key


def _show_public(state_dir: Path, key: SigningKey) -> None:
    """Lay the public key where `verify` looks for it; the one of an earlier key stays, under its name."""
    public, pem = state_dir / PUBLIC_NAME, key.public_pem()
    with contextlib.suppress(FileNotFoundError):
        if public.read_bytes() == pem:
            return
        with contextlib.suppress(ProblemsFound):
            for name in load_public([public]).keys:
                _publish(state_dir / f"trail-signing-key.{name}.pub.pem", public.read_bytes(), 0o644, replace=True)
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _publish(public, pem, 0o644, replace=True)


def load_private(path: Path) -> SigningKey:
    """Read a PEM file (PKCS#8, not encrypted)."""
    remedy = f"make one with: openssl genpkey -algorithm ed25519 -out {path} && chmod 600 {path}"
    try:
        if path.stat().st_mode & 0o007:
            raise _problem(path, "the signing key can be read by everyone on this machine", f"chmod 600 {path}")
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise _problem(path, f"the signing key cannot be read: {error.strerror}", remedy) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _problem(path, "this is not an unencrypted private key in PEM form", remedy) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise _problem(path, "the signing key is not an Ed25519 key", remedy)
    return SigningKey.of(private)


def load_public(paths: Iterable[Path]) -> PublicKeys:
    """Read public keys in PEM form; raises `ProblemsFound` with every file that is none."""
    keys: dict[str, Ed25519PublicKey] = {}
    problems: list[Problem] = []
    for path in paths:
        try:
            public = serialization.load_pem_public_key(path.read_bytes())
        except OSError as error:
            problems.append(Problem(str(path), 0, f"the public key cannot be read: {error.strerror}"))
        except (ValueError, UnsupportedAlgorithm):
            problems.append(Problem(str(path), 0, "this is not a public key in PEM form", f"use {PUBLIC_NAME}"))
        else:
            if isinstance(public, Ed25519PublicKey):
                keys[key_id(public)] = public
            else:
                problems.append(Problem(str(path), 0, "the public key is not an Ed25519 key", f"use {PUBLIC_NAME}"))
    if problems:
        raise ProblemsFound(problems)
    return PublicKeys(keys)


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    pem = Ed25519PrivateKey.generate().private_bytes(encoding, form, serialization.NoEncryption())
    _publish(path, pem, 0o600, replace=False)


def _publish(path: Path, data: bytes, mode: int, *, replace: bool) -> None:
    """Make a file appear complete or not at all; without `replace` the first of several writers wins."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        if replace:
            os.replace(temporary, path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _problem(path: Path, message: str, remedy: str) -> ProblemsFound:
    return ProblemsFound([Problem(str(path), 0, message, remedy)])
