"""The catalogue of a database seen through the data map of a bundle."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.postgres.catalog import Relation, Snapshot
from gateway.policy.policy import Policy


class PolicyWorld:
    """What names mean and which columns exist, for `adapters.postgres.sql`."""

    def __init__(self, policy: Policy, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.functions: Mapping[str, str] = policy.functions
        self._policy = policy
        self._visible: dict[int, tuple[str, ...] | None] = {}

    def visible(self, relation: Relation) -> tuple[str, ...] | None:
        """The columns that the database has and the data map knows; None: the relation is not in the data map."""
        if relation.oid not in self._visible:
            self._visible[relation.oid] = self._look(relation)
        return self._visible[relation.oid]

    def _look(self, relation: Relation) -> tuple[str, ...] | None:
        table = self._policy.tables.get(relation.name)
        if table is not None:
            return tuple(c for c in relation.column_names if c in table.columns)
        return relation.column_names if relation.name.schema in self._policy.open_schemas else None
