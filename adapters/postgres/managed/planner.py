"""The planner of a managed database: the same judgement, over the views of the persona that the session logged in as.

A session has one persona, since it has one role in the database. Where the database does not hold what the bundle and
the catalogue of now want for a persona, that persona is refused: what it would see was decided by another bundle.
"""

from __future__ import annotations

from adapters.postgres.catalog import Relation, Snapshot
from adapters.postgres.dsn import Credentials
from adapters.postgres.managed.contents import contents, is_writable
from adapters.postgres.managed.login import RoleSecrets
from adapters.postgres.managed.names import persona_role
from adapters.postgres.managed.veil import ManagedVeil, over_view
from adapters.postgres.plan import SessionState
from adapters.postgres.planner import PostgresPlanner, Token
from adapters.postgres.sql.facts import Facts
from adapters.postgres.sql.pseudonym import PseudonymKeys
from adapters.postgres.sql.veil import RenderedVeil
from gateway.errors import MenshenError, PurposeRefused
from gateway.model import Denial, Persona
from gateway.policy.policy import Policy

_INSTALL = "Operators: menshen install brings the database to the policy that is in force."


class NotInstalledError(MenshenError):
    """The database does not hold the persona's views as the policy wants them."""

    sqlstate = "55000"


class ManagedPlanner(PostgresPlanner):
    """Judges the texts of one managed database."""

    def __init__(
        self, policy: Policy, snapshot: Snapshot, keys: PseudonymKeys, lookup_key: bytes, secrets: RoleSecrets
    ) -> None:
        super().__init__(policy, snapshot, keys, lookup_key)
        self._secrets = secrets
        self._over: dict[tuple[Persona, int], ManagedVeil | None] = {}
        self._current: dict[Persona, bool] = {}

    def login(self, state: SessionState) -> Credentials | None:
        """The role of the session's persona; None for an unrestricted one. Raises NotInstalledError."""
        persona = self.policy.persona(state.principal, state.purpose)
        if persona.unrestricted:
            return None
        if not self._installed(persona):
            raise NotInstalledError(self._stale(persona), hint=_INSTALL)
        return self._secrets.credentials(persona_role(self.snapshot.database, persona))

    def rendered(self, persona: Persona, relation: Relation) -> RenderedVeil | None:
        key = (persona, relation.oid)
        if key not in self._over:
            veil = super().rendered(persona, relation)
            self._over[key] = None if veil is None else over_view(veil, persona, writable=is_writable(relation))
        return self._over[key]

    def _pursue(self, state: SessionState, purpose: str | None) -> None:
        super()._pursue(state, purpose)
        if purpose != state.initial_purpose:
            raise PurposeRefused(
                f"the purpose of this session is {_named(state.initial_purpose)}: in managed mode it stays",
                hint=_reconnect(purpose),
            )

    def _withstands(self, facts: Facts, state: SessionState, token: Token) -> Denial | None:
        persona = token.persona
        if persona.purpose != state.initial_purpose:
            return Denial(
                f"the purpose of this session is {_named(state.initial_purpose)}: in managed mode it stays",
                _reconnect(persona.purpose),
                reason="purpose",
            )
        if persona.unrestricted or not facts.everything_used() or self._installed(persona):
            return None
        return Denial(self._stale(persona), _INSTALL, NotInstalledError.sqlstate, reason="not_installed")

    def _installed(self, persona: Persona) -> bool:
        known = self._current.get(persona)
        if known is None:
            wanted = contents(self.policy, self.snapshot, self._keys, persona)
            known = self._current[persona] = self.snapshot.installed.get(wanted.role) == wanted.digest
        return known

    def _stale(self, persona: Persona) -> str:
        whose = f"{persona.principal} for purpose {_named(persona.purpose)}"
        return f"the views of {whose} are not in the database as the policy wants them"


def _named(purpose: str | None) -> str:
    return f'"{purpose}"' if purpose else "none"


def _reconnect(purpose: str | None) -> str:
    return f"Connect again with options='-c menshen.purpose={purpose or '…'}'."
