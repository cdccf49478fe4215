"""How many raw values a statement looks up, of which classes: asked before it is run, where a class has a limit."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from adapters.postgres.plan import Lookup
from adapters.postgres.wire.requests import Bind

_BINARY: Final = 1


def wanted(lookups: Sequence[Lookup], bind: Bind | None) -> dict[str, tuple[int, int]]:
    """Class → (how many values, the limit for an hour), of the classes that have a limit."""
    out: dict[str, tuple[int, int]] = {}
    for lookup in lookups:
        if lookup.per_hour:
            count = lookup.count
            if lookup.many and lookup.parameter:
                count = _elements(bind, lookup.parameter)
            before = out.get(lookup.data_class, (0, 0))[0]
            out[lookup.data_class] = before + count, lookup.per_hour
    return out


def elements_of_text(text: str) -> int:
    """How many elements an array as text may have at most: a comma in quotes counts as one too."""
    return text.count(",") + 1


def _elements(bind: Bind | None, parameter: int) -> int:
    """How many elements an array has that came with Bind, at most."""
    value = bind.values[parameter - 1] if bind is not None and 0 < parameter <= len(bind.values) else None
    if bind is None or value is None:
        return 1
    if bind.format_of(parameter) != _BINARY:
        return elements_of_text(value.decode("utf-8", "replace"))
    return max(1, min(_elements_of_binary(value), len(value) // 4))  # an element has a length of four bytes


def _elements_of_binary(value: bytes) -> int:
    """PostgreSQL's `array_recv`: dimensions, flags, element type, then the length and lower bound of each dimension."""
    if len(value) < 12:
        return 1
    dimensions = struct.unpack_from("!i", value)[0]
    if not 0 <= dimensions <= 6 or len(value) < 12 + 8 * dimensions:
        return 1  # the database refuses it
    count = 1
    for index in range(dimensions):
        count *= max(0, struct.unpack_from("!i", value, 12 + 8 * index)[0])
    return count
