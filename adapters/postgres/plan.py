"""What the planner tells the session about one text: the contract between judging a statement and relaying it.

A `Plan` answers for one `Query` or `Parse` message. The session forwards `Plan.text` instead of the client's text,
or lets the database fail in its place where there is a `denial`; it writes one record for each `StatementPlan`; and it
applies the effects when the statement is executed. Nobody after the plan looks at the client's SQL again.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from adapters.postgres.dsn import Credentials
from adapters.postgres.paths import Path, PathChanges
from gateway.model import Denial, Disclosed, Mask, Outcome, Principal


# -- what a statement compares raw, and what it may not overwrite ------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Lookup:
    """A raw comparison that the rules allow: recorded one by one, the value as a keyed hash."""

    column: str
    """`schema.table.column`"""
    data_class: str
    parameter: int = 0
    """1-based number of the Bind parameter that holds the value; 0 where the text holds it."""
    value_hash: str = ""
    """Keyed hash of a value in the text; empty for a parameter."""
    per_hour: int = 0
    """How many values of the class a principal may look up in an hour; 0: any number."""
    many: bool = False
    """The value is an array (`= ANY ($1)`), each element of which is looked up."""
    count: int = 1
    """How many values it is at most; for an array in a parameter only Bind tells."""


@dataclass(frozen=True, slots=True)
class WriteGuard:
    """Bind parameter `parameter` is written to a column whose mask is `mask`: a masked value is refused."""

    parameter: int
    column: str
    mask: Mask | None


KeyKind: TypeAlias = Literal["whole", "text", "uuid", "other"]
"""Of a subject's key: an integer; a type whose binary form is its text; a UUID; any other, read as text only."""


@dataclass(frozen=True, slots=True)
class SubjectSource:
    """Where a statement tells whose data it reads from one table."""

    table: str
    """`schema.table`"""
    column: int = -1
    """0-based column of the result that holds the subject's key, in clear; -1: it is not in the result."""
    kind: KeyKind = "whole"
    """How its binary form is read. Whole numbers stand in records as they are, all others as keyed hashes."""
    parameters: tuple[int, ...] = ()
    """1-based numbers of the parameters that name the subjects that are read (`WHERE id = $1`)."""
    constants: tuple[str, ...] = ()


# -- effects: what executing a statement changes in the session --------------------------------------------------------
@dataclass(frozen=True, slots=True)
class SetPurpose:
    """`SET menshen.purpose`; None goes back to the principal's default."""

    purpose: str | None


@dataclass(frozen=True, slots=True)
class SetActor:
    actor: str | None


@dataclass(frozen=True, slots=True)
class SetSearchPath:
    """None goes back to the default of the session."""

    schemas: tuple[str, ...] | None
    local: bool = False


class Verb(enum.Enum):
    COMMIT = "COMMIT"
    ROLLBACK = "ROLLBACK"
    SAVEPOINT = "SAVEPOINT"
    RELEASE = "RELEASE"
    ROLLBACK_TO = "ROLLBACK TO"


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction ends, or a savepoint is set, released, gone back to: search_path follows."""

    verb: Verb
    savepoint: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What a prepared statement or cursor reads, for the records of the statements that run it."""

    relations: tuple[str, ...] = ()
    classes: tuple[Disclosed, ...] = ()
    governed: bool = False
    scrub: bool = False
    lookups: tuple[Lookup, ...] = ()
    guards: tuple[WriteGuard, ...] = ()
    subjects: tuple[SubjectSource, ...] = ()
    unattributed: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """SQL-level PREPARE: `name` belongs to the token that it was judged under."""

    name: str
    content: Content = Content()
    token: Hashable = None
    """That of its own statement, whose comment may state another purpose than the session. Filled by the planner."""


@dataclass(frozen=True, slots=True)
class Deallocated:
    """None: all of them."""

    name: str | None


@dataclass(frozen=True, slots=True)
class CursorDeclared:
    name: str
    content: Content = Content()
    token: Hashable = None


@dataclass(frozen=True, slots=True)
class Discarded:
    """DISCARD ALL or RESET ALL: purpose, actor and search_path go back to the session's defaults."""

    everything: bool


@dataclass(frozen=True, slots=True)
class CatalogueChanged:
    """DDL passed through: the catalogue of the database must be read again once the statement has succeeded."""


Effect: TypeAlias = (
    SetPurpose
    | SetActor
    | SetSearchPath
    | Transaction
    | Prepared
    | Deallocated
    | CursorDeclared
    | Discarded
    | CatalogueChanged
)


# -- the plan ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Edit:
    """Characters `start` to `end` of the client's text were replaced by `length` characters; for error positions."""

    start: int
    end: int
    length: int


