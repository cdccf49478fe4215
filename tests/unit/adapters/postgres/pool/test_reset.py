"""The dialogue of a reset: only one order of replies is believed, whatever came before it and however it is cut."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.pool.reset import CLEAN, UNTOUCHED, Chance, Identity, Left, Reset
from adapters.postgres.wire.framing import frame
from adapters.postgres.wire.requests import SYNC
from adapters.postgres.wire.responses import error_response, parameter_status

CHANCE = Chance("nonce of the look", "nonce of the end", 0.25)
DIRTY = Left(framed=True)


def row(*columns: str) -> bytes:
    body = struct.pack("!H", len(columns))
    for column in columns:
        body += struct.pack("!i", len(column)) + column.encode()
    return frame(b"D", body)


def complete(tag: str) -> bytes:
    return frame(b"C", tag.encode() + b"\0")


def ready(status: str = "I") -> bytes:
    return frame(b"Z", status.encode())


COLUMNS = frame(b"T", b"\0\0")
DISCARDED = complete("DISCARD ALL") + ready()


def looked(found: str = "", nonce: str = CHANCE.nonce) -> bytes:
    return COLUMNS + row(nonce, found, "") + complete("SELECT 1") + ready()


END = COLUMNS + row(CHANCE.end) + complete("SELECT 1") + ready()
BEGUN = complete("BEGIN") + complete("ROLLBACK") + ready()
GOOD = DISCARDED + looked() + END


def verdict(answer: bytes, left: Left = UNTOUCHED) -> str | None:
    reset = Reset(left, Identity("menshen"), CHANCE)
    reset.feed(answer)
    return reset.verdict


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (BEGUN + GOOD, CLEAN),
        (GOOD[:-1], None),
        (BEGUN + DISCARDED + looked("settings,listen") + END, "settings"),
        # DISCARD ALL failed, or another one was meant.
        (BEGUN + error_response("cannot run", "25001") + ready() + looked() + END, "failed"),
        (DISCARDED + BEGUN + looked() + END, "failed"),
        (DISCARDED + error_response("no", "42501") + ready() + looked() + END, "failed"),
        # The look failed, or a row that is not it.
        (DISCARDED + error_response("no", "42501") + ready() + END, "failed"),
        (DISCARDED + looked(nonce="a guess") + END, "failed"),
        (DISCARDED + COLUMNS + row(CHANCE.nonce) + complete("SELECT 1") + ready() + END, "failed"),
        (DISCARDED + looked()[:-6] + END, "failed"),
        (DISCARDED + looked() + looked("temporary") + END, "failed"),
        (END, "failed"),
        # A transaction is open.
        (complete("DISCARD ALL") + ready("T") + looked() + END, "failed"),
        (DISCARDED + looked() + END[:-1] + b"T", "transaction"),
        (DISCARDED + looked() + END[:-1] + b"E", "transaction"),
        # More than was asked.
        (GOOD + ready(), "stray"),
        (GOOD + b"Z", "stray"),
        (DISCARDED + looked() + END[:-6] + row("x") + ready(), "stray"),
        (GOOD + parameter_status("TimeZone", "UTC"), CLEAN),
        # The database goes, or makes no sense.
        (DISCARDED + error_response("shutting down", "57P01", severity="FATAL"), "lost"),
        (b"Z\0\0\0\1" + GOOD, "protocol"),
        (DISCARDED + COLUMNS + frame(b"D", b"\0\3\0\0\0\xff") + END, "protocol"),
    ],
)
def test_what_is_believed(answer: bytes, expected: str | None) -> None:
    assert verdict(answer) == expected


STRAY = [
    row("x" * 100_000) * 3,
    row(CHANCE.nonce),
    DISCARDED + row("1") + complete("SELECT 1") + ready("E"),
    error_response("canceling statement due to user request", "57014") + ready("T"),
    frame(b"D", b"\0\1\0\0\0\xff"),
    frame(b"d", b"x" * 200_000) + frame(b"c") + complete("COPY 5") + ready(),
    frame(b"G", b"\0\0\0") + frame(b"A", b"\0\0\0\1c\0p\0") + frame(b"1") + frame(b"2") + frame(b"n"),
    complete("DISCARD ALL"),
]


@given(
    st.lists(st.sampled_from(STRAY), max_size=6),
    st.sampled_from([1, 3, 17, 1000, 70_000]),
    st.integers(0, 400_000),
)
def test_replies_of_the_session_before_change_nothing(before: list[bytes], piece: int, begun: int) -> None:
    """The session's connection is taken over in the middle of a message, with a part of it already read."""
    answer = b"".join(before)
    first = len(before[0]) if before else 0
    cut = min(begun, first)
    whole = answer + complete("ROLLBACK") + ready() + GOOD
    # Either the beginning is kept, or its length is known.
    for left, rest in (
        (Left(framed=True, partial=whole[:cut]), whole[cut:]),
        (Left(framed=True, skip=first - cut), whole[cut:]),
    ):
        reset = Reset(left, Identity("menshen"), CHANCE)
        # Byte by byte is slow for the long ones, and their insides are all alike.
        step = piece if len(rest) < 5000 else max(piece, 1000)
        for start in range(0, len(rest), step):
            reset.feed(rest[start : start + step])
        assert reset.verdict == CLEAN


@given(st.binary(max_size=300))
def test_no_bytes_are_taken_for_the_answer(data: bytes) -> None:
    assert verdict(data) != CLEAN


def test_a_quiet_connection_is_asked_without_noise_in_the_databases_log() -> None:
    quiet = Reset(UNTOUCHED, Identity("o'hara"), CHANCE).request
    assert quiet.startswith(frame(b"Q", b"BEGIN; ROLLBACK\0") + frame(b"Q", b"DISCARD ALL\0"))
    assert b"'o''hara'::pg_catalog.name" in quiet
    dirty = Reset(DIRTY, Identity("menshen", "persona"), CHANCE).request
    assert dirty.startswith(frame(b"f", b"the client is gone\0") + frame(b"Q", b"ROLLBACK\0") + SYNC)
    assert b"'persona'::pg_catalog.name" in dirty


def test_parameters_are_those_that_the_database_told_last() -> None:
    reset = Reset(UNTOUCHED, Identity("menshen"), CHANCE)
    reset.feed(parameter_status("TimeZone", "Asia/Tokyo") + BEGUN + parameter_status("TimeZone", "UTC") + GOOD)
    assert (reset.verdict, reset.parameters) == (CLEAN, {"TimeZone": "UTC"})
