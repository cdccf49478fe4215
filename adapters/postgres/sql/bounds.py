"""What a text may cost to read, told before it is read. The grammar and its scanner take quadratic time for some texts,
and one text must not hold up everybody else's.

Measured on libpg_query 18: a comment costs about 1 ns for each byte of the text behind it; a run of n operator
characters that is no one operator is scanned again from each of them, 0.6 ns × n² when parsed and 2.3 ns × n² when
scanned; a part of a tree costs the analysis about 10 µs for its 100 to 250 bytes.
"""

from __future__ import annotations

import re
from typing import NamedTuple

SMALL = 4_000
"""Characters: no shorter text reaches a bound."""
COMMENT_WORK = 30_000_000
"""Comments × characters: 30 ms each time that the text is read."""
OPERATOR_WORK = 20_000_000
"""The sum of the squares of the lengths of runs of operator characters."""
SCAN_WORK = 2_000_000
"""Characters × characters beyond ASCII, where the scanner has to look for each token among them: 20 ms."""
TREE = 3_000_000
"""Bytes of the tree as JSON: an INSERT of about 50,000 constants, or 12,000 comparisons."""
SHOWN = 20_000
"""Characters: a longer text that could not be read is not cut into tokens for its record."""


class Bound(NamedTuple):
    """What a text is too much of, and the remedy."""

    message: str
    hint: str


TOO_DEEP = Bound("the statement is nested too deeply", "Split it, or use IN and ANY lists.")
TOO_MANY_COMMENTS = Bound(
    "the text has too many comments for its length", "Take comments out, or send long values as parameters."
)
TOO_LONG_OPERATOR = Bound(
    "the text has runs of operator characters that are too long", "Send long values as parameters."
)
TOO_MANY_PARTS = Bound("the statement has too many parts to be judged", "Send it in smaller parts, or rows with COPY.")
FOREIGN_TAG = Bound("a dollar quote has a tag beyond ASCII in a long text", "Use $$, or a tag of ASCII letters.")

_RUN = re.compile(r"(?<![-+*/<>=~!@#%^&|`?])[-+*/<>=~!@#%^&|`?]{100,}")


def too_costly(text: str) -> Bound | None:
    """Why the text is not read, and the remedy; None where it may be."""
    if len(text) < SMALL:
        return None
    if text.count("/*") * len(text) > COMMENT_WORK:
        return TOO_MANY_COMMENTS
    # A line of dashes is a comment.
    if sum(len(run) ** 2 for run in _RUN.findall(text) if run.strip("-")) > OPERATOR_WORK:
        return TOO_LONG_OPERATOR
    return None
