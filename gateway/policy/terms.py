"""What a bundle says, as frozen values: purposes, data classes, governed tables, rules and grants.

Database independent. Names are spelled as the files spell them; `schema.table` as the database's catalogue spells it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from gateway.model import Mask, Predicate, TableName

ANY = "*"
PUBLIC = "public"
"""The class of every column in an opened schema; it exists even where no file declares it."""

Title = Mapping[str, str]
NO_TITLE: Title = MappingProxyType({})


def _nothing() -> Mapping[str, str]:
    return NO_TITLE


class LegalBasis(enum.StrEnum):
    """Article 13 of the Personal Information Protection Law: why personal information may be handled."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    EMERGENCY = "emergency"
    PUBLIC_INTEREST = "public_interest"
    PUBLIC_INFORMATION = "public_information"
    OTHER_LAW = "other_law"


@dataclass(frozen=True, slots=True)
class Purpose:
    """A declared reason of the work."""

    name: str
    basis: LegalBasis
    parent: str | None = None
    title: Title = field(default_factory=_nothing)
    departments: frozenset[str] = frozenset()
    """Those that may pursue it; empty for a purpose that only groups others."""
    retention_exempt: bool = False
    consent: bool = False
    """Only subjects who consented: always so on the basis of consent, else where `consent: required` says so."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class DataClass:
    """A label on columns. Level, mask and `withheld` come from the parent where the class has none of its own."""

    name: str
    level: int
    parent: str | None = None
    title: Title = field(default_factory=_nothing)
    mask: Mask | None = None
    withheld: str = "null"
    """`null`: a column that is not disclosed shows NULL; `deny`: a statement that touches it is refused."""
    predicate: Predicate = Predicate.MASKED
    min_group: int = 0
    """Aggregates over fewer subjects are withheld where a persona holds no more than `pseudonym`; 0: no limit."""
    lookups_per_hour: int = 0
    """How many raw values a principal may ask for in an hour; 0: no limit."""


@dataclass(frozen=True, slots=True)
class RetentionTerms:
    """Rows are kept for `keep` (normalized, such as `3 years`) after the moment in `column`."""

    column: str
    keep: str


@dataclass(frozen=True, slots=True)
class ConsentTerms:
    """Where the consents of a table's subjects are kept: columns of `table`."""

    table: TableName
    subject: str
    purpose: str
    given: str
    withdrawn: str | None = None


@dataclass(frozen=True, slots=True)
class GovernedTable:
    """A table with personal data, as `catalog.yaml` describes it."""

    name: TableName
    columns: Mapping[str, str]
    """Column → class, in the order of the file."""
    owner: str | None = None
    subject: str | None = None
    retention: RetentionTerms | None = None
    consent: ConsentTerms | None = None
    rows: Mapping[str, str] = field(default_factory=_nothing)
    """Role → predicate."""
    title: Title = field(default_factory=_nothing)
    line: int = 0
    rows_lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Role → line in `catalog.yaml`, for whoever checks the SQL."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One `p` line of `rules.csv`."""

    sub: str
    purpose: str
    obj: str
    act: str
    eft: str
    line: int

    @property
    def fields(self) -> list[str]:
        """As Casbin's policy wants it."""
        return [self.sub, self.purpose, self.obj, self.act, self.eft]

    @property
    def where(self) -> str:
        return f"rules.csv:{self.line}"


@dataclass(frozen=True, slots=True)
class Grant:
    """One `g` line of `rules.csv`: `member` (a principal or a role) holds `role`."""

    member: str
    role: str
    line: int


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer of the rules, with the rules that decided as `rules.csv:<line>`."""

    allowed: bool
    rules: tuple[str, ...] = ()
