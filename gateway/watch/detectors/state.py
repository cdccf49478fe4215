"""What detectors remember, as plain values that JSON can hold, and bounds on how much it may be.

States are dicts, lists, numbers and texts; besides `freeze` and `thaw` know roaring bitmaps, sets, bounded deques and
dicts whose keys are whole numbers.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Any

from pyroaring import BitMap

State = dict[str, Any]


def freeze(value: Any) -> Any:
    """A JSON-able copy."""
    if isinstance(value, dict):
        if any(not isinstance(key, str) or key[:1] == "$" for key in value):  # clients choose names, `$b` too
            return {"$k": [[key, freeze(item)] for key, item in value.items()]}
        return {key: freeze(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [freeze(item) for item in value]
    if isinstance(value, deque):
        return {"$d": [value.maxlen, [freeze(item) for item in value]]}
    if isinstance(value, BitMap):
        return {"$b": b64encode(value.serialize()).decode()}
    if isinstance(value, (set, frozenset)):
        return {"$s": sorted(value)}
    return value


def thaw(value: Any) -> Any:
    """What `freeze` was given; tuples come back as lists."""
    if isinstance(value, list):
        return [thaw(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((mark, inner),) = value.items()
        if mark == "$k":
            return {key: thaw(item) for key, item in inner}
        if mark == "$d":
            return deque((thaw(item) for item in inner[1]), maxlen=inner[0])
        if mark == "$b":
            return BitMap.deserialize(b64decode(inner))
        if mark == "$s":
            return set(inner)
    return {key: thaw(item) for key, item in value.items()}


def make_room(mapping: dict[Any, Any], limit: int) -> None:
    """Before something is put in: where it is full, the oldest eighth goes."""
    if len(mapping) >= limit:
        for key in list(islice(mapping, max(1, limit // 8))):
            del mapping[key]


def median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if not ordered:
        return 0.0
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def usual_top(values: Iterable[float]) -> float:
    """The ninth of ten: the largest that is usual. A few extraordinary days, or breaches, do not move it."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) * 9 // 10] if ordered else 0.0


def spread(values: list[float], middle: float) -> float:
    """The median absolute deviation, scaled to the standard deviation of a normal distribution."""
    return 1.4826 * median([abs(value - middle) for value in values])
