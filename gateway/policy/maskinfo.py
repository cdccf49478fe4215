"""The shapes in which masks are described: for people, for the loader of bundles, and for the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MaskOption:
    """An option of a mask: a number between `low` and `high`, one of `choices`, or (neither given) a text or number."""

    name: str
    default: str | int
    meaning: str
    low: int | None = None
    high: int | None = None
    choices: tuple[str | int, ...] = ()

    def problem(self, value: object) -> str | None:
        """What is wrong with a value of this option; None where it is good."""
        if self.choices:
            listed = ", ".join(str(choice) for choice in self.choices)
            ok = any(value == choice and type(value) is type(choice) for choice in self.choices)
            return None if ok else f"option {self.name!r} must be one of {listed}"
        if self.low is not None and self.high is not None:
            ok = type(value) is int and self.low <= value <= self.high
            return None if ok else f"option {self.name!r} must be a whole number from {self.low} to {self.high}"
        if type(value) not in (str, int):
            return f"option {self.name!r} must be a text or a whole number"
        bad = isinstance(value, str) and (not value or len(value) > 200 or "\0" in value)
        return f"option {self.name!r} must have 1 to 200 characters, and no NUL" if bad else None


@dataclass(frozen=True, slots=True)
class Example:
    """What a mask makes of a value: texts as PostgreSQL reads and prints the type; None is NULL."""

    raw: str | None
    masked: str | None
    type: str = "text"
    options: tuple[tuple[str, str | int], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class MaskInfo:
    """A mask by name: what it is called, what it shows, where it applies, and its examples, which the tests run."""

    name: str
    title: Mapping[str, str]
    """`en` and `zh`"""
    shows: Mapping[str, str]
    """For people: what remains visible; `en` and `zh`."""
    types: tuple[str, ...]
    """Families of types: text, integer, number, date, timestamp, network, uuid, any. Elsewhere: withheld."""
    examples: tuple[Example, ...]
    options: tuple[MaskOption, ...] = field(default=())
