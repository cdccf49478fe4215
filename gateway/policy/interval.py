"""Intervals in words, as `retention: {keep: 3 years}` writes them; Chinese units too."""

from __future__ import annotations

import re

_UNITS = {
    "year": "years", "years": "years", "年": "years",
    "month": "months", "months": "months", "个月": "months", "月": "months",
    "week": "weeks", "weeks": "weeks", "周": "weeks",
    "day": "days", "days": "days", "天": "days", "日": "days",
    "hour": "hours", "hours": "hours", "小时": "hours",
}  # fmt: skip
_PART = re.compile(r"\s*([0-9]{1,5})\s*(" + "|".join(sorted(_UNITS, key=len, reverse=True)) + r")(?![a-z])", re.I)
_DAYS = {"years": 366, "months": 31, "weeks": 7, "days": 1, "hours": 0}
MAX_DAYS = 200 * 366


def normalize(text: str) -> str | None:
    """`3 years`, `1 year 6 months`, `180天` → the same in English plurals; None where it is not understood."""
    at, parts, days, amount = 0, [], 0, 0
    while at < len(text.rstrip()):
        match = _PART.match(text, at)
        if not match:
            return None
        count, unit = int(match[1]), _UNITS[match[2].lower()]
        parts.append(f"{count} {unit}")
        days += count * _DAYS[unit]
        amount += count
        at = match.end()
    return " ".join(parts) if parts and amount and days <= MAX_DAYS else None
