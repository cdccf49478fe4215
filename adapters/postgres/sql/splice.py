"""A judged statement → the text that is forwarded: the client's own text, with relations replaced by their veils.

Only the places that have to change do; everything else is forwarded as it was written. Edits are made on character
offsets. Two edits that overlap are a mistake of the gateway, and the statement is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.postgres.plan import Edit
from adapters.postgres.sql.conjuncts import constants
from adapters.postgres.sql.facts import (
    Conjunct,
    CopyOut,
    Facts,
    GroupMend,
    PartlyShown,
    RelationUse,
    TargetReference,
    TargetUse,
)
from adapters.postgres.sql.having import having
from adapters.postgres.sql.inference import GuardedGroup
from adapters.postgres.sql.judge import Verdict
from adapters.postgres.sql.parse import Node, NotUnderstood, Text
from adapters.postgres.sql.quote import quote_ident, quote_table
from adapters.postgres.sql.system_veil import veiled
from adapters.postgres.sql.veil import Comparison, RenderedVeil
from gateway.model import Disclosure, Predicate

SUBJECT = '"menshen:subject"'
"""The column that a veil adds for counting subjects."""
LOOKUP_OPERATORS = frozenset({"ASCII_61", "IN_P"})


@dataclass(frozen=True, slots=True)
class MovedLookup:
    """A raw comparison that moved inside a veil: the column's class, and the constants and parameters compared."""

    column: str
    data_class: str
    constants: tuple[str, ...]
    parameters: tuple[int, ...]
    many: bool
    """Compared with the elements of an array."""


def _same(veil: RenderedVeil) -> bool:
    """Whether the relation itself is what the veil shows."""
    return veil.trivial and veil.place == veil.table


