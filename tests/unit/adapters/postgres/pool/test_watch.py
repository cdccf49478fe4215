"""What a connection that nobody uses may say."""

from __future__ import annotations

import pytest

from adapters.postgres.pool.watch import Watch
from adapters.postgres.wire.framing import frame
from adapters.postgres.wire.responses import error_response, parameter_status


@pytest.mark.parametrize(
    ("data", "usable"),
    [
        (parameter_status("in_hot_standby", "off"), True),
        (error_response("checkpoint", "00000").replace(b"E", b"N", 1), True),
        (error_response("terminating connection", "57P01", severity="FATAL"), False),
        (frame(b"A", b"\0\0\0\1c\0\0"), False),
        (frame(b"Z", b"I"), False),
        (b"S\0\0\0\1", False),
    ],
)
def test_what_it_may_say(data: bytes, usable: bool) -> None:
    gone: list[None] = []
    watch = Watch({}, lambda: gone.append(None))
    watch.data_received(data)
    assert (not gone) is usable


def test_parameters_are_kept_true_however_they_are_cut() -> None:
    parameters = {"in_hot_standby": "on"}
    watch = Watch(parameters, lambda: pytest.fail("it is usable"))
    for byte in parameter_status("in_hot_standby", "off"):
        watch.data_received(bytes((byte,)))
    assert parameters == {"in_hot_standby": "off"}


def test_its_end_is_told() -> None:
    gone: list[None] = []
    watch = Watch({}, lambda: gone.append(None))
    assert watch.eof_received() is False
    watch.connection_lost(None)
    assert len(gone) == 2
