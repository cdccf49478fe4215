"""Passwords of personas' roles: from the secret alone, and in the database as verifiers."""

from __future__ import annotations

from adapters.postgres.managed.login import RoleSecrets
from adapters.postgres.wire.scram import ScramClient, ScramServer, parse_verifier

SECRETS = RoleSecrets(b"s" * 32)


def test_a_password_belongs_to_one_role_and_one_secret() -> None:
    mine = SECRETS.credentials("menshen:crm:desk:care")
    assert mine == RoleSecrets(b"s" * 32).credentials("menshen:crm:desk:care")
    others = {SECRETS.credentials("menshen:crm:desk:").password, RoleSecrets(b"t" * 32).credentials(mine.user).password}
    assert mine.password not in others
    assert mine.password not in repr(mine) + repr(SECRETS)


def test_the_verifier_in_the_database_is_that_of_the_password() -> None:
    role = SECRETS.credentials("desk")
    server = ScramServer(parse_verifier(SECRETS.verifier("desk")), nonce="n" * 18, known=True, binding=None)
    client = ScramClient(server.mechanisms, role.password, nonce="c" * 18, binding=None)
    client.verify(server.final(client.final(server.first(client.mechanism, client.first()))))


def test_the_mark_tells_the_secret_apart_and_is_not_the_password() -> None:
    assert SECRETS.mark == RoleSecrets(b"s" * 32).mark != RoleSecrets(b"t" * 32).mark
