"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, both halves, through `scramp` (its only importer).

RFC 5802, RFC 7677, and PostgreSQL documentation "SASL Authentication". The server's half works from the verifier that
PostgreSQL itself stores, `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`; no password is kept anywhere.
An unknown user gets a verifier made from a secret of the deployment and the name: the same salt each time, at every
worker, and the rounds of some real verifier, so that neither the answers nor the clock tell whether a name exists.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import scramp

from gateway.errors import AuthenticationFailed, ProtocolViolation

PLAIN: Final = "SCRAM-SHA-256"
PLUS: Final = "SCRAM-SHA-256-PLUS"
_BINDING: Final = "tls-server-end-point"
_ITERATIONS: Final = 4096


@dataclass(frozen=True, slots=True)
class Verifier:
    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes


def parse_verifier(text: str) -> Verifier:
    """Raises ValueError where the text is not what PostgreSQL stores."""
    try:
        mechanism, parameters, keys = text.split("$")
        iterations, salt = parameters.split(":")
        stored_key, server_key = keys.split(":")
        verifier = Verifier(int(iterations), _b64(salt), _b64(stored_key), _b64(server_key))
    except (ValueError, binascii.Error) as exc:
        raise ValueError("not a SCRAM-SHA-256 verifier") from exc
    if mechanism != PLAIN or len(verifier.stored_key) != 32 or len(verifier.server_key) != 32:
        raise ValueError("not a SCRAM-SHA-256 verifier")
    return verifier


def _b64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


@dataclass(frozen=True, slots=True)
class Mock:
    """Verifiers of users that are not there. They look the same at every worker, after a restart, and beside real ones.

    `secret`: of the deployment; a salt that changes would tell who is not there (as PostgreSQL's mock nonce).
    `iterations`: how many real verifiers have each number of rounds; each user gets one of these numbers.
    """

    secret: bytes
    iterations: Callable[[], Mapping[int, int]] = dict

    def verifier(self, user: str) -> Verifier:
        """One that no password satisfies, always the same for one user."""
        seed = hmac.digest(self.secret, b"salt:" + user.encode(), "sha256")
        keys = [hmac.digest(self.secret, label + user.encode(), "sha256") for label in (b"stored:", b"server:")]
        return Verifier(self._rounds(user), seed[:16], keys[0], keys[1])

    def _rounds(self, user: str) -> int:
        """Each number of rounds draws a lot for the user, and the highest wins: a reload that adds a verifier changes
        those of few users (weighted rendezvous hashing: Schindelhauer and Schomaker, 2005)."""
        best, found = 0.0, _ITERATIONS
        for rounds, weight in self.iterations().items():
            lot = hmac.digest(self.secret, b"rounds:%d:" % rounds + user.encode(), "sha256")
            score = weight / -math.log((int.from_bytes(lot[:6], "big") + 1) / ((1 << 48) + 1))
            if score > best:
                best, found = score, rounds
        return found


