"""The hash chain: pure. Lines, links, manifests and what their signatures cover; no file, no clock.

A chain is one writer's sequence of lines, cut into segments. Line N is

    {"prev":"<hash of line N-1>","seq":N,<members>}\\n

where the hash of a line is the SHA-256 of its bytes without the newline, in hexadecimal. The first line of a chain
names `genesis(chain)`, a hash of the chain's name, so that no chain can be passed off as another. The chain runs on
over its segments: the first line of a segment names the last of the segment before.

Because a hash covers the hash before it, the last hash of a segment stands for all that was ever written before. A
manifest states it and is signed with Ed25519: one for every closed segment, and one for the head of the chain.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Protocol

import orjson

FORMAT = 1
"""Version of lines and manifests; a reader refuses a higher one."""

_SIGNED = b"menshen trail manifest\n"
"""Goes before a manifest when it is signed, so that the key signs nothing that could mean something else."""

MAX_LINE = 16 << 20
"""Bytes of the longest line that a writer writes and a reader keeps in memory."""

_LINK = re.compile(rb'\{"prev":"([0-9a-f]{64})","seq":([1-9][0-9]{0,14}),')


class Signer(Protocol):
    """A private key (`gateway.trail.signing.SigningKey`)."""

    @property
    def key_id(self) -> str: ...
    def sign(self, data: bytes) -> bytes: ...


class Verifier(Protocol):
    """Public keys (`gateway.trail.signing.PublicKeys`)."""

    def knows(self, key_id: str) -> bool: ...
    def verify(self, key_id: str, signature: bytes, data: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is signed about a segment, or about the head of a chain."""

    format: int
    kind: str
    """`segment`: it is closed and complete. `head`: the chain has come this far. `end`: the writer left it here."""
    chain: str
    segment: str
    """Name of the file."""
    first: int
    """Number of the segment's first record."""
    last: int
    """Number of the last record."""
    prev: str
    """What the first record names: the last hash of the segment before."""
    hash: str
    """Hash of the last record."""
    bytes: int
    """Size of the file up to the end of the last record."""
    at: str
    """When this was signed: UTC, as in records."""
    key: str
    """Which key signed: the first 16 hexadecimal digits of the SHA-256 of the raw public key."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a chain stands: the number and the hash of its last record."""

    seq: int
    hash: str


def genesis(chain: str) -> Link:
    """Where a chain stands before its first record."""
    return Link(0, hashlib.sha256(b"menshen trail 1\n" + chain.encode()).hexdigest())


def line_hash(line: bytes) -> str:
    """The hash of a line without its newline."""
    return hashlib.sha256(line).hexdigest()


def make_line(link: Link, members: bytes) -> bytes:
    """The next line after `link`, without its newline."""
    return b'{"prev":"%b","seq":%d,%b}' % (link.hash.encode(), link.seq + 1, members)


def read_link(line: bytes) -> Link | None:
    """The number that a line claims and the hash that it names; None where it is not the beginning of a record."""
    match = _LINK.match(line)
    if match is None or not line.endswith(b"}"):
        return None
    return Link(int(match[2]), match[1].decode())


@dataclass(slots=True)
class Fold:
    """A walk over lines from a known link on."""

    seq: int
    hash: str
    watch: frozenset[int] = frozenset()
    """Numbers of records whose hashes are wanted."""
    seen: dict[int, str] = field(default_factory=dict)
    """The hashes of watched records that came by."""

    def take(self, lines: Sequence[bytes], begin: int = 0) -> int:
        """Go on over complete lines (without newlines); the index of the first that does not fit, or their number.

        The link at the front of a line and the hash of all of it are compared as bytes, nothing is decoded: a line that
        fits is exactly the line that was written, provided that a later hash is vouched for.
        """
        at = begin
        while at < len(lines):
            ahead = [seq - self.seq for seq in self.watch if seq > self.seq]
            upto = min([len(lines), *(at + distance for distance in ahead)])
            at += self._run(islice(lines, at, upto))
            self._note()
            if at < upto:
                return at
        return at

    def _run(self, lines: Iterable[bytes]) -> int:
        sha256 = hashlib.sha256
        start = seq = self.seq
        digest = self.hash.encode()
        for line in lines:
            if not line.startswith(b'{"prev":"%b","seq":%d,' % (digest, seq + 1)):
                break
            digest = sha256(line).hexdigest().encode()
            seq += 1
        self.seq, self.hash = seq, digest.decode()
        return seq - start

    def adopt(self, line: bytes) -> None:
        """Go on behind a line that did not fit, taking its own number where it has one."""
        link = read_link(line)
        self.seq = link.seq if link else self.seq + 1
        self.hash = line_hash(line)
        self._note()

    def _note(self) -> None:
        if self.seq in self.watch:
            self.seen[self.seq] = self.hash


def seal(manifest: Manifest, signer: Signer) -> bytes:
    """A signed manifest as the bytes of its file: one line of JSON with `manifest` and `signature` (hexadecimal)."""
    return _encode(manifest, signer.sign(_SIGNED + _canonical(manifest)))


@dataclass(frozen=True, slots=True)
class Sealed:
    """A signed manifest that was read: what it says, and what is wrong with it (empty: it is vouched for)."""

    manifest: Manifest | None
    fault: str = ""
    """`unreadable`, `wrong_key` or `bad_signature`."""


def unseal(data: bytes, verifier: Verifier | None) -> Sealed:
    """Read a signed manifest. Without a verifier the signature is not checked, but all else is."""
    manifest, signature = _decode(data)
    if manifest is None:
        return Sealed(None, "unreadable")
    if verifier is None:
        return Sealed(manifest)
    if not verifier.knows(manifest.key):
        return Sealed(manifest, "wrong_key")
    if not verifier.verify(manifest.key, signature, _SIGNED + _canonical(manifest)):
        return Sealed(manifest, "bad_signature")
    return Sealed(manifest)


def _canonical(manifest: Manifest) -> bytes:
    return orjson.dumps(asdict(manifest), option=orjson.OPT_SORT_KEYS)


def _encode(manifest: Manifest, signature: bytes) -> bytes:
    return b'{"manifest":%b,"signature":"%b"}\n' % (_canonical(manifest), signature.hex().encode())


def _decode(data: bytes) -> tuple[Manifest | None, bytes]:
    """Only the exact bytes that `seal` writes are read: a file has no part that the signature does not hold."""
    try:
        parsed = orjson.loads(data)
        manifest = Manifest(**parsed["manifest"])
        signature = bytes.fromhex(parsed["signature"])
        exact = _encode(manifest, signature) == data
    except (ValueError, TypeError, KeyError):
        return None, b""
    return (manifest, signature) if exact and manifest.format == FORMAT else (None, b"")
