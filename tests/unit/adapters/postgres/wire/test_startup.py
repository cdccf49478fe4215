from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.wire import startup
from gateway.errors import ProtocolViolation, Unsupported

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@given(st.dictionaries(TEXT.filter(lambda t: t and not t.startswith("_pq_.")), TEXT))
def test_startup_message_survives(parameters: dict[str, str]) -> None:
    packet = startup.encode_startup(parameters)
    assert int.from_bytes(packet[:4], "big") == len(packet)
    assert startup.decode(packet[4:]) == startup.StartupMessage(startup.PROTOCOL_3_0, parameters)


def test_requests_before_the_startup_message() -> None:
    assert startup.decode(startup.SSL_REQUEST[4:]) == startup.SSLRequest()
    assert startup.decode(startup.GSSENC_REQUEST[4:]) == startup.GSSENCRequest()
    for secret in (b"abcd", b"x" * 256):
        assert startup.decode(startup.encode_cancel(7, secret)[4:]) == startup.CancelRequest(7, secret)


def test_newer_minor_version_and_unknown_options_are_negotiated() -> None:
    packet = startup.encode_startup({"user": "u", "_pq_.a": "1"}, 0x30063)
    message = startup.decode(packet[4:])
    assert isinstance(message, startup.StartupMessage)
    assert message.parameters == {"user": "u"}
    assert message.negotiation == b"v" + struct.pack("!iii", 19, 0x30002, 1) + b"_pq_.a\0"
    plain = startup.decode(startup.encode_startup({"user": "u"})[4:])
    assert isinstance(plain, startup.StartupMessage)
    assert plain.negotiation == b""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\3\0",
        startup.SSL_REQUEST[4:] + b"x",
        startup.encode_cancel(1, b"abc")[4:],
        startup.encode_cancel(1, b"x" * 257)[4:],
        b"\0\3\0\0user",
        b"\0\3\0\0user\0",
        b"\0\3\0\0user\0u\0",
        b"\0\3\0\0user\0\xff\0\0",
        b"\0\3\0\0user\0u\0\0more",
    ],
)
def test_malformed_packets(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        startup.decode(body)


def test_other_major_version_is_told_what_to_do() -> None:
    with pytest.raises(Unsupported) as found:
        startup.decode(b"\0\2\0\0")
    assert found.value.hint


def test_lengths() -> None:
    assert startup.packet_length(b"\0\0\0\x08") == 8
    for length in (b"\0\0\0\7", b"\0\0\x27\x11", b"\xff\xff\xff\xff"):
        with pytest.raises(ProtocolViolation):
            startup.packet_length(length)


def test_nul_cannot_be_smuggled_into_a_parameter() -> None:
    with pytest.raises(ProtocolViolation):
        startup.encode_startup({"application_name": "a\0session_authorization\0postgres"})
