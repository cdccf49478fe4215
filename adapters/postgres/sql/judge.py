"""Facts × persona → verdict: pure, and falling off the end denies.

The first thing that is not allowed decides; its message names the data class, the purpose and the rule or the absence
of one. An unrestricted persona is not asked: its facts are only recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from adapters.postgres.plan import WriteGuard
from adapters.postgres.sql.facts import Facts, Refusal, RelationUse, TargetUse, Written
from adapters.postgres.sql.inference import GuardedGroup, check_conditions, check_made_of, guarded_groups
from adapters.postgres.sql.parse import Text
from adapters.postgres.sql.rights import DeniedError, Rights, deny, purpose_of
from adapters.postgres.sql.veil import RenderedVeil
from gateway.model import Act, ColumnVeil, Denial, Disclosed, Disclosure, Outcome, RowRule
from gateway.policy.masks import looks_masked


@dataclass(slots=True)
class Verdict:
    """What the rules say about one statement."""

    denial: Denial | None = None
    veils: dict[int, RenderedVeil] = field(default_factory=dict)
    """`id` of a RelationUse or TargetUse → its veil."""
    classes: list[Disclosed] = field(default_factory=list)
    guards: list[WriteGuard] = field(default_factory=list)
    groups: list[GuardedGroup] = field(default_factory=list)
    """Queries of which only groups of enough subjects are shown."""
    governed: bool = False
    scrub: bool = False

    @property
    def outcome(self) -> Outcome:
        if self.denial is not None:
            return Outcome.DENY
        changed = any(not v.trivial for v in self.veils.values())
        return Outcome.VEIL if changed else Outcome.ALLOW


def judge(facts: Facts, rights: Rights) -> Verdict:
    """The verdict on one statement for a restricted persona."""
    verdict = Verdict()
    try:
        if facts.refusals:
            raise DeniedError(_refused(facts.refusals[0]))
        for use in facts.uses:
            _read(use, rights, verdict)
        for target in facts.targets:
            _write(target, rights, verdict)
        check_conditions(facts, rights)
        verdict.groups = guarded_groups(facts, rights)
        _calls(facts, rights)
        _draws(facts, rights)
        _ddl(facts, rights)
        if facts.needs_clear:
            _whole(facts, verdict)
    except DeniedError as denied:
        verdict.denial = denied.denial
    return verdict


def _refused(refusal: Refusal) -> Denial:
    return Denial(refusal.message, refusal.hint, refusal.sqlstate, position=refusal.position + 1, reason=refusal.reason)


def _veil(use: RelationUse | TargetUse, rights: Rights, verdict: Verdict) -> RenderedVeil:
    veil = rights.veil(use.relation)
    if veil is None:
        raise DeniedError(replace(rights.refusal(use.relation), position=use.location + 1))
    verdict.veils[id(use)] = veil
    verdict.governed = verdict.governed or veil.veil.governed
    if not veil.trivial:
        verdict.scrub = True
    return veil


def _disclosed(use: RelationUse | TargetUse, veil: RenderedVeil) -> list[ColumnVeil]:
    """The veils of the columns that are read."""
    return [c.veil for c in veil.columns if use.everything or c.veil.column in use.columns]


def _read(use: RelationUse, rights: Rights, verdict: Verdict) -> None:
    veil = _veil(use, rights, verdict)
    looked_up = {c.column for c in use.conjuncts}
    _reads(use, veil, rights, verdict, looked_up)


def _reads(
    use: RelationUse | TargetUse, veil: RenderedVeil, rights: Rights, verdict: Verdict, looked_up: Iterable[str]
) -> None:
    columns = [c.veil for c in veil.columns]
    if veil.veil.governed and all(c.disclosure is Disclosure.WITHHELD and not c.lookup for c in columns):
        classes = sorted({c.data_class for c in columns})
        raise deny(
            "no_rule",
            f"no rule lets {rights.persona.principal} see any column of {use.relation.name} {purpose_of(rights)}",
            f"Its classes are {', '.join(classes)}. Ask their owner for a grant, or state another purpose.",
            use.location,
        )
    for column in _disclosed(use, veil):
        verdict.classes.append(Disclosed(column.data_class, column.disclosure, column.rules))
        if column.disclosure is Disclosure.WITHHELD and column.column in use.columns:
            lookup = column.lookup and column.column in looked_up
            if not lookup and rights.denies_withheld(column.data_class):
                raise deny(
                    "withheld",
                    f"{column.data_class} ({use.relation.name}.{column.column}) is withheld {purpose_of(rights)}",
                    _rule_hint(column),
                    use.location,
                )


def _rule_hint(column: ColumnVeil) -> str:
    if column.rules:
        return f"Decided by {', '.join(column.rules)}."
    return "No rule allows it. Ask the owner of the table for a grant."


# -- writes -----------------------------------------------------------------------------------------------------------
def _write(target: TargetUse, rights: Rights, verdict: Verdict) -> None:
    veil = _veil(target, rights, verdict)
    verdict.scrub = True  # triggers, checks and foreign keys of the write may tell about rows of other tables
    by_name = {c.veil.column: c.veil for c in veil.columns}
    for written in target.inserted:
        column = _writable(target, by_name, written, "insert", rights)
        _mask_guard(target, column, written, verdict)
        check_made_of(target, column, written, rights)
    for written in target.updated:
        column = _writable(target, by_name, written, "update", rights)
        _mask_guard(target, column, written, verdict)
        check_made_of(target, column, written, rights)
    if target.act == "delete" and not veil.veil.delete:
        classes = ", ".join(sorted({c.data_class for c in by_name.values()}))
        raise deny(
            "no_rule",
            f"no rule lets {rights.persona.principal} delete from {target.relation.name} {purpose_of(rights)}",
            f"The act delete is needed on {classes}.",
            target.location,
        )
    if target.act == "insert" and not target.inserted:  # DEFAULT VALUES
        for column in by_name.values():
            _writable(target, by_name, Written(column.column), "insert", rights)
    _row_predicate_holds(target, veil)
    if target.columns or target.everything:
        _reads(target, veil, rights, verdict, {c.column for c in target.lookups})
    if target.system_qual and target.leaky and veil.veil.rows:
        raise deny(
            "row_rule",
            f"a system column of {target.relation.name} may not stand beside a condition that may raise an error: it "
            "would tell about rows that this persona may not see",
            "Name the row by its key.",
            target.location,
        )
    if target.whole_row and not veil.trivial:
        raise deny(
            "whole_row",
            f"a whole row of {target.relation.name} may not be used here: some of it is masked",
            "Name the columns that you need.",
            target.location,
        )


def _writable(
    target: TargetUse, columns: Mapping[str, ColumnVeil], written: Written, act: str, rights: Rights
) -> ColumnVeil:
    column = columns.get(written.column)
    if column is None:
        raise DeniedError(
            Denial(
                f'column "{written.column}" of {target.relation.name} is not in the data map, so it may not be written',
                "Only what the data map knows may be collected. Ask the security team to classify it in catalog.yaml.",
                position=target.location + 1,
                reason="unknown_column",
            )
        )
    if not (column.insert if act == "insert" else column.update):
        raise deny(
            "no_rule",
            f"no rule lets {rights.persona.principal} {act} {column.data_class} "
            f"({target.relation.name}.{written.column}) {purpose_of(rights)}",
            f"The act {act} on {column.data_class} is needed. Ask the owner of the table for a grant.",
            target.location,
        )
    return column


def _mask_guard(target: TargetUse, column: ColumnVeil, written: Written, verdict: Verdict) -> None:
    """A mask must not overwrite data: neither one that comes back from a form, nor one computed from a column."""
    if written.computed and column.disclosure is not Disclosure.CLEAR:
        raise deny(
            "masked_write",
            f"the value for {target.relation.name}.{written.column} is computed from columns that this persona sees "
            "masked: a mask would overwrite data",
            "Send the value itself.",
            target.location,
        )
    if written.constant is not None and looks_masked(column.mask, written.constant):
        raise deny(
            "masked_write",
            f"the value for {target.relation.name}.{written.column} is a mask: it would overwrite data",
            "Leave the column out of the statement when it was not changed.",
            target.location,
        )
    if written.parameter:
        verdict.guards.append(WriteGuard(written.parameter, f"{target.relation.name}.{written.column}", column.mask))


def _row_predicate_holds(target: TargetUse, veil: RenderedVeil) -> None:
    """A row may not be written out of the persona's sight: what a row rule looks at must be proven to fit."""
    for rule in veil.veil.rows:
        if not isinstance(rule, RowRule):
            continue
        looked_at, equal = row_rule_shape(rule)
        for written in target.updated:
            if written.column in looked_at and (
                written.constant is None or written.constant != equal.get(written.column)
            ):
                raise _hidden_write(target, written.column)
        if target.act == "insert":
            for name in looked_at & {c.veil.column for c in veil.columns}:
                values = [w for w in target.inserted if w.column == name]
                if not values or any(w.constant is None or w.constant != equal.get(name) for w in values):
                    raise _hidden_write(target, name)


