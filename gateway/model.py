"""The words of the design as frozen values.

Nothing here does I/O, reads a clock or knows a database. Shapes that several rooms share stand here and nowhere else.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

AttributeValue: TypeAlias = str | int | bool | tuple[str, ...]


class Disclosure(enum.IntEnum):
    """How much of a column is shown. The order is the order of preference: the best that is allowed wins."""

    WITHHELD = 0
    PSEUDONYM = 1
    PARTIAL = 2
    CLEAR = 3

    def __str__(self) -> str:
        return self.name.lower()


class Act(enum.StrEnum):
    """What a rule may allow or deny."""

    CLEAR = "clear"
    PARTIAL = "partial"
    PSEUDONYM = "pseudonym"
    LOOKUP = "lookup"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    CALL = "call"
    DDL = "ddl"


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A relation by schema and name, spelled as the catalogue of the database spells it."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated identity: a person, an application or a job."""

    name: str
    department: str
    kind: str
    """`person`, `application` or `job`."""
    roles: frozenset[str] = frozenset()
    """Effective roles, inherited ones included; the principal's own name is not among them."""
    default_purpose: str | None = None
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    verifier: str | None = None
    """`SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, as PostgreSQL stores it; never a password."""
    certificate: str | None = None
    """Common name of the TLS client certificate that stands for this principal."""


@dataclass(frozen=True, slots=True)
class Persona:
    """Everything that a decision depends on. Two sessions with equal personas get equal verdicts."""

    principal: str
    department: str
    roles: frozenset[str]
    purpose: str | None
    attributes: tuple[tuple[str, AttributeValue], ...] = ()
    unrestricted: bool = False
    """Holds every act on everything, and no row predicate binds it: recorded, never rewritten, nothing refused."""


@dataclass(frozen=True, slots=True)
class Mask:
    """A named mask with its options, e.g. `Mask("bucket", (("width", 1000),))`."""

    name: str
    options: tuple[tuple[str, str | int], ...] = ()


class Predicate(enum.StrEnum):
    """What a condition on a column that a persona does not see in clear does."""

    MASKED = "masked"
    """It compares the mask."""
    LOOKUP = "lookup"
    """Only a lookup that the rules allow; any other condition is refused."""
    DENY = "deny"
    """It is refused, a lookup too."""


@dataclass(frozen=True, slots=True)
class ColumnVeil:
    """What one persona sees of one column, and may do with it."""

    column: str
    data_class: str
    disclosure: Disclosure
    mask: Mask | None = None
    """The class's mask; used where the disclosure is `partial`. None: the default mask of the column's type."""
    lookup: bool = False
    insert: bool = False
    update: bool = False
    predicate: Predicate = Predicate.MASKED
    min_group: int = 0
    """Aggregates over fewer subjects are withheld where the disclosure is `pseudonym`; 0: no limit."""
    rules: tuple[str, ...] = ()
    """The rules that decided, as `rules.csv:<line>`, most telling first."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Rows older than `keep` are hidden: `column` (a date or timestamp) counted from the statement's time."""

    column: str
    keep: str
    """An interval in words, such as `3 years` or `180 days`, validated when the bundle is loaded."""


@dataclass(frozen=True, slots=True)
class Consent:
    """Only subjects who consented to one of `purposes`, and did not withdraw, are visible."""

    table: TableName
    subject: str
    """The subject's column in the consent table."""
    key: str
    """The subject's column in the governed table."""
    purpose: str
    given: str
    withdrawn: str | None
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowRule:
    """A predicate of the security team over the table's own columns, with `:principal.<attribute>` placeholders."""

    role: str
    expression: str
    attributes: tuple[tuple[str, AttributeValue | None], ...] = ()
    """The values of the placeholders that occur; None: the principal lacks it, so that no row is visible."""


RowPredicate: TypeAlias = Retention | Consent | RowRule


@dataclass(frozen=True, slots=True)
class Veil:
    """What one persona sees of one table. Database independent; an adapter renders it."""

    table: TableName
    columns: tuple[ColumnVeil, ...]
    """In the order of the columns that were asked for; a column without a class is not here and stays invisible."""
    rows: tuple[RowPredicate, ...] = ()
    """All of them must hold."""
    delete: bool = False
    governed: bool = True
    """False in a schema that is opened as a whole: no personal data, needs no purpose."""
    subject: str | None = None
    """The column that tells whose data a row is."""


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One class that a statement touches, the disclosure it gets, and the rules that decided."""

    data_class: str
    disclosure: Disclosure
    rules: tuple[str, ...] = ()


class Outcome(enum.StrEnum):
    """The verdict on a statement, as metrics and the trail spell it."""

    ALLOW = "allow"
    VEIL = "veil"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a statement is not forwarded: what the client is told, and what the record says."""

    message: str
    hint: str = ""
    sqlstate: str = "42501"
    detail: str = ""
    position: int = 0
    """1-based character position in the client's text; 0 where there is none."""
    reason: str = "denied"
    """A short word for metrics and the record: `no_purpose`, `no_rule`, `unknown_relation`, `function`, …"""