@dataclass(frozen=True, slots=True)
class StatementPlan:
    """One statement of a text."""

    kind: str
    """`SELECT`, `INSERT`, `SET`, `BEGIN`, …: bounded, for metrics and the record."""
    outcome: Outcome
    purpose: str | None
    actor: str | None
    fragment: bytes
    """The static members of the record (`gateway.trail.record.plan_fragment`)."""
    classes: tuple[Disclosed, ...] = ()
    governed: bool = False
    """Touches a governed table: it may not run when the trail cannot be written."""
    scrub: bool = False
    """Texts of errors and notices may quote values that the persona may not see: withhold them."""
    effects: tuple[Effect, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    guards: tuple[WriteGuard, ...] = ()
    subjects: tuple[SubjectSource, ...] = ()
    unattributed: str = ""
    """Why its rows cannot be attributed to subjects (`gateway.trail.subjects.REASONS`); empty: they can."""

    @property
    def plain(self) -> bool:
        """Whether running it asks for no more than its record: no value to look at, no effect to follow."""
        return not (self.effects or self.lookups or self.guards)


@dataclass(frozen=True, slots=True)
class Plan:
    """The verdict on one text."""

    token: Hashable
    """What the verdict depended on. Where `Planner.token(state)` is another one, the text must be planned again."""
    text: bytes
    """What is forwarded, in UTF-8, without the terminating NUL. Meaningless where there is a denial."""
    statements: tuple[StatementPlan, ...]
    """One for each statement of the text, in order; one for the refused text where there is a denial; none if empty."""
    denial: Denial | None = None
    edits: tuple[Edit, ...] = ()

    def original_position(self, position: int) -> int:
        """The 1-based character position in the client's text of a position in the forwarded text."""
        at = position - 1
        shift = 0
        for edit in self.edits:
            if at < edit.start + shift:
                break
            if at < edit.start + shift + edit.length:
                return edit.start + 1
            shift += edit.length - (edit.end - edit.start)
        return at - shift + 1


# -- the session's state that verdicts depend on ----------------------------------------------------------------------
@dataclass(slots=True)
class SessionState:
    """Who asks and why, and the names whose meaning the session has set. Changed only by `apply`."""

    principal: Principal
    database: str
    purpose: str | None
    actor: str | None = None
    search_path: tuple[str, ...] | None = None
    """As set in this session; None: the database's default."""
    initial_purpose: str | None = None
    initial_actor: str | None = None
    initial_search_path: tuple[str, ...] | None = None
    path_changes: PathChanges | None = None
    """What the transaction under way did to search_path; None: nothing."""
    prepared: dict[str, tuple[Hashable, Content]] = field(default_factory=dict)
    """SQL-level prepared statements: the token that each was judged under, and what it reads."""
    cursors: dict[str, tuple[Hashable, Content]] = field(default_factory=dict)

    def apply(self, effect: Effect) -> None:
        """Take one effect of an executed statement into account."""
        match effect:
            case SetPurpose(purpose):
                self.purpose = self.initial_purpose if purpose is None else purpose
            case SetActor(actor):
                self.actor = self.initial_actor if actor is None else actor
            case SetSearchPath(schemas, local):
                self._set_path(self.initial_search_path if schemas is None else schemas, local=local)
            case Transaction(verb, savepoint):
                self._transaction(verb, savepoint)
            case Prepared(name, content, token):
                self.prepared[name] = token, content
            case Deallocated(None):
                self.prepared.clear()
            case Deallocated(name) if name is not None:
                self.prepared.pop(name, None)
            case CursorDeclared(name, content, token):
                self.cursors[name] = token, content
            case Discarded(everything):
                self.purpose, self.actor = self.initial_purpose, self.initial_actor
                self._set_path(self.initial_search_path, local=False)
                if everything:
                    self.prepared.clear()
                    self.cursors.clear()
            case CatalogueChanged():
                pass

    def _set_path(self, path: Path, *, local: bool) -> None:
        self.path_changes = self._changes().set(path, local=local)
        self.search_path = path

    def _changes(self) -> PathChanges:
        return self.path_changes or PathChanges(self.search_path, self.search_path)

    def _transaction(self, verb: Verb, savepoint: str) -> None:
        match verb:
            case Verb.SAVEPOINT:
                self.path_changes = self._changes().savepoint(savepoint, self.search_path)
            case Verb.RELEASE:
                self.path_changes = self._changes().released(savepoint)
            case Verb.ROLLBACK_TO:
                self.search_path, self.path_changes = self._changes().back_to(savepoint, self.search_path)
            case Verb.COMMIT | Verb.ROLLBACK:
                self.transaction_over(committed=verb is Verb.COMMIT)

    def transaction_over(self, *, committed: bool) -> None:
        """search_path is what the end of a transaction makes it."""
        changes, self.path_changes = self.path_changes, None
        if changes is not None:
            self.search_path = changes.lasting if committed else changes.before

    def copy(self) -> SessionState:
        """A copy for planning a text of several statements, where one changes what the next means."""
        return SessionState(
            self.principal,
            self.database,
            self.purpose,
            self.actor,
            self.search_path,
            self.initial_purpose,
            self.initial_actor,
            self.initial_search_path,
            self.path_changes,
            dict(self.prepared),
            dict(self.cursors),
        )


class Planner(Protocol):
    """Judges texts. Pure but for its caches: no I/O, no clock."""

    def token(self, state: SessionState) -> Hashable:
        """Persona, bundle, catalogue and search path as one value; cheap, compared at every Bind."""
        ...

    def plan(self, text: str, state: SessionState, *, single: bool) -> Plan:
        """Judge a text. `single`: it came with Parse, where PostgreSQL allows one statement only."""
        ...

    def parameters(self, types: Sequence[int], state: SessionState) -> Denial | None:
        """Why a parameter may not have one of these types, given by OID; None where they may."""
        ...

    def function_call(self, oid: int, state: SessionState) -> Plan:
        """Judge a FunctionCall message."""
        ...

    def startup_purpose(self, principal: Principal, purpose: str | None) -> str | None:
        """The purpose that a session starts with; raises `gateway.errors.PurposeRefused`."""
        ...

    def login(self, state: SessionState) -> Credentials | None:
        """As whom a session that starts so logs in at the database; None: as the DSN says. Raises MenshenError."""
        ...

    def is_unrestricted(self, state: SessionState) -> bool:
        """Whether the session's persona is recorded but never refused (startup options, COPY, encodings)."""
        ...
