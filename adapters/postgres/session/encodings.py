"""Client encodings by PostgreSQL's names. Restricted personas speak UTF-8; others are decoded for the record only."""

from __future__ import annotations

from typing import Final

UTF8_NAMES: Final = frozenset(("utf8", "unicode"))

_CODECS: Final = {
    "gbk": "gbk",
    "gb18030": "gb18030",
    "big5": "big5",
    "euccn": "gb2312",
    "eucjp": "euc_jp",
    "euckr": "euc_kr",
    "sjis": "shift_jis",
    "uhc": "cp949",
    "koi8r": "koi8_r",
    "koi8u": "koi8_u",
    "sqlascii": "utf-8",
    "latin1": "iso8859_1",
    "latin9": "iso8859_15",
    **{f"latin{n}": f"iso8859_{n}" for n in (2, 3, 4)},
    **{f"win{n}": f"cp{n}" for n in (866, 874, *range(1250, 1259))},
}


def normal(name: str) -> str:
    """PostgreSQL compares encoding names without case and punctuation."""
    return "".join(c for c in name.lower() if c.isalnum())


def is_utf8(name: str) -> bool:
    return normal(name) in UTF8_NAMES


def decode_text(text: bytes, encoding: str, *, strict: bool) -> str | None:
    """A statement as characters. `strict`: None for what is not valid; otherwise bytes that are not are replaced."""
    if strict or encoding == "UTF8":
        try:
            return text.decode()
        except UnicodeDecodeError:
            if strict:
                return None
    try:
        return text.decode(_CODECS.get(normal(encoding), "utf-8"), "replace")
    except LookupError:
        return text.decode("utf-8", "replace")