class ScramServer:
    """The gateway's half towards clients: `first`, then `final`.

    `known`: whether the user exists; where not, the last step fails however the client answered. `nonce`: printable,
    fresh for each attempt, made by the caller. `binding`: the hash of our TLS certificate, None outside of TLS.
    """

    def __init__(self, verifier: Verifier, *, known: bool, nonce: str, binding: bytes | None) -> None:
        self._verifier = verifier
        self._known = known
        self._nonce = nonce
        self._binding = binding
        self._server: scramp.ScramServer | None = None

    @property
    def mechanisms(self) -> tuple[str, ...]:
        return (PLAIN,) if self._binding is None else (PLUS, PLAIN)

    def first(self, mechanism: str, message: bytes) -> bytes:
        """The server-first-message. Raises ProtocolViolation for what is malformed or not offered."""
        if mechanism not in self.mechanisms:
            raise ProtocolViolation("client selected an invalid SASL authentication mechanism")
        text = _text(message)
        header, bare = _split(text)
        # Clients of PostgreSQL leave the name empty ("n=,"): the one of the startup message counts. scramp wants one
        # and would compute its signature over what we show it, so the client's own words are put back.
        named = f"{header}n=-,{bare[3:]}" if bare.startswith("n=,") else text
        if (mechanism == PLUS) != header.startswith("p="):
            raise ProtocolViolation("malformed SCRAM message: channel binding does not fit the mechanism")
        verifier = self._verifier
        binding = None if self._binding is None else (_BINDING, self._binding)
        try:
            self._server = scramp.ScramMechanism(mechanism).make_server(
                lambda _: (verifier.salt, verifier.stored_key, verifier.server_key, verifier.iterations),
                channel_binding=binding,
                s_nonce=self._nonce,
            )
            self._server.set_client_first(named)
            self._server.client_first_bare = bare
            return str(self._server.get_server_first()).encode()
        except scramp.ScramException as exc:
            raise ProtocolViolation("malformed SCRAM message") from exc

    def final(self, message: bytes) -> bytes:
        """The server-final-message. Raises AuthenticationFailed for a wrong proof and for an unknown user alike."""
        assert self._server is not None, "first() comes first"
        try:
            self._server.set_client_final(_text(message))
        except scramp.ScramException as exc:
            if self._server.error == scramp.core.ServerError.INVALID_PROOF:
                raise AuthenticationFailed("password authentication failed") from exc
            raise ProtocolViolation("malformed SCRAM message") from exc
        if not self._known:
            raise AuthenticationFailed("password authentication failed")
        return str(self._server.get_server_final()).encode()


def _text(message: bytes) -> str:
    try:
        return message.decode()
    except UnicodeDecodeError:
        raise ProtocolViolation("malformed SCRAM message") from None


def _split(text: str) -> tuple[str, str]:
    """The gs2-header (with its last comma) and the client-first-message-bare."""
    parts = text.split(",", 2)
    if len(parts) != 3:
        raise ProtocolViolation("malformed SCRAM message")
    return f"{parts[0]},{parts[1]},", parts[2]


class ScramClient:
    """The gateway's half towards the database: `first`, `final`, `verify`. Wrong server: AuthenticationFailed."""

    def __init__(self, offered: tuple[str, ...], password: str, *, nonce: str, binding: bytes | None) -> None:
        usable = [name for name in (PLUS, PLAIN) if name in offered and (name != PLUS or binding is not None)]
        if not usable:
            raise AuthenticationFailed(f"the database offers no SASL mechanism that we speak: {', '.join(offered)}")
        # Saying that we could bind to a server that does not offer it would be a lie about a downgrade: gs2 "n".
        channel = (_BINDING, binding) if usable[0] == PLUS else None
        self.mechanism = usable[0]
        self._client = scramp.ScramClient([self.mechanism], "-", password, channel_binding=channel, c_nonce=nonce)

    def first(self) -> bytes:
        return str(self._client.get_client_first()).encode()

    def final(self, server_first: bytes) -> bytes:
        try:
            self._client.set_server_first(server_first.decode())
            return str(self._client.get_client_final()).encode()
        except (scramp.ScramException, UnicodeDecodeError) as exc:
            raise AuthenticationFailed("the database sent a malformed SCRAM message") from exc

    def verify(self, server_final: bytes) -> None:
        try:
            self._client.set_server_final(server_final.decode())
        except (scramp.ScramException, UnicodeDecodeError) as exc:
            raise AuthenticationFailed("the database could not prove that it knows the password") from exc


def make_verifier(password: str, salt: bytes, iterations: int = _ITERATIONS) -> str:
    """The verifier of a password, as `menshen passwd` prints it. `salt`: at least 12 random bytes."""
    _, stored_key, server_key, count = scramp.ScramMechanism(PLAIN).make_auth_info(password, iterations, salt)
    encoded = [base64.b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return f"{PLAIN}${count}:{encoded[0]}${encoded[1]}:{encoded[2]}"


def end_point_binding(der: bytes, algorithm: str) -> bytes:
    """`tls-server-end-point` (RFC 5929): the certificate's hash; MD5 and SHA-1 are replaced by SHA-256."""
    name = "sha256" if algorithm.lower() in ("md5", "sha1") else algorithm.lower()
    return hashlib.new(name, der).digest()
