"""Findings for tests, with defaults."""

from __future__ import annotations

from typing import Any

from gateway.watch.finding import Finding, RecordRef, Severity

AT = "2026-03-02T10:00:00.000000Z"


def finding(seq: int = 1, **changes: Any) -> Finding:
    """A bulk export by `crm_app`; `seq` is the number of its record, and so part of its id."""
    values: dict[str, Any] = {
        "detector": "bulk_export",
        "key": "bulk_export:crm_app",
        "at": AT,
        "severity": Severity.HIGH,
        "summary": "crm_app took 12,000 rows in one answer.",
        "summary_zh": "crm_app 一次取走 12,000 行。",
        "evidence": (RecordRef("node-0", seq),),
        "principal": "crm_app",
        "purpose": "ticket_resolution",
        "department": "support",
        "database": "crm",
        "tables": ("crm.customers",),
        "classes": (("contact.phone", "partial"),),
        "subjects": frozenset({"crm.customers/1", "crm.customers/2"}),
        "subject_count": 2,
        "rows": 12_000,
    }
    return Finding(**{**values, **changes})
