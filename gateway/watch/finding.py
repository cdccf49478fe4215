"""What a detector says: a finding, with the records that prove it. Pure values; texts hold no personal data."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Severity(enum.IntEnum):
    """How soon a person must look."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, order=True)
class RecordRef:
    """A record of the trail: its chain and its sequence number in it."""

    chain: str
    seq: int

    def __str__(self) -> str:
        return f"{self.chain}:{self.seq}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One detection. Findings of equal `key` that are close in time belong to one incident."""

    detector: str
    key: str
    """What it is about, such as `bulk_export:crm_app:ticket_resolution`; the store joins by it."""
    at: str
    """Time of the record that completed it, as records spell times (UTC)."""
    severity: Severity
    summary: str
    """A sentence a tired person understands, English."""
    summary_zh: str
    """The same in Chinese."""
    evidence: tuple[RecordRef, ...]
    principal: str = ""
    purpose: str = ""
    department: str = ""
    database: str = ""
    tables: tuple[str, ...] = ()
    classes: tuple[tuple[str, str], ...] = ()
    """Data class and disclosure."""
    subjects: frozenset[str] = frozenset()
    """Keys of subjects as `table/key`, where they are known; bounded by the detector."""
    subject_count: int = 0
    rows: int = 0
    contain: bool = False
    """The detector's configuration asks to suspend the principal at once."""
    drill: bool = False
    details: tuple[tuple[str, str | int | float], ...] = field(default_factory=tuple)
    """Figures behind the judgement: observed, expected, threshold."""

    @property
    def id(self) -> str:
        """Stable over a replay: the same records give the same id, so that nothing is found twice."""
        last = self.evidence[-1] if self.evidence else RecordRef("", 0)
        return f"{self.key}@{last}"