def _hidden_write(target: TargetUse, column: str) -> DeniedError:
    return deny(
        "row_rule",
        f"{target.relation.name}.{column} decides which rows this persona sees; what is written there must be "
        "a constant that keeps the row in sight",
        "Write the persona's own value as a literal, or ask for a wider row rule.",
        target.location,
    )


def row_rule_shape(rule: RowRule) -> tuple[set[str], dict[str, str]]:
    """The words of a row rule that may be columns, and where it is `column = :principal.x`, the value."""
    text = Text(rule.expression)
    words = [(t.name, rule.expression[t.start : t.end].strip('"')) for t in text.tokens]
    columns = {word for name, word in words if name == "IDENT" or word.isidentifier()}
    shape = [w for _, w in words]
    equal: dict[str, str] = {}
    if len(shape) == 6 and shape[1:5] == ["=", ":", "principal", "."]:
        value = dict(rule.attributes).get(shape[5])
        if value is not None:
            equal[shape[0]] = str(value)
    return columns, equal


# -- the rest ---------------------------------------------------------------------------------------------------------
def _calls(facts: Facts, rights: Rights) -> None:
    for call in facts.calls:
        data_class = rights.functions[call.function]
        if not rights.allows(data_class, Act.CALL):
            raise deny(
                "function",
                f"function {call.function} may not be called {purpose_of(rights)}",
                f"The act call on {data_class} is needed.",
                call.location,
            )


