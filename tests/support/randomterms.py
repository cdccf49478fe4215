"""Random expressions over the columns in scope, by type; the second half of `generator`.

Types are letters: `n` integer, `m` numeric, `t` text, `d` date, `b` boolean, `j` jsonb; `z` is one that no expression uses,
`x` one that cannot be compared (json). Nothing here depends on the order in
which PostgreSQL happens to read rows, nor on the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

TEXTS = (
    *(
        "'north'",
        "'a'",
        "'139'",
        "'%@canary.example'",
        "'王'",
        "'mobile'",
        "'open'",
        "''",
        "'Person'",
        "E'x\\'y'",
        "$$d$$",
    ),
    *("U&'\\0061'", "'x'", "N'n'", "NULL::text"),
)
TYPE_NAMES = {"n": "int", "m": "numeric", "t": "text", "d": "date", "b": "boolean", "j": "jsonb"}


@dataclass(frozen=True)
class Column:
    """`name` as it is written in SQL, quotes included."""

    name: str
    kind: str
    unique: bool = False


@dataclass
class Source:
    """A FROM item that is in scope: what may be written in front of its columns, and its columns."""

    alias: str
    columns: list[Column]
    whole: bool = True
    """It may be used as a value, as a whole row."""
    renamed: bool = False
    """Its columns have other names here: PostgreSQL is not of one mind which of both JSON of a whole row has."""

    def of(self, kind: str) -> list[str]:
        return [f"{self.alias}.{c.name}" for c in self.columns if c.kind == kind]


@dataclass
class Scope:
    """What an expression may name. `bare`: columns that may be named without their source."""

    sources: list[Source] = field(default_factory=list)
    outer: list[Source] = field(default_factory=list)
    bare: list[Column] = field(default_factory=list)

    @property
    def all(self) -> list[Source]:
        return self.sources + self.outer

    def of(self, kind: str) -> list[str]:
        named = [c for s in self.all for c in s.of(kind)]
        return named + [c.name for c in self.bare if c.kind == kind]


class Terms:
    """Expressions. `version`: PostgreSQL's, for syntax that older ones lack."""

    def __init__(self, random: Random, version: int = 18) -> None:
        self.random = random
        self.version = version
        self._names = 0

    # -- chance
    def pick(self, options: Sequence[str]) -> str:
        return options[int(self.random.random() * len(options))]

    def chance(self, one_in: int) -> bool:
        return self.random.random() * one_in < 1

    def upto(self, most: int) -> int:
        return int(self.random.random() * (most + 1))

    def fresh(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    # -- subqueries, of the other half
    def scalar(self, kind: str, scope: Scope, depth: int) -> str:
        """A subquery that gives one value of that kind, in parentheses."""
        raise NotImplementedError

    def column_of_many(self, kind: str, scope: Scope, depth: int) -> str:
        """A subquery that gives one column of that kind, in parentheses."""
        raise NotImplementedError

    def exists(self, scope: Scope, depth: int) -> str:
        raise NotImplementedError

    # -- expressions
    def term(self, kind: str, scope: Scope, depth: int) -> str:
        """An expression of that kind; it may stand anywhere an operand may."""
        if depth <= 0 or self.chance(3):
            return self.leaf(kind, scope)
        if self.chance(14):
            return self.scalar(kind, scope, depth - 1)
        if self.chance(5):
            return self._any_kind(kind, scope, depth - 1)
        return {
            "t": self._text, "n": self._number, "m": self._numeric, "d": self._date, "b": self.condition, "j": self._json
        }[kind](scope, depth - 1)  # fmt: skip

    def leaf(self, kind: str, scope: Scope) -> str:
        columns = scope.of(kind)
        if columns and not self.chance(12):
            return self.pick(columns)
        return self.constant(kind)

    def constant(self, kind: str) -> str:
        if kind == "t":
            return self.pick(TEXTS)
        if kind == "n":
            return str(self.upto(30))
        if kind == "m":
            return f"{self.upto(99)}.5"
        if kind == "d":
            return f"date '{1950 + self.upto(80)}-0{1 + self.upto(8)}-11'"
        if kind == "b":
            return self.pick(["true", "false", "NULL::boolean"])
        return self.pick(["jsonb '{\"k\": 1}'", "'[1, \"a\"]'::jsonb", "'null'::jsonb"])

    def _any_kind(self, kind: str, scope: Scope, depth: int) -> str:
        """What every type has."""
        a, b = self.term(kind, scope, depth), self.term(kind, scope, depth)
        comparable = self.leaf("n", scope)
        return self.pick([
            f"coalesce({a}, {b})", f"CASE WHEN {self.condition(scope, depth)} THEN {a} ELSE {b} END", f"nullif({a}, {b})",
            f"CASE {comparable} WHEN {self.upto(9)} THEN {a} END", f"({a})", f"({a})::{TYPE_NAMES[kind]}",
            f"CAST({a} AS {TYPE_NAMES[kind]})", f"(ARRAY[{a}, {b}])[{1 + self.upto(2)}]", f"(ARRAY[{a}])[1]",
            f"greatest({a}, {b})", f"LEAST({a}, {b})", f"(SELECT {a})", f"(VALUES ({a}))",
        ])  # fmt: skip

    def _text(self, scope: Scope, depth: int) -> str:
        a, b = self.term("t", scope, depth), self.term("t", scope, depth)
        forms = [
            f"upper({a})", f"lower({a})", f"initcap({a})", f"left({a}, {self.upto(12)})", f"right({a}, {self.upto(12)})",
            f"reverse({a})", f"md5({a})", f"concat({a}, ':', {b})", f"concat_ws('/', {a}, {b})", f"({a} || {b})", f"repeat({a}, 2)",
            f"substr({a}, {1 + self.upto(5)})", f"substring({a} from 2 for 9)", f"substring({a} from '[0-9]+')",
            f"overlay({a} placing 'zz' from 2)", f"trim(both ' 1' from {a})", f"btrim({a}, '1')", f"replace({a}, '1', {b})",
            f"translate({a}, '0123456789', 'abcdefghij')", f"lpad({a}, 20, '-')", f"split_part({a}, '@', {1 + self.upto(1)})",
            f"regexp_replace({a}, '[0-9]', '#', 'g')", f"quote_literal({a})", f"format('%s-%s', {a}, {b})",
            f"encode(convert_to({a}, 'UTF8'), '{self.pick(['hex', 'base64', 'escape'])}')",
            f'{a} COLLATE "C"', f"({a})::varchar(40)", f"CAST({a} AS char(30))::text", f"({a} || '')::name::text",
            f"({self.term('n', scope, depth)})::text", f"({self.term('m', scope, depth)})::text",
            f"({self.term('d', scope, depth)})::text", f"to_char({self.term('d', scope, depth)}, 'YYYY Mon DD')",
            f"to_char({self.term('m', scope, depth)}, 'FM999999990.00')", f"array_to_string(ARRAY[{a}, {b}], ',')",
            f"array_to_string(string_to_array({a}, '1'), '|')", f"({self.term('j', scope, depth)})::text",
            f"({self.term('j', scope, depth)} ->> 'nick')", f"({self.term('j', scope, depth)} #>> '{{a,b}}')",
            f"ROW({a}, {b})::text", f"(({a}, {b}))::text", f"ARRAY[{a}, {b}]::text", f"jsonb_build_array({a}, {b}) ->> 0",
            f"json_build_object('k', {a})::text", f"jsonb_pretty(jsonb_build_object('a', {a}))", f"to_json({a})::text",
            f"array_to_string(ARRAY{self.column_of_many('t', scope, depth)}, ',')" if depth > 0 else a,
            f"to_tsvector('simple', {a})::text", f"pg_typeof({a})::text",
            f"sha256(convert_to({a}, 'UTF8'))::text", f"normalize({a})", f"quote_nullable({b})",
        ]  # fmt: skip
        if self.version >= 17:
            forms += [
                f"JSON_SERIALIZE({self.term('j', scope, depth)})", f"JSON_OBJECT('k': {a}, 'l' VALUE {b} RETURNING text)",
                f"JSON_ARRAY({a}, {b} NULL ON NULL RETURNING text)", f"JSON_VALUE({self.term('j', scope, depth)}, '$.nick')",
                f"JSON_QUERY({self.term('j', scope, depth)}, '$' RETURNING text)", f"JSON_SCALAR({a})::text",
            ]  # fmt: skip
        whole = [s for s in scope.all if s.whole]
        if whole and self.chance(4):
            return self._row_as_text(self.random.choice(whole))
        return self.pick(forms)

    def _row_as_text(self, source: Source) -> str:
        alias = source.alias
        some = self.pick([c.name for c in source.columns])
        forms = [
            f"{alias}::text", f"({alias})::text", f"ROW({alias}.*)::text", f"({alias}.{some})::text", f"(({alias}).{some})::text",
            f"concat({alias}.*)", f"concat_ws(',', {alias}.*)", f"num_nulls({alias}.*)::text", f"md5({alias}::text)",
            f"format('%s', {alias})", f"coalesce({alias}::text, 'none')", f"ARRAY[{alias}]::text",
        ]  # fmt: skip
        if not source.renamed:
            forms += [
                f"row_to_json({alias})::text", f"to_jsonb({alias})::text", f"to_json({alias}.*)::text",
                f"jsonb_build_array({alias})::text", f"array_to_json(ARRAY[{alias}])::text",
                f"json_build_object('r', {alias})::text", f"(to_jsonb({alias}) -> 'phone')::text",
            ]  # fmt: skip
        return self.pick(forms)

    def _number(self, scope: Scope, depth: int) -> str:
        a, b, text = self.term("n", scope, depth), self.term("n", scope, depth), self.term("t", scope, depth)
        day = self.term("d", scope, depth)
        return self.pick([
            f"({a} + {self.upto(9)})", f"({a} - {b} % 7)", f"-({a} % 100)", f"abs({a} % 1000)", f"({a})::bigint::int", f"({a} % 7)",
            f"length({text})", f"char_length({text})", f"octet_length({text})", f"position('1' in {text})", f"strpos({text}, 'a')",
            f"ascii({text})", f"extract(year from {day})::int", f"date_part('month', {day})::int", f"sign({a})::int",
            f"({self.condition(scope, depth)})::int", f"cardinality(ARRAY[{a}, {b}])", f"array_length(string_to_array({text}, '1'), 1)",
            f"({a} # 5)", f"regexp_count({text}, '[0-9]')", f"array_position(ARRAY[{a}, {b}], {b})", f"mod({a}, 5)",
            f"least({a}, {b}, 3)", f"jsonb_array_length(jsonb_build_array({text}, 1))", f"bit_length({text})", f"(~ ({a} % 50))",
        ])  # fmt: skip

    def _numeric(self, scope: Scope, depth: int) -> str:
        a, number = self.term("m", scope, depth), self.term("n", scope, depth)
        return self.pick([
            f"round({a})", f"({a} * 2)", f"({a} + {number})", f"trunc({a}, 1)", f"abs({a})", f"({number})::numeric", f"ceil({a})",
            f"-({a})", f"div({a}, 7)", f"({a})::numeric(20,2)", f"mod({a}, 10)", f"width_bucket({a}, 0, 100, 5)::numeric",
        ])  # fmt: skip

    def _date(self, scope: Scope, depth: int) -> str:
        a, number = self.term("d", scope, depth), self.leaf("n", scope)
        return self.pick([
            f"({a} + {number} % 100)", f"({a} - 1)", f"date_trunc('month', {a})::date", f"({a} + interval '1 day')::date",
            f"({a})::timestamp::date", f"to_date(to_char({a}, 'YYYYMMDD'), 'YYYYMMDD')", f"({a})::text::date",
        ])  # fmt: skip

    def _json(self, scope: Scope, depth: int) -> str:
        a, text, number = self.term("j", scope, depth), self.term("t", scope, depth), self.term("n", scope, depth)
        forms = [
            f"jsonb_build_object('t', {text}, 'n', {number})", f"jsonb_build_array({text}, {a})", f"({a} -> 'nick')",
            f"to_jsonb({text})", f"jsonb_strip_nulls({a})",
            f"jsonb_path_query_array({a}, '$.*')", f"to_jsonb(ARRAY[{text}])", f"jsonb_build_object('a', {a})",
            f"to_jsonb({number})",
        ]  # fmt: skip
        if self.version >= 16:
            forms += [
                f"JSON_OBJECT('k': {text} RETURNING jsonb)", f"JSON_ARRAY({text}, {number} RETURNING jsonb)",
            ]  # fmt: skip
        whole = [s for s in scope.all if s.whole and not s.renamed]
        if whole and self.chance(3):
            return f"to_jsonb({self.random.choice(whole).alias})"
        return self.pick(forms)

    def condition(self, scope: Scope, depth: int) -> str:
        """A boolean, in parentheses where it is not a call."""
        if depth > 0 and self.chance(4):
            a, b = self.condition(scope, depth - 1), self.condition(scope, depth - 1)
            return self.pick([f"({a} AND {b})", f"({a} OR {b})", f"(NOT {a})", f"({a} IS NOT TRUE)", f"({a} = {b})"])
        if depth > 0 and self.chance(5):
            kind = self.pick("nt")
            left, many = self.term(kind, scope, depth - 1), self.column_of_many(kind, scope, depth - 1)
            return self.pick([
                f"({left} IN {many})", f"({left} NOT IN {many})", f"({left} = ANY {many})", f"({left} > ALL {many})",
                self.exists(scope, depth - 1), f"(NOT {self.exists(scope, depth - 1)})",
            ])  # fmt: skip
        kind = self.pick("nnttttmdj")
        a, b = self.term(kind, scope, depth - 1), self.term(kind, scope, depth - 1)
        forms = [
            f"({a} {self.pick(['=', '<>', '<', '>=', '!='])} {b})", f"({a} IS NULL)", f"({a} IS DISTINCT FROM {b})",
            f"({a} IN ({b}, {self.constant(kind)}))", f"({a} BETWEEN {self.constant(kind)} AND {b})",
            f"({a} BETWEEN SYMMETRIC {b} AND {self.constant(kind)})",
            f"(({a}, {self.leaf('n', scope)}) {self.pick(['=', '<', '>='])} ({b}, {self.upto(9)}))", f"({a} = ANY (ARRAY[{b}]))",
            f"(ROW({a}, 1) IS NOT DISTINCT FROM ROW({b}, 1))",
        ]  # fmt: skip
        if kind == "t":
            forms += [
                f"({a} LIKE {self.pick(TEXTS)} || '%')", f"({a} LIKE '{self.pick(['139%', '%5%', 'P_rson%', '%a%', '%琇%'])}')",
                f"({a} ILIKE '%A%')", f"({a} NOT LIKE '1%')", f"({a} ~ '^[0-9]+$')", f"({a} ~* 'PERSON')", f"({a} SIMILAR TO '(1|P)%')",
                f"starts_with({a}, {b})", f"regexp_like({a}, '[a-f]{{2}}')", f"({a} ^@ '13')", f"(length({a}) > {self.upto(12)})",
            ]  # fmt: skip
        if kind == "j":
            forms += [f"({a} ? 'nick')", f"({a} @> {b})", f"jsonb_path_exists({a}, '$.nick')"]
            if self.version >= 17:
                forms += [f"JSON_EXISTS({a}, '$.nick')", f"JSON_EXISTS({a}, 'strict $.k')"]
        return self.pick(forms)

    # -- aggregates
    def aggregate(self, kind: str, scope: Scope, depth: int) -> str:
        """An aggregate whose value does not depend on the order of rows."""
        number, text = self.term("n", scope, depth), self.term("t", scope, depth)
        text = f"({text})::text" if text.strip("()") in TEXTS else text  # aggregates of any type want to know it
        numeric, day = self.term("m", scope, depth), self.term("d", scope, depth)
        only = f" FILTER (WHERE {self.condition(scope, depth)})" if self.chance(6) else ""
        distinct = self.pick(["", "", "DISTINCT "])
        forms = {
            "n": [f"(count(*){only})::int", f"(count({distinct}{text}){only})::int", f"(count({distinct}{number}){only})::int", f"max({number}){only}",
                  f"min({number} % 50){only}", f"sum({number} % 100)::int", f"(bit_and({number}) % 90)", f"count(DISTINCT ({text}, {number}))::int"],
            "t": [f"min({text}){only}", f"max({text}){only}", f"string_agg({distinct}{text}, ',' ORDER BY {text}){only}",
                  f"array_agg({text} ORDER BY {text})::text", f"array_to_string(array_agg(DISTINCT {text}), ',')",
                  f"jsonb_agg({text} ORDER BY {text})::text", f"(json_agg({text} ORDER BY {text}){only})::text",
                  f"mode() WITHIN GROUP (ORDER BY {text})", f"percentile_disc(0.5) WITHIN GROUP (ORDER BY {text})",
                  f"(array_agg({text} ORDER BY {text} DESC))[1]", f"max({text})::varchar(9)", "any_value('k'::text)" if self.version >= 16 else f"max({text})"],
            "m": [f"sum({numeric}){only}", f"avg({number})::numeric(20,4)", f"max({numeric})", f"min({numeric})", f"round(avg({numeric}), 2)",
                  f"percentile_disc(0.25) WITHIN GROUP (ORDER BY {numeric})", f"round(variance({numeric}), 3)"],
            "d": [f"max({day}){only}", f"min({day}){only}"],
            "b": [f"bool_or({self.condition(scope, depth)})", f"every({self.condition(scope, depth)})", "(count(*) > 2)"],
            "j": [f"jsonb_agg({text} ORDER BY {text})", f"to_jsonb(max({text}))",
                  f"jsonb_build_object('n', count(*), 'least', min({text}))"],
        }[kind]  # fmt: skip
        if kind == "t" and self.version >= 17:
            forms.append(f"JSON_ARRAYAGG({text} ORDER BY {text} RETURNING text)")
        return self.pick(forms)
