"""The oracle: do the bytes of the server side show a value that must not be seen, in any disguise that SQL can give it?

Plain, reversed, hex, base64 at every alignment, UTF-16, GB18030, escapes, unkeyed digests, PostgreSQL's binary formats,
and cut over rows, columns, messages and COPY lines.
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
import urllib.parse
from collections.abc import Iterable, Iterator
from datetime import date

from tests.security.canaries import Canary
from tests.security.client import fields, messages

STEM = 6
_LETTERS = str.maketrans("0123456789", "abcdefghij")
DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")


def disguises(text: str) -> set[bytes]:
    """Every form of one text, in lower case."""
    raw = text.encode()
    out = {
        *(raw, raw[::-1], text[::-1].encode(), raw.hex().encode(), raw[::-1].hex().encode()),
        *(text.encode("utf-16-le"), text.encode("utf-16-be"), urllib.parse.quote(text).encode()),
        "".join(chr(b) if b < 128 else f"\\{b:03o}" for b in raw).encode(),
        "".join(c if ord(c) < 128 else f"\\u{ord(c):04x}" for c in text).encode(),
        *(",".join(str(b) for b in raw).encode(), " ".join(str(b) for b in raw).encode()),
        *("".join(str(b) for b in raw).encode(), "".join(f"{b:08b}" for b in raw).encode()),
    }
    if text.isdigit():
        out |= {text.translate(_LETTERS).encode(), f"{int(text):x}".encode(), f"{int(text):b}".encode()}
    if not text.isascii():
        out |= {text.encode("gb18030"), text.encode("gb18030").hex().encode()}
    for pad in range(3):  # the part of base64 that does not depend on what stands beside the value
        whole = base64.b64encode(b"\0" * pad + raw).decode().rstrip("=")
        out.add(whole[(0, 2, 3)[pad] : len(whole) - (1 if (len(raw) + pad) % 3 else 0)].encode())
    for form in {raw, text.lower().encode(), text.upper().encode()}:
        for name in DIGESTS:
            digest = hashlib.new(name, form).digest()
            out |= {digest, digest.hex().encode(), base64.b64encode(digest).rstrip(b"=")}
    return {o.lower() for o in out if len(o) >= STEM}


def needles(canary: Canary) -> set[bytes]:
    """All that counts as a sight of one canary."""
    out: set[bytes] = set()
    for text in {canary.value, canary.token, *canary.forms}:
        out |= disguises(text)
    if canary.kind == "date":
        days = (date.fromisoformat(canary.value) - date(2000, 1, 1)).days
        out.add(struct.pack("!ii", 4, days).lower())
    if canary.kind == "numeric":
        digits = canary.value.replace(".", "") + "00"
        digits = digits.zfill(-(-len(digits) // 4) * 4)
        out.add(b"".join(struct.pack("!h", int(digits[i : i + 4])) for i in range(0, len(digits), 4)).lower())
    return out


class Oracle:
    """Looks for a set of canaries."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._index: dict[bytes, list[tuple[bytes, Canary]]] = {}
        for canary in canaries:
            for needle in needles(canary):
                self._index.setdefault(bytes(needle[:STEM]), []).append((bytes(needle), canary))

    def search(self, stream: bytes, known: bytes = b"") -> tuple[Canary, bytes, str] | None:
        """The first canary seen, its form, and where; what the client itself sent (`known`) is no news."""
        known = known.lower()
        for where, view in views(stream):
            view = view.lower()
            stems = {view[i : i + STEM] for i in range(len(view) - STEM + 1)}
            for stem in stems & self._index.keys():
                for needle, canary in self._index[stem]:
                    if needle in view and not _said(canary, known):
                        return canary, needle, where
        return None


def _said(canary: Canary, known: bytes) -> bool:
    return any(text.encode().lower() in known for text in (canary.value, canary.token))


def views(stream: bytes) -> Iterator[tuple[str, bytes]]:
    """The stream itself, then its values put together as an attacker would."""
    yield "bytes", stream
    rows, copies, texts = [], [], []
    for kind, body in messages(stream):
        if kind == "D":
            rows.append(fields(body))
        elif kind == "d":
            copies.append(body)
        elif kind in "ENA":
            texts.append(body)
    if rows:
        joined = b"".join(v or b"" for row in rows for v in row)
        yield "values", joined
        yield "values without separators", _bare(joined)
        for column in range(max(map(len, rows))):
            yield f"column {column + 1}", b"".join((r[column] or b"") for r in rows if column < len(r))
    if copies:
        yield "COPY data", b"".join(copies)
        yield "COPY data without separators", _bare(b"".join(copies))
    if texts:
        yield "messages without separators", _bare(b"".join(texts))


def _bare(data: bytes) -> bytes:
    return re.sub(rb"[^0-9A-Za-z@\x80-\xff]", b"", data)