def _draws(facts: Facts, rights: Rights) -> None:
    """A sequence gives its values to those who may insert into a table that draws from it. To anybody else they tell
    how many rows there are, and who takes many leaves none for others."""
    for draw in facts.draws:
        veils = [veil for relation in draw.relations if (veil := rights.veil(relation)) is not None]
        if not any(column.veil.insert for veil in veils for column in veil.columns):
            tables = ", ".join(str(relation.name) for relation in draw.relations)
            raise deny(
                "no_rule",
                f"no rule lets {rights.persona.principal} draw from the sequence {draw.sequence} {purpose_of(rights)}",
                f"The act insert is needed on a column of {tables}.",
                draw.location,
            )


def _ddl(facts: Facts, rights: Rights) -> None:
    for schema in facts.ddl:
        if not rights.allows(schema, Act.DDL):
            raise deny(
                "ddl",
                f"no rule lets {rights.persona.principal} change schema {schema} {purpose_of(rights)}",
                f"The act ddl on {schema} is needed; migrations run as an unrestricted persona.",
            )


def _whole(facts: Facts, verdict: Verdict) -> None:
    for one in facts.everything_used():
        if not verdict.veils[id(one)].trivial:
            raise deny(
                "explain",
                f"{facts.needs_clear} shows more than the result, and {one.relation.name} is not wholly open to "
                "this persona",
                "Ask someone with an unrestricted persona for the plan.",
                one.location,
            )
