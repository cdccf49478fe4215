"""Whether what `menshen install` put into a database is still what it put there, and what the bundle wants. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from adapters.postgres.catalog import Snapshot
from adapters.postgres.managed.installer import in_reach
from adapters.postgres.managed.login import RoleSecrets
from adapters.postgres.managed.script import installation
from adapters.postgres.managed.state import Found
from adapters.postgres.sql.pseudonym import PseudonymKeys
from gateway.errors import Problem
from gateway.policy.policy import Policy

_SHOWN: Final = 10
# What is installed is compared without its secrets, which a check does not need.
_NO_SECRET: Final = bytes(32)


def check(policy: Policy, snapshot: Snapshot, found: Found, *, managed: bool) -> Iterator[Problem]:
    """`managed`: the configuration says that the gateway uses what is installed."""
    place = f"database {snapshot.database}"
    if found.version is None:
        if managed:
            yield Problem(place, 0, "its mode is managed, and nothing is installed", "menshen install")
        return
    wanted = installation(policy, snapshot, "", PseudonymKeys(_NO_SECRET), RoleSecrets(_NO_SECRET))
    if found.version.digest != wanted.digest:
        message = "the views in it were made from another bundle or catalogue than those of now"
        severity = "error" if managed else "warning"
        yield Problem(place, 0, message, "menshen install; until then the personas concerned are refused", severity)
    drift = found.drift
    for told in drift[:_SHOWN]:
        yield Problem(place, 0, f"since `menshen install`, {told}", "find out who did that; menshen install mends it")
    if len(drift) > _SHOWN:
        yield Problem(place, 0, f"since `menshen install`, {len(drift) - _SHOWN} more changes", "menshen install")
    if found.reached:
        yield Problem(place, 0, in_reach(found.reached), "REVOKE the right, from PUBLIC too")
