"""MASKS: names, meaning, options and examples of the masks, and how to tell a masked value from data.

An adapter renders a mask in its database's own language; this module knows no database. All masks agree on this:
NULL stays NULL and an empty text stays empty (nothing is there); a value that does not have the shape that the mask
expects shows less, never more; the result has the column's own type and length.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.model import Mask
from gateway.policy.maskbook import BOOK, BUCKET_WIDTH
from gateway.policy.maskinfo import Example, MaskInfo, MaskOption

__all__ = ["BUCKET_WIDTH", "DEFAULTS", "MASKS", "Example", "MaskInfo", "MaskOption", "looks_masked", "validate"]

MASKS: Final[Mapping[str, MaskInfo]] = MappingProxyType({info.name: info for info in BOOK})

DEFAULTS: Final[Mapping[str, Mask]] = MappingProxyType(
    {
        "text": Mask("text"),
        "date": Mask("birth"),
        "timestamp": Mask("birth"),
        "integer": Mask("bucket"),
        "number": Mask("bucket"),
        "network": Mask("ip"),
    }
)
"""The mask of a class that names none, by family of types; of any other type, withheld."""

_STARRED: Final = frozenset({"name", "phone", "id_number", "passport", "bank_card", "birth", "ip", "plate"})
"""Masks over values in which a star never occurs."""
_PSEUDONYM: Final = re.compile(r"p_[0-9a-f]{8,24}")
_FULL_STAR: Final = str.maketrans("＊", "*")


def validate(mask: Mask) -> str | None:
    """What is wrong with a mask as a bundle names it; None where it is good."""
    info = MASKS.get(mask.name)
    if info is None:
        near = difflib.get_close_matches(mask.name, MASKS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the masks are {', '.join(MASKS)}"
        return f"there is no mask {mask.name!r}; {hint}"
    known = {option.name: option for option in info.options}
    for name, value in mask.options:
        option = known.get(name)
        if option is None:
            has = f"its options: {', '.join(known)}" if known else "it has none"
            return f"mask {mask.name!r} has no option {name!r}; {has}"
        problem = option.problem(value)
        if problem:
            return f"mask {mask.name!r}: {problem}"
    return None


def looks_masked(mask: Mask | None, value: str) -> bool:
    """Whether a value that somebody writes is a mask coming back, so that it must not overwrite data.

    Texts only: a year's first of January or a round amount cannot be told from data. Pseudonyms are recognized
    whatever the mask, since the same column shows a pseudonym for another purpose.
    """
    text = value.strip().translate(_FULL_STAR)
    if text == "***" or _PSEUDONYM.fullmatch(text):
        return True
    if mask is None:
        return False
    if mask.name in _STARRED:
        return "*" in text
    if mask.name == "email":
        # RFC 5322 allows a star in a local part, so one star proves nothing.
        return "***" in text
    if mask.name == "address":
        return text.endswith("**")
    if mask.name == "constant":
        return value == str(dict(mask.options).get("value", "***"))
    return False
