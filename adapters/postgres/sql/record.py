"""The static members of a statement's record: normalized text, fingerprint, relations, classes, verdict, rules."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.postgres.plan import Content, Lookup
from adapters.postgres.sql import bounds
from adapters.postgres.sql.facts import Facts
from adapters.postgres.sql.judge import Verdict
from adapters.postgres.sql.parse import NotUnderstood, Text, fingerprinted
from gateway.model import Denial, Outcome
from gateway.trail.record import plan_fragment

LITERALS = frozenset({"SCONST", "USCONST", "ICONST", "FCONST", "BCONST", "XCONST"})


def normalized(text: Text, start: int = 0, end: int | None = None) -> str:
    """A statement without its literals and comments: each literal becomes the next `$n` after the text's parameters.

    Works on tokens, so that no statement kind can keep a literal; for what libpg_query normalizes it gives the same.
    """
    source = text.text
    tokens = text.tokens
    first = text.token_from(start)
    last = len(tokens) if end is None else text.token_from(end)
    if first >= last:
        return ""
    number = max((int(source[s + 1 : e]) for s, e, name in tokens[first:last] if name == "PARAM"), default=0)
    out: list[str] = []
    at = tokens[first].start
    stop = tokens[last - 1].end
    cuts = [(s, e, True) for s, e, name in tokens[first:last] if name in LITERALS]
    comments = text.comments_within(at, stop)
    if comments:
        cuts += [(s, e, False) for s, e, _ in comments]
        cuts.sort()
    for begin, end_, literal in cuts:
        out.append(source[at:begin])
        if literal:
            number += 1
            out.append(f"${number}")
        at = end_
    out.append(source[at:stop])
    return "".join(out).removesuffix(";")


def fragment(
    text: Text,
    facts: Facts,
    content: Content,
    verdict: Verdict,
    lookups: Sequence[Lookup],
    purpose: str | None,
    actor: str | None,
    bundle: str,
) -> bytes:
    """The record's static members for one statement of a text."""
    one = text.text[facts.start : facts.end]
    try:
        mark = fingerprinted(one)
    except NotUnderstood:
        mark = ""
    rules = dict.fromkeys(rule for disclosed in content.classes for rule in disclosed.rules)
    return plan_fragment(
        kind=facts.kind,
        statement=normalized(text, facts.start, facts.end),
        fingerprint=mark,
        verdict=verdict.outcome,
        bundle=bundle,
        purpose=purpose,
        relations=content.relations,
        classes=content.classes,
        reason=verdict.denial.reason if verdict.denial else "",
        rules=list(rules),
        lookups=tuple(lookups),
        statement_actor=actor,
    )


def opaque(
    kind: str, text: str, outcome: Outcome, denial: Denial | None, purpose: str | None, actor: str | None, bundle: str
) -> bytes:
    """The same for a text that could not be read: literals are taken out as far as it can be cut into tokens."""
    try:
        shown = normalized(Text(text)) if len(text) <= bounds.SHOWN else "(too long to be shown)"
    except NotUnderstood:
        shown = "(not understood)"
    return plan_fragment(
        kind=kind,
        statement=shown,
        fingerprint="",
        verdict=outcome,
        bundle=bundle,
        purpose=purpose,
        reason=denial.reason if denial else "",
        statement_actor=actor,
    )
