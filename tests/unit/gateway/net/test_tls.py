"""When certificates expire."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.net.tls import expiry
from tests.support.certificates import self_signed

SOON, LATER = datetime(2031, 1, 1, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC)


def test_the_first_certificate_of_a_file_that_expires_counts(tmp_path: Path) -> None:
    later, _ = self_signed(tmp_path, "later", LATER)
    soon, _ = self_signed(tmp_path, "soon", SOON)
    both = tmp_path / "both.crt"
    both.write_bytes(later.read_bytes() + soon.read_bytes())
    assert expiry(later) == LATER.timestamp()
    assert expiry(both) == SOON.timestamp()


def test_what_is_no_certificate_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.crt").write_bytes(b"")
    with pytest.raises(ValueError, match="PEM"):
        expiry(tmp_path / "empty.crt")
    with pytest.raises(OSError, match="missing"):
        expiry(tmp_path / "missing.crt")
