from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.wire.scram import (
    PLAIN,
    PLUS,
    Mock,
    ScramClient,
    ScramServer,
    end_point_binding,
    make_verifier,
    parse_verifier,
)
from gateway.errors import AuthenticationFailed, ProtocolViolation

SALT = b"0123456789abcdef"
VERIFIER = parse_verifier(make_verifier("口令 pass", SALT))
BINDING = end_point_binding(b"a certificate", "sha256")


def run(client: ScramClient, server: ScramServer) -> None:
    answer = server.first(client.mechanism, client.first())
    client.verify(server.final(client.final(answer)))


def server(*, known: bool = True, binding: bytes | None = None) -> ScramServer:
    return ScramServer(VERIFIER, known=known, nonce="servernonce", binding=binding)


@pytest.mark.parametrize("binding", [None, BINDING])
def test_right_password(binding: bytes | None) -> None:
    both = server(binding=binding)
    client = ScramClient(both.mechanisms, "口令 pass", nonce="clientnonce", binding=binding)
    assert client.mechanism == (PLAIN if binding is None else PLUS)
    run(client, both)


def test_wrong_password_and_unknown_user_fail_at_the_same_step() -> None:
    for password, known in (("wrong", True), ("口令 pass", False)):
        with pytest.raises(AuthenticationFailed, match="password authentication failed"):
            run(ScramClient((PLAIN,), password, nonce="n", binding=None), server(known=known))


def test_clients_of_postgresql_leave_the_name_empty() -> None:
    one = server()
    answer = one.first(PLAIN, b"n,,n=,r=clientnonce")
    assert answer.startswith(b"r=clientnonceservernonce,s=")
    client = ScramClient((PLAIN,), "口令 pass", nonce="clientnonce", binding=None)
    client.first()
    # What libpq signs: its own words, with the empty name.
    client._client.client_first_bare = "n=,r=clientnonce"
    client.verify(one.final(client.final(answer)))


def test_binding_of_another_certificate_fails() -> None:
    other = end_point_binding(b"a man in the middle", "sha256")
    with pytest.raises((AuthenticationFailed, ProtocolViolation)):
        run(ScramClient((PLUS, PLAIN), "口令 pass", nonce="n", binding=other), server(binding=BINDING))


@pytest.mark.parametrize(
    ("mechanism", "message"),
    [
        ("SCRAM-SHA-1", b"n,,n=,r=x"),
        (PLUS, b"p=tls-server-end-point,,n=,r=x"),
        (PLAIN, b"p=tls-server-end-point,,n=,r=x"),
        (PLAIN, b""),
        (PLAIN, b"n"),
        (PLAIN, b"n,,"),
        (PLAIN, b"n,,n="),
        (PLAIN, b"n,,n=,r="),
        (PLAIN, b"n,a=admin,n=,r=x"),
        (PLAIN, b"x,,n=,r=x"),
        (PLAIN, b"n,,m=1,n=,r=x"),
        (PLAIN, b"\xff\xfe,,"),
        (PLAIN, b"n,,n=,r=x\0y"),
    ],
)
def test_malformed_first_messages(mechanism: str, message: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        server().first(mechanism, message)


def test_downgrade_is_noticed() -> None:
    """The client says that it could bind and believes that we cannot, while we offered it (RFC 5802, 6)."""
    with pytest.raises(ProtocolViolation):
        server(binding=BINDING).first(PLAIN, b"y,,n=,r=x")


@given(st.binary(max_size=80))
def test_no_bytes_crash_the_server(data: bytes) -> None:
    one = server()
    with pytest.raises(ProtocolViolation):
        one.first(PLAIN, data)
    two = server()
    two.first(PLAIN, b"n,,n=,r=x")
    with pytest.raises((ProtocolViolation, AuthenticationFailed)):
        two.final(data)


def test_mock_verifiers_are_stable_and_differ() -> None:
    one, other = Mock(b"s" * 32), Mock(b"s" * 32)
    assert one.verifier("a") == other.verifier("a")
    assert one.verifier("a").salt != one.verifier("b").salt
    assert len(one.verifier("a").salt) == len(VERIFIER.salt)
    assert one.verifier("a").iterations == VERIFIER.iterations


def test_mock_verifiers_have_the_rounds_of_real_ones() -> None:
    mock = Mock(b"s" * 32, lambda: {4096: 1, 20_000: 2})
    found = [mock.verifier(f"user {number}").iterations for number in range(300)]
    assert set(found) == {4096, 20_000}
    assert 150 < found.count(20_000) < 250
    assert found == [mock.verifier(f"user {number}").iterations for number in range(300)]


def test_a_reload_changes_the_rounds_of_few_unknown_users() -> None:
    """A verifier of many that is added, and one with rounds that nobody had."""
    before, after = Mock(b"s" * 32, lambda: {4096: 50, 20_000: 50}), Mock(b"s" * 32, lambda: {4096: 51, 20_000: 50})
    other = Mock(b"s" * 32, lambda: {4096: 50, 20_000: 50, 30_000: 1})
    users = [f"user {number}" for number in range(1000)]
    for now in (after, other):
        moved = [user for user in users if now.verifier(user).iterations != before.verifier(user).iterations]
        assert len(moved) < 40
        assert all(now.verifier(user).salt == before.verifier(user).salt for user in users)


@pytest.mark.parametrize(
    "text", ["", "md5abc", "SCRAM-SHA-256$4096:eA==$eA==:eA==", "SCRAM-SHA-256$x:eA==$a:b", "SCRAM-SHA-256$4096:!$a:b"]
)
def test_what_is_no_verifier(text: str) -> None:
    with pytest.raises(ValueError, match="not a SCRAM-SHA-256 verifier"):
        parse_verifier(text)


def test_weak_certificate_hashes_are_replaced() -> None:
    assert end_point_binding(b"x", "SHA1") == end_point_binding(b"x", "sha256") != end_point_binding(b"x", "sha384")


def test_a_database_that_offers_nothing_we_speak() -> None:
    with pytest.raises(AuthenticationFailed, match="offers no SASL mechanism"):
        ScramClient((PLUS,), "x", nonce="n", binding=None)


@given(st.binary(max_size=60))
def test_no_bytes_crash_the_client(data: bytes) -> None:
    client = ScramClient((PLAIN,), "x", nonce="n", binding=None)
    client.first()
    with pytest.raises(AuthenticationFailed):
        client.final(data)
