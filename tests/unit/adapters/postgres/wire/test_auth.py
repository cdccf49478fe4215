from __future__ import annotations

import struct

import pytest

from adapters.postgres.wire import auth
from gateway.errors import ProtocolViolation


@pytest.mark.parametrize(
    ("message", "value"),
    [
        (auth.OK, auth.AuthenticationOk()),
        (auth.sasl(("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")), auth.SASL(("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"))),
        (auth.sasl_continue(b"r=1"), auth.SASLContinue(b"r=1")),
        (auth.sasl_final(b"v=1"), auth.SASLFinal(b"v=1")),
        (b"R\0\0\0\x0c\0\0\0\5salt", auth.MD5Password(b"salt")),
        (b"R\0\0\0\x08\0\0\0\3", auth.CleartextPassword()),
        (b"R\0\0\0\x08\0\0\0\7", auth.Other(7)),
    ],
)
def test_server_messages(message: bytes, value: auth.Authentication) -> None:
    assert message[:1] == b"R"
    assert int.from_bytes(message[1:5], "big") == len(message) - 1
    assert auth.decode(message[5:]) == value


def test_initial_response() -> None:
    message = auth.encode_initial_response("SCRAM-SHA-256", b"n,,n=,r=x")
    assert auth.decode_initial_response(message[5:]) == auth.SASLInitialResponse("SCRAM-SHA-256", b"n,,n=,r=x")


@pytest.mark.parametrize("claim", [-1, 0, 3, 5, 2**31 - 1])
def test_initial_response_that_lies_about_its_length(claim: int) -> None:
    with pytest.raises(ProtocolViolation):
        auth.decode_initial_response(b"SCRAM-SHA-256\0" + struct.pack("!i", claim) + b"data")


def test_md5_as_in_the_documentation() -> None:
    # select 'md5' || md5(md5('secret' || 'bob') || 'salt')
    assert auth.md5_password("bob", "secret", b"salt") == "md5a472781a92412d8a652b427f4c5b7f3f"
