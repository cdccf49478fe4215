from __future__ import annotations

from adapters.postgres.session.encodings import decode_text, is_utf8


def test_names_of_utf8() -> None:
    assert all(is_utf8(name) for name in ("UTF8", "utf-8", "'UTF8'", "Unicode"))
    assert not any(is_utf8(name) for name in ("GBK", "SQL_ASCII", "", "UTF16"))


def test_strict_refuses_and_lenient_replaces() -> None:
    assert decode_text("门神".encode(), "UTF8", strict=True) == "门神"
    assert decode_text(b"\xc3\x28", "UTF8", strict=True) is None
    assert decode_text("门神".encode("gbk"), "GBK", strict=True) is None
    assert decode_text("门神".encode("gbk"), "GBK", strict=False) == "门神"
    assert decode_text(b"\xff", "NO_SUCH", strict=False) == "�"
    # A NUL byte cannot be inside, the message would have ended; overlong forms of one are no UTF-8.
    assert decode_text(b"\xc0\x80", "UTF8", strict=True) is None
