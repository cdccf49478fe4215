"""The catalogue of a database seen through the data map of a bundle."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.postgres.catalog import Relation, Snapshot
from adapters.postgres.check_views import sources
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
        return relation.column_names if self._open(relation) else None

    def _open(self, relation: Relation) -> bool:
        """Whether an open schema makes a relation reachable: not where it shows a table that is not open itself.

        A view runs with the rights of its owner, and a child or partition holds rows of its parent.
        """
        if relation.name.schema not in self._policy.open_schemas:
            return False
        under = {table for table, _ in sources(self.snapshot, relation)} if relation.is_view else set()
        waiting = list(relation.parents)
        while waiting:
            parent = waiting.pop()
            under.add(parent)
            above = self.snapshot.relations.get(parent)
            waiting.extend(above.parents if above is not None else ())
        return all(table.schema in self._policy.open_schemas for table in under)
