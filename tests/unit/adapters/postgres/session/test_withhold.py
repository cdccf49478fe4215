"""What a client gets in the place of a result that could not be recorded."""

from __future__ import annotations

import pytest

from adapters.postgres.session.withhold import Outcome, Withheld
from adapters.postgres.wire.framing import HEADER, frame

ERROR = frame(b"E", b"C58030\0\0")
ROW, DONE, DESCRIBED = frame(b"D", b"\0\1\0\0\0\1x"), frame(b"C", b"SELECT 1\0"), frame(b"T", b"\0\0")
PARSED, SETTING, OWN = frame(b"1"), frame(b"S", b"a\0b\0"), frame(b"E", b"C22012\0\0")
IDLE, INSIDE = frame(b"Z", b"I"), frame(b"Z", b"T")
ABORTED = frame(b"Z", b"E")

CASES = [
    ("rows", [PARSED, DESCRIBED, ROW, DONE, IDLE], PARSED + DESCRIBED + ERROR + IDLE, Outcome.OVER),
    ("no rows", [DONE, IDLE], ERROR + IDLE, Outcome.OVER),
    ("its own error", [OWN, IDLE], OWN + IDLE, Outcome.OVER),
    ("an error behind rows", [ROW, OWN, IDLE], ERROR + IDLE, Outcome.OVER),
    ("a setting", [DONE, SETTING, IDLE], SETTING + ERROR + IDLE, Outcome.OVER),
    ("not over", [ROW, ROW], b"", Outcome.MORE),
    ("two batches", [ROW, DONE, IDLE, DESCRIBED, ROW], ERROR + IDLE + DESCRIBED, Outcome.MORE),
    ("in a transaction", [PARSED, ROW, DONE, INSIDE], PARSED, Outcome.ABORT),
    ("more behind it", [ROW, DONE, INSIDE, DONE, IDLE], b"", Outcome.LOST),
    ("an aborted transaction", [OWN, ABORTED], OWN + ABORTED, Outcome.OVER),
    ("COPY IN", [frame(b"G", b"\0\0\0")], b"", Outcome.LOST),
    ("cut in a head", [ROW[:3]], b"", Outcome.LOST),
]


@pytest.mark.parametrize(("frames", "leaves", "outcome"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_leaves(frames: list[bytes], leaves: bytes, outcome: Outcome) -> None:
    withheld = Withheld(ERROR)
    assert withheld.feed(b"".join(frames)) == leaves
    assert withheld.outcome is outcome


def test_a_row_that_comes_in_parts_is_dropped_as_a_whole() -> None:
    withheld = Withheld(ERROR)
    long = b"D" + HEADER.pack(5004) + b"x" * 5000
    assert withheld.feed(DESCRIBED + long[:100]) == DESCRIBED
    assert withheld.feed(long[100:3000]) == b""
    assert withheld.feed(long[3000:] + DONE + IDLE) == ERROR + IDLE
    assert withheld.outcome is Outcome.OVER