class Splicer:
    """Collects the edits of one text; `apply` makes the new text."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.lookups: list[MovedLookup] = []
        self._edits: list[tuple[int, int, str]] = []
        self._moved: list[tuple[int, int]] = []

    # -- entrance
    def statement(self, facts: Facts, verdict: Verdict) -> None:
        """The edits of one statement that is allowed."""
        copied = facts.copy_out.use if facts.copy_out else None
        counted = {id(use): subject for guarded in verdict.groups for use, subject, _ in guarded.subjects}
        for use in facts.uses:
            veil = verdict.veils[id(use)]
            if use is copied:
                assert facts.copy_out is not None
                self._copy_out(facts.copy_out, veil)
            elif _same(veil) and not use.whole_row:
                self._qualify(use.location, use.relation.name.schema)
            else:
                self._relation(facts, use, veil, counted.get(id(use)))
        for guarded in verdict.groups:
            self._group(guarded)
        for target in facts.targets:
            self._target(facts, target, verdict.veils[id(target)])
        spliced = {id(u) for u in facts.uses if not _same(verdict.veils[id(u)]) or u.whole_row}
        for mend in facts.mends:
            if id(mend.use) in spliced:
                self._mend(mend)
        for location in facts.qualify:
            self._insert(location, "pg_catalog.")
        for call in facts.calls:
            if not call.qualified:
                self._insert(call.location, quote_ident(call.function.split(".", 1)[0]) + ".")
        for shown in facts.partial:
            self._partial(shown)

    def apply(self) -> tuple[str, tuple[Edit, ...]]:
        """The new text and its edits in order."""
        inside = [
            e for e in self._edits if not any(s <= e[0] and e[1] <= t and (s, t) != e[:2] for s, t in self._moved)
        ]
        edits = sorted(inside, key=lambda e: (e[0], e[1]))
        out: list[str] = []
        record: list[Edit] = []
        at = 0
        for start, end, new in edits:
            if start < at:
                raise NotUnderstood("two changes of the statement would overlap", sqlstate="0A000")
            out += (self.text.text[at:start], new)
            record.append(Edit(start, end, len(new)))
            at = end
        out.append(self.text.text[at:])
        return "".join(out), tuple(record)

    def replace(self, facts: Facts, new: str) -> None:
        """Put another statement in the place of a whole one."""
        inside = [t for t in self.text.tokens if facts.start <= t.start and t.end <= facts.end and t.name != "ASCII_59"]
        self._replace(inside[0].start, inside[-1].end, new)

    def _replace(self, start: int, end: int, new: str) -> None:
        self._edits.append((start, end, new))

    def _insert(self, at: int, new: str) -> None:
        self._edits.append((at, at, new))

    # -- relations
    def _qualify(self, location: int, schema: str) -> None:
        index = self.text.token_at(location)
        if self.text.name_end(index) == index + 1:
            self._insert(location, quote_ident(schema) + ".")

    def _relation(self, facts: Facts, use: RelationUse, veil: RenderedVeil, subject: str | None) -> None:
        tokens = self.text.tokens
        first = self.text.token_at(use.location)
        last = self.text.name_end(first) - 1
        alias = "" if use.explicit_alias else f" AS {quote_ident(use.alias)}"
        prefix = ""
        if use.only:
            first, last = self._only(first, last)
        elif last + 1 < len(tokens) and tokens[last + 1].name == "ASCII_42":
            last += 1
        if first and tokens[first - 1].name == "TABLE":
            first -= 1
            prefix = "SELECT * FROM "
        sample = self._sample(last) if use.sample is not None else ""
        if use.system and use.everything:
            raise NotUnderstood("a star together with system columns is not supported", sqlstate="0A000")
        derived = veil.derived(
            only=use.only,
            tablesample=sample,
            system_columns=tuple(sorted(use.system)),
            lookups=self._where(use, veil),
            extra=(f"{quote_ident(subject)} AS {SUBJECT}",) if subject else (),
            fence=self._fenced(use, veil),
            hide_statistics=facts.patterns and bool(veil.veil.rows),
            only_columns=None if use.everything or use.shaped else frozenset(use.columns),
        )
        self._replace(tokens[first].start, tokens[last].end, prefix + derived + alias)
        self._unqualify(use.qualified, use.alias)

    @staticmethod
    def _fenced(use: RelationUse, veil: RenderedVeil) -> bool:
        return bool(veil.veil.rows) and (use.leaky or (use.beside and veil.joins))

    def _only(self, first: int, last: int) -> tuple[int, int]:
        """`ONLY t` and `ONLY (t)`: the derived table says it itself."""
        tokens = self.text.tokens
        if tokens[first - 1].name == "ASCII_40" and tokens[first - 2].name == "ONLY":
            return first - 2, last + 1
        if tokens[first - 1].name != "ONLY":
            raise NotUnderstood("ONLY could not be located", sqlstate="0A000")
        return first - 1, last

    def _sample(self, after: int) -> str:
        """Take TABLESAMPLE out of the text; it belongs to the table inside the veil."""
        tokens = self.text.tokens
        first = next(i for i in range(after, len(tokens)) if tokens[i].name == "TABLESAMPLE")
        last = self._closing(next(i for i in range(first, len(tokens)) if tokens[i].name == "ASCII_40"))
        if last + 1 < len(tokens) and tokens[last + 1].name == "REPEATABLE":
            last = self._closing(last + 2)
        start, end = tokens[first].start, tokens[last].end
        self._replace(start, end, "")
        return self.text.text[start:end]

    def _closing(self, opening: int) -> int:
        depth = 0
        for index in range(opening, len(self.text.tokens)):
            name = self.text.tokens[index].name
            depth += (name == "ASCII_40") - (name == "ASCII_41")
            if depth == 0:
                return index
        raise NotUnderstood("parentheses do not match", sqlstate="42601")

    # -- lookups and index conditions
    def _where(self, use: RelationUse, veil: RenderedVeil) -> tuple[Comparison, ...]:
        """Conditions that move (lookups) or are repeated (index conditions, under a fence) inside the veil."""
        out = []
        columns = {c.veil.column: c for c in veil.columns}
        for conjunct in use.conjuncts:
            column = columns.get(conjunct.column)
            if column is None:
                continue
            clear = column.veil.disclosure is Disclosure.CLEAR
            if not (clear and self._fenced(use, veil)) and (clear or not column.veil.lookup or use.nullable):
                continue
            found = self._comparison(conjunct)
            if found is None:
                if not clear and column.veil.predicate is not Predicate.MASKED:
                    raise NotUnderstood("this lookup could not be read", hint="Write it as `column = value`.")
                continue
            start, end, before, after, values = found
            out.append(Comparison(column, before, after, values))
            if not clear:
                self._replace(start, end, "true")
                self._moved.append((start, end))
                self._note(f"{use.relation.name}.{conjunct.column}", column.veil.data_class, conjunct)
        return tuple(out)

    def _note(self, column: str, data_class: str, conjunct: Conjunct) -> None:
        value = conjunct.node["lexpr"] if conjunct.reversed else conjunct.node["rexpr"]
        many = conjunct.node["kind"] == "AEXPR_OP_ANY"
        values: list[str] = []
        parameters: list[int] = []
        constants(value, values, parameters)
        self.lookups.append(MovedLookup(column, data_class, tuple(values), tuple(parameters), many))

    def _comparison(self, conjunct: Conjunct) -> tuple[int, int, str, str, str] | None:
        """Start and end of `column = value`, the text before and after the column, and the values as an array; None
        where it is unusual."""
        node = conjunct.node
        column = node["rexpr"] if conjunct.reversed else node["lexpr"]
        value = node["lexpr"] if conjunct.reversed else node["rexpr"]
        first = self.text.token_at(self.text.at(column["ColumnRef"].get("location", 0)))
        end = self.text.name_end(first)
        tokens = self.text.tokens
        text = self.text.text
        if conjunct.reversed:
            span = self._value(value)
            if span is None or tokens[span[1]].name != "ASCII_61" or span[1] + 1 != first:
                return None
            start = tokens[span[0]].start
            value_text = text[start : tokens[span[1] - 1].end]
            return start, tokens[end - 1].end, text[start : tokens[first].start], "", f"ARRAY[{value_text}]"
        if end >= len(tokens) or tokens[end].name not in LOOKUP_OPERATORS:
            return None
        stop = self._right_side(node, value, end)
        if stop is None:
            return None
        start = tokens[first].start
        after = " " + text[tokens[end].start : tokens[stop - 1].end]
        return start, tokens[stop - 1].end, "", after, self._values(node["kind"], end, stop)

    def _values(self, kind: str, operator: int, stop: int) -> str:
        """What stands between the operator and token `stop`, as an array."""
        tokens, text = self.text.tokens, self.text.text
        if kind == "AEXPR_OP_ANY":
            return text[tokens[operator + 2].end : tokens[stop - 1].start]
        if kind == "AEXPR_IN":
            return f"ARRAY[{text[tokens[operator + 1].end : tokens[stop - 1].start]}]"
        return f"ARRAY[{text[tokens[operator + 1].start : tokens[stop - 1].end]}]"

    def _right_side(self, node: Node, value: Node, operator: int) -> int | None:
        """The index after the value that follows the operator."""
        tokens = self.text.tokens
        if node["kind"] == "AEXPR_IN":
            return self._closing(operator + 1) + 1 if tokens[operator + 1].name == "ASCII_40" else None
        if node["kind"] == "AEXPR_OP_ANY":
            if tokens[operator + 1].name not in ("ANY", "SOME") or tokens[operator + 2].name != "ASCII_40":
                return None
            return self._closing(operator + 2) + 1
        span = self._value(value)
        return None if span is None or span[0] != operator + 1 else span[1]

    def _value(self, node: Node) -> tuple[int, int] | None:
        """The token span of a constant or parameter, with a cast behind it."""
        inner = node.get("TypeCast", {}).get("arg", node)
        ((_, body),) = inner.items()
        tokens = self.text.tokens
        index = self.text.token_from(self.text.at(body.get("location", 0)))
        if index >= len(tokens):
            return None
        end = index + (2 if tokens[index].name == "ASCII_45" else 1)
        if "TypeCast" not in node:
            return index, end
        if end + 1 >= len(tokens) or tokens[end].name != "TYPECAST":
            return None
        end = self.text.name_end(end + 1)
        while end < len(tokens) and tokens[end].name in ("VARYING", "PRECISION"):
            end += 1
        if end < len(tokens) and tokens[end].name == "ASCII_40":
            end = self._closing(end) + 1
        return None if end < len(tokens) and tokens[end].name in ("ASCII_91", "WITH", "WITHOUT") else (index, end)

    # -- grouping, COPY, catalogue
    def _group(self, guarded: GuardedGroup) -> None:
        conditions = (
            f"pg_catalog.count(DISTINCT {quote_ident(use.alias)}.{SUBJECT}) OPERATOR(pg_catalog.>=) {least}"
            for use, _, least in guarded.subjects
        )
        self._condition(*having(self.text, guarded.group.select_list), " AND ".join(conditions), "HAVING")

    def _mend(self, mend: GroupMend) -> None:
        tokens = self.text.tokens
        index = self.text.token_at(mend.location)
        while not (tokens[index].name == "BY" and tokens[index - 1].name == "GROUP_P"):
            index -= 1
            if index < 1:
                raise NotUnderstood("GROUP BY could not be located", sqlstate="0A000")
        alias = quote_ident(mend.use.alias)
        columns = "".join(f" {alias}.{quote_ident(c)}," for c in mend.columns)
        self._insert(tokens[index].end, columns)

    def _copy_out(self, copy: CopyOut, veil: RenderedVeil) -> None:
        use = copy.use
        if _same(veil):
            self._qualify(use.location, use.relation.name.schema)
            return
        tokens = self.text.tokens
        first = self.text.token_at(use.location)
        last = self.text.name_end(first) - 1
        if tokens[last + 1].name == "ASCII_40":
            last = self._closing(last + 1)
        columns = ", ".join(quote_ident(c) for c in copy.columns)
        query = f"(SELECT {columns} FROM {veil.derived()} AS {quote_ident(use.alias)})"
        self._replace(tokens[first].start, tokens[last].end, query)

    def _partial(self, shown: PartlyShown) -> None:
        tokens = self.text.tokens
        first = self.text.token_at(shown.location)
        last = self.text.name_end(first) - 1
        alias = "" if shown.explicit_alias else f" AS {quote_ident(shown.alias)}"
        query = veiled(shown.relation, shown.columns, tuple(sorted(shown.system)))
        self._replace(tokens[first].start, tokens[last].end, query + alias)
        self._unqualify(shown.qualified, shown.alias)

    def _unqualify(self, places: list[int], alias: str) -> None:
        for location in places:
            index = self.text.token_at(location)
            self._replace(location, self.text.tokens[index + 2].end, quote_ident(alias))

    # -- writes
    def _target(self, facts: Facts, target: TargetUse, veil: RenderedVeil) -> None:
        self._name(facts, target, veil)
        columns = {c.veil.column: c for c in veil.columns}
        raw = self._raw_lookups(target, veil)
        prefix = quote_ident(target.alias) + "."
        predicate = veil.predicate(prefix)
        if veil.place != veil.table:
            self._shortened(target)
        for reference in target.references:
            column = columns.get(reference.column)
            if column is not None and reference.location not in raw and veil.place == veil.table:
                clear = column.veil.disclosure is Disclosure.CLEAR
                exposed = reference.qual and (target.leaky or (target.beside and veil.joins))
                guard = predicate if reference.leaky or exposed else None
                if not clear or guard:
                    self._reference(reference, column.expression, prefix, guard)
        if not veil.trivial:
            self._stars(target, veil)
        if predicate and target.act in ("update", "delete"):
            self._add_where(target, predicate)
        elif predicate and target.conflict_update:
            self._add_conflict_where(target, predicate)

    def _shortened(self, target: TargetUse) -> None:
        """`schema.table.column` is the alias's: the view that is written is in another schema."""
        tokens = self.text.tokens
        for reference in target.references:
            first = self.text.token_at(reference.location)
            if self.text.name_end(first) - first > 3:
                self._replace(tokens[first].start, tokens[first + 2].end, quote_ident(target.alias))

    def _name(self, facts: Facts, target: TargetUse, veil: RenderedVeil) -> None:
        if veil.place == veil.table:
            self._qualify(target.location, target.relation.name.schema)
            return
        self._possible(facts, target, veil)
        tokens = self.text.tokens
        first = self.text.token_at(target.location)
        if any(token.name == "ONLY" for token in tokens[max(0, first - 2) : first]):
            raise NotUnderstood("ONLY is not supported in managed mode", sqlstate="0A000")
        last = self.text.name_end(first) - 1
        place = veil.written(target.act)
        renamed = place.name != target.alias and target.alias == target.relation.name.name
        alias = f" AS {quote_ident(target.alias)}" if renamed and tokens[last + 1].name != "AS" else ""
        self._replace(tokens[first].start, tokens[last].end, quote_table(place) + alias)

    @staticmethod
    def _possible(facts: Facts, target: TargetUse, veil: RenderedVeil) -> None:
        """Raises NotUnderstood for a write that a view cannot take, or takes for rows that it hides."""
        hides = bool(veil.veil.rows)
        for asked, what, hint in (
            (facts.kind == "COPY", "COPY FROM", "INSERT the rows."),
            (hides and target.conflict_update, "ON CONFLICT DO UPDATE where rows are hidden", "UPDATE, then INSERT."),
            (hides and target.leaky, "a write with a condition that may raise", "Name the row by its key."),
        ):
            if asked:
                raise NotUnderstood(
                    f"{what} is not supported for {veil.table} in managed mode", hint=hint, sqlstate="0A000"
                )

    def _raw_lookups(self, target: TargetUse, veil: RenderedVeil) -> set[int]:
        """Where references stand that may compare the raw value."""
        columns = {c.veil.column: c.veil for c in veil.columns}
        out = set()
        for conjunct in target.lookups:
            column = columns.get(conjunct.column)
            if column is not None and column.lookup and column.disclosure is not Disclosure.CLEAR:
                if veil.place != veil.table:
                    raise NotUnderstood(
                        f"a lookup of {conjunct.column} in a write is not supported in managed mode",
                        hint="SELECT the key of the row by it, then name the row by its key.",
                        sqlstate="0A000",
                    )
                reference = conjunct.node["rexpr"] if conjunct.reversed else conjunct.node["lexpr"]
                out.add(self.text.at(reference["ColumnRef"].get("location", 0)))
                self._note(f"{target.relation.name}.{conjunct.column}", column.data_class, conjunct)
        return out

    def _reference(self, reference: TargetReference, expression: object, prefix: str, guard: str | None) -> None:
        assert callable(expression)
        tokens = self.text.tokens
        first = self.text.token_at(reference.location)
        last = self.text.name_end(first) - 1
        if last > first:
            prefix = self.text.text[tokens[first].start : tokens[last].start]
        new = f"({expression(prefix)})"
        if guard:
            new = f"(CASE WHEN {guard} THEN {new} END)"
        label = f" AS {quote_ident(reference.column)}" if reference.label else ""
        self._replace(tokens[first].start, tokens[last].end, new + label)

    def _stars(self, target: TargetUse, veil: RenderedVeil) -> None:
        tokens = self.text.tokens
        for star in target.stars:
            first = self.text.token_at(star.location)
            last = first if star.bare else self.text.name_end(first) - 1
            prefix = quote_ident(target.alias) + "."
            if not star.bare:
                prefix = self.text.text[tokens[first].start : tokens[last].start]
            items = [f"({c.expression(prefix)}) AS {quote_ident(c.veil.column)}" for c in veil.columns]
            items += [f"{quote_ident(other)}.*" for other in star.others]
            self._replace(tokens[first].start, tokens[last].end, ", ".join(items))

    def _add_where(self, target: TargetUse, predicate: str) -> None:
        where, end = self._clause(self.text.token_at(target.location), "WHERE")
        self._condition(where, end, predicate)

    def _add_conflict_where(self, target: TargetUse, predicate: str) -> None:
        tokens = self.text.tokens
        index, depth = self.text.token_at(target.location), 0
        while not (depth == 0 and tokens[index].name == "DO" and tokens[index + 1].name == "UPDATE"):
            depth += (tokens[index].name == "ASCII_40") - (tokens[index].name == "ASCII_41")
            index += 1
        where, end = self._clause(index, "WHERE")
        self._condition(where, end, predicate)

    def _condition(self, where: int | None, end: int, predicate: str, clause: str = "WHERE") -> None:
        tokens = self.text.tokens
        at = tokens[end - 1].end
        if where is None:
            self._insert(at, f" {clause} {predicate}")
        else:
            self._insert(tokens[where].end, " (")
            self._insert(at, f") AND ({predicate})")

    def _clause(self, index: int, name: str) -> tuple[int | None, int]:
        """From token `index` on, at its depth: the token `name`, and where RETURNING or the statement ends."""
        tokens, depth, found = self.text.tokens, 0, None
        for at in range(index, len(tokens)):
            name_ = tokens[at].name
            depth += (name_ == "ASCII_40") - (name_ == "ASCII_41")
            if depth < 0 or (depth == 0 and name_ in ("RETURNING", "ASCII_59")):
                return found, at
            if depth == 0 and name_ == name and found is None:
                found = at
        return found, len(tokens)
