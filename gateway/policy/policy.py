"""The policy that is in force: one loaded, validated, immutable bundle, and the answers compiled from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from gateway.errors import Problem
from gateway.model import Act, Denial, Persona, Principal, TableName, Veil
from gateway.policy.bundle import Bundle, compile_bundle, read_files
from gateway.policy.masks import validate
from gateway.policy.matcher import Kind
from gateway.policy.persona import make_persona
from gateway.policy.terms import DataClass, Decision, GovernedTable, Purpose
from gateway.policy.veil import compile_veil

_KEPT_VEILS = 50_000
_KEPT_PERSONAS = 50_000
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Policy:
    """Answers for one bundle. Answers are kept; the object never changes otherwise. Not for several threads at once."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.digest: str = bundle.digest
        """SHA-256 in hex over the names and contents of the bundle's files."""
        self.signed = False
        """Whether a signature over the files was verified. This version verifies none."""
        self.warnings: tuple[Problem, ...] = bundle.warnings
        self.principals: Mapping[str, Principal] = bundle.principals
        self.purposes: Mapping[str, Purpose] = bundle.purposes
        self.classes: Mapping[str, DataClass] = MappingProxyType(bundle.catalog.classes)
        self.tables: Mapping[TableName, GovernedTable] = MappingProxyType(bundle.catalog.tables)
        self.open_schemas: frozenset[str] = bundle.catalog.open_schemas
        self.functions: Mapping[str, str] = MappingProxyType(bundle.catalog.functions)
        """`schema.function` → the class whose `call` it needs."""
        self.matcher: Kind = bundle.book.kind
        """`OTHER`: model.conf was changed so far that Casbin is asked over all rules, which is slower."""
        self._personas: dict[tuple[str, str | None], Persona] = {}
        self._veils: dict[tuple[Persona, TableName, tuple[str, ...]], Veil | None] = {}

    def persona(self, principal: Principal, purpose: str | None) -> Persona:
        """What `principal` is for `purpose`; None is no purpose at all, the default purpose is the caller's to apply.

        Raises PurposeRefused where the purpose is unknown or not the department's, and Denied where the bundle does
        not know the principal (any more).
        """
        key = (principal.name, purpose)
        known = self._personas.get(key)
        if known is None:
            known = make_persona(self._bundle, principal, purpose)
            _room(self._personas, _KEPT_PERSONAS)
            self._personas[key] = known
        return known

    def veil(self, persona: Persona, table: TableName, columns: tuple[str, ...]) -> Veil | None:
        """What the persona sees of `table`, whose columns in the database are `columns`. None: not reachable."""
        key = (persona, table, columns)
        if key in self._veils:
            return self._veils[key]
        veil = compile_veil(self._bundle, persona, table, columns)
        _room(self._veils, _KEPT_VEILS)
        self._veils[key] = veil
        return veil

    def as_strict(self, target: str, source: str) -> bool:
        """Whether class `target` is at least as strict as class `source`, so that a value of it may be written there.

        The same class, a wider class of the same level, or a class of a higher level; what is not personal (level 1)
        may go anywhere. A class that the bundle does not know is not strict, and may go nowhere.
        """
        of_source, of_target = self.classes.get(source), self.classes.get(target)
        if of_source is None or of_target is None:
            return False
        if target == source or of_source.level == 1 or of_target.level > of_source.level:
            return True
        return of_target.level == of_source.level and target in self._wider(of_source)

    def _wider(self, one: DataClass) -> set[str]:
        found: set[str] = set()
        while one.parent is not None and one.parent not in found:
            found.add(one.parent)
            one = self.classes[one.parent]
        return found

    def allows(self, persona: Persona, obj: str, act: Act) -> Decision:
        """Whether the rules allow `act` on a class, column, table, schema or `*`; without a purpose only in opened
        schemas."""
        opened = self._link_open(obj)
        if persona.purpose is None and not opened:
            return Decision(False)
        return self._bundle.book.decide(persona.principal, persona.purpose or "", obj, act)

    def refusal(self, persona: Persona, table: TableName) -> Denial:
        """Why `veil` answered None, for the client and the record."""
        if table not in self.tables:
            return Denial(
                f'relation "{table}" is not in the policy\'s catalogue',
                hint="Ask its owner to describe it in catalog.yaml.",
                reason="unknown_relation",
            )
        owner = self.tables[table].owner
        if persona.purpose is None:
            return Denial(
                f'table "{table}" is governed, and no purpose is set',
                hint=f"SET menshen.purpose = '…'; purposes of your department: {self._pursued(persona)}.",
                reason="no_purpose",
            )
        return Denial(
            f'no rule gives "{persona.principal}" anything of table "{table}" for purpose "{persona.purpose}"',
            hint=f"Ask {f'its owner, department {owner},' if owner else 'the security team'} for a rule.",
            reason="no_rule",
        )

    def _pursued(self, persona: Persona) -> str:
        names = sorted(name for name, one in self.purposes.items() if persona.department in one.departments)
        return ", ".join(names) or "none"

    def _link_open(self, obj: str) -> bool:
        """Whether `obj` lies in an opened schema; makes it known to the rules if so."""
        schema, *rest = obj.split(".")
        if schema not in self.open_schemas or len(rest) > 2 or (obj in self.classes):
            return False
        if not rest:
            return True
        table = TableName(schema, rest[0])
        if table in self.tables:
            return False
        edges = list(self._bundle.catalog.open_objects(table, rest[1] if len(rest) == 2 else ""))
        self._bundle.book.link(edge for edge in edges if not edge[0].endswith("."))
        return True


def load(path: Path) -> Policy:
    """Reads, checks and compiles the bundle in folder `path`. Raises ProblemsFound with every problem at once."""
    files, problems = read_files(path)
    return Policy(compile_bundle(files, problems, check_mask=validate))


def _room(kept: dict[_Key, _Value], most: int) -> None:
    """Bounds a cache: the entries are cheap to make again, so it is simply emptied."""
    if len(kept) >= most:
        kept.clear()
