"""As whom a session logs in at a managed database: the role of its persona, with a password that nobody knows.

Passwords are derived from the secret in `state_dir`; the database holds their SCRAM verifiers alone.
"""

from __future__ import annotations

import hashlib
import hmac

from adapters.postgres.dsn import Credentials
from adapters.postgres.wire.scram import make_verifier


class RoleSecrets:
    """The passwords of the roles of personas, from one secret of the deployment."""

    def __init__(self, secret: bytes) -> None:
        self._secret = hmac.digest(secret, b"menshen managed roles v1", hashlib.sha256)

    def __repr__(self) -> str:
        return "RoleSecrets(…)"

    def credentials(self, role: str) -> Credentials:
        return Credentials(role, hmac.digest(self._secret, b"password:" + role.encode(), hashlib.sha256).hex())

    @property
    def mark(self) -> str:
        """Tells in the database whether passwords and keys were made from this secret, and nothing about it."""
        return hmac.digest(self._secret, b"mark", hashlib.sha256).hex()[:16]

    def verifier(self, role: str) -> str:
        """What the database stores; always the same for a role, so that installing again changes nothing."""
        salt = hmac.digest(self._secret, b"salt:" + role.encode(), hashlib.sha256)[:16]
        return make_verifier(self.credentials(role).password, salt)
