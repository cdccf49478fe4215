"""Random FROM clauses: tables, subqueries, LATERAL, functions, joins, names in all their spellings; a third of `randomsql`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tests.support.randomterms import Column, Scope, Source, Terms


@dataclass(frozen=True)
class Schema:
    """What there is to select from. `tables`: `schema.table`, as it is written in SQL, and all its columns."""

    tables: Mapping[str, list[Column]]
    path: tuple[str, ...] = ()
    """Schemas whose tables need no schema in front."""
    special: frozenset[str] = frozenset()
    """Tables with children or partitions, and views: ONLY and TABLESAMPLE mean something else there."""
    often: tuple[str, ...] = ()
    """Tables that every other FROM item is one of."""


@dataclass
class Query:
    """A query in the making; `columns`: what it gives."""

    text: str
    columns: list[Column]
    setop: bool = False
    """It must stand in parentheses where it is a side of another one."""
    sorted: bool = False
    """It ends with an ORDER BY."""


class Sources(Terms):
    """FROM clauses of one statement."""

    def __init__(self, random: Random, schema: Schema, version: int) -> None:
        super().__init__(random, version)
        self._schema = schema
        self._tables = schema.tables
        self.stable = True
        self._ctes: list[Source] = []
        self._bare: set[str] = set()
        """Tables that stand somewhere without an alias; two of one name would be ambiguous."""

    def query(self, kinds: list[str], scope: Scope, depth: int) -> Query:
        """Any query that gives columns of these kinds. `scope`: what it may name outside of itself."""
        raise NotImplementedError

    def values(self, kinds: list[str], scope: Scope) -> Query:
        raise NotImplementedError

    def tail(self, query: Query) -> str:
        """ORDER BY and LIMIT of a whole statement or a derived table."""
        raise NotImplementedError

    def from_clause(self, inside: Scope, depth: int) -> str:
        """`FROM …`; its sources are added to `inside`."""
        text, sources = self._joined(inside, depth)
        inside.sources = sources
        if self.chance(8) and depth > 0:
            other, more = self._source(Scope(outer=[*sources, *inside.outer]), depth - 1, lateral=True)
            text += f", {other}"
            inside.sources = [*sources, more]
        return f"FROM {text}"

    def _joined(self, inside: Scope, depth: int) -> tuple[str, list[Source]]:
        text, first = self._source(Scope(outer=inside.outer), depth)
        sources = [first]
        for _ in range(self.pick_number((0, 0, 0, 1, 1, 2) if depth > 0 else (0, 0, 1))):
            kind = self.pick(
                ["JOIN", "INNER JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", "LEFT OUTER JOIN"]
            )
            lateral = kind in ("JOIN", "INNER JOIN", "LEFT JOIN", "CROSS JOIN") and self.chance(4)
            near = Scope(outer=[*sources, *inside.outer]) if lateral else Scope(outer=inside.outer)
            other, more = self._source(near, depth - 1, lateral=lateral)
            both = [*sources, more]
            if kind == "CROSS JOIN":
                text = f"{text} CROSS JOIN {other}"
            elif (shared := self._shared(sources, more)) and self.chance(3) and not lateral:
                alias = f" AS {self.fresh('ju')}" if self.chance(4) and self.version >= 14 else ""
                text = f"{text} {kind} {other} USING ({shared}){alias}"
            else:
                text = f"{text} {kind} {other} ON {self._on(sources, more, kind, inside, depth)}"
            sources = both
            if self.chance(6):
                text = f"({text})"
        return text, sources

    def pick_number(self, options: tuple[int, ...]) -> int:
        return options[int(self.random.random() * len(options))]

    def _shared(self, sources: list[Source], other: Source) -> str:
        """A column that exactly one of the sources has, and the other too, of the same type."""
        for column in other.columns:
            hits = [c for s in sources for c in s.columns if c.name == column.name]
            if column.name and len(hits) == 1 and hits[0].kind == column.kind and column.kind != "j":
                return column.name
        return ""

    def _on(self, sources: list[Source], other: Source, kind: str, inside: Scope, depth: int) -> str:
        here = Scope(sources=[*sources, other], outer=inside.outer)
        kinds = "n" if not self.chance(4) else "nt"  # texts of two tables are seldom the same
        pairs = [(a, b) for k in kinds for s in sources for a in s.of(k)[:2] for b in other.of(k)[:2]]
        equal = "{} = {}".format(*self.random.choice(pairs)) if pairs else "1 = 1"
        if kind == "FULL JOIN":  # only what can be hashed or merged
            return equal
        return equal + (f" AND {self.condition(here, min(depth, 1))}" if self.chance(3) else "")

    def _source(self, outer: Scope, depth: int, *, lateral: bool = False) -> tuple[str, Source]:
        """A FROM item. `lateral`: it may name what stands in `outer`, which is beside it."""
        alias, shown = self._alias()
        if self._ctes and self.chance(3):
            cte = self.random.choice(self._ctes)
            return f"{cte.alias} AS {shown}", Source(alias, cte.columns)
        if lateral and self.chance(3):
            return self._function(outer, alias, shown)
        if depth > 0 and self.chance(3):
            kinds = [self.pick("nttmdj") for _ in range(1 + self.upto(2))]
            query = self.query(kinds, outer if lateral else Scope(outer=[]), depth - 1)
            text = f"({query.text}{'' if query.setop else self.tail(query)})"
            return self._renamed(f"{'LATERAL ' if lateral else ''}{text}", alias, shown, query.columns)
        if self.chance(20):
            return self._function(Scope(), alias, shown)
        if self.chance(25):
            kinds = [self.pick("nt") for _ in range(2)]
            query = self.values(kinds, Scope())
            return self._renamed(f"({query.text})", alias, shown, query.columns)
        table = self.pick(self._schema.often if self._schema.often and self.chance(2) else sorted(self._tables))
        given = self._tables[table]
        name = self._written(table)
        plain = table not in self._schema.special
        if self.chance(15) and plain:
            name = f"ONLY {name}"
        elif self.chance(20):
            name += " *"
        if self.chance(30) and plain:
            return f"{name} {shown} TABLESAMPLE bernoulli (100) REPEATABLE (3)", Source(alias, given)
        if self.chance(12):  # without an alias the name itself is one, with or without its schema
            bare = table.split(".")[1]
            if bare not in self._bare:
                self._bare.add(bare)
                return name, Source(bare, given)
        return self._renamed(name, alias, shown, given)

    def _alias(self) -> tuple[str, str]:
        """How an alias is written afterwards, and how where it is given."""
        name = self.fresh("r")
        return self.random.choice([
            (name, name), (name, name.upper()), (name, f'"{name}"'), (f'"{name}"', f'U&"\\0072{name[1:]}"'), (f'"A {name}"', f'"A {name}"'),
            (f"表{name}", f"表{name}"), (f'U&"\\8868{name}"', f"表{name}"),
        ])  # fmt: skip

    def _written(self, table: str) -> str:
        schema, name = table.split(".")
        return self.pick(
            [
                table,
                table,
                f'"{schema}".{name}',
                f"{schema.upper()} . {name}",
                f"{schema}./* x */{name}",
                name if schema in self._schema.path else table,
            ]
        )

    def _renamed(self, text: str, alias: str, shown: str, given: list[Column]) -> tuple[str, Source]:
        """With a list of columns now and then, for all of them or the first ones."""
        word = self.pick(["AS ", " ", "as "])
        if not any(not c.name for c in given) and not self.chance(5):
            return f"{text} {word}{shown}", Source(alias, given)
        count = len(given) if any(not c.name for c in given) else 1 + self.upto(len(given) - 1)
        names = [self.pick([self.fresh("x"), f'"{self.fresh("X y")}"']) for _ in range(count)]
        renamed = [Column(n, c.kind, c.unique) for n, c in zip(names, given, strict=False)]
        return f"{text} {word}{shown}({', '.join(names)})", Source(alias, [*renamed, *given[count:]], renamed=True)

    def _function(self, scope: Scope, alias: str, shown: str) -> tuple[str, Source]:
        text, number, other = self.leaf("t", scope), self.leaf("n", scope), self.leaf("j", scope)
        x, y = self.fresh("f"), self.fresh("f")
        call, given = self.random.choice([
            (f"generate_series(1, {number} % 4)", [Column(x, "n")]),
            (f"unnest(ARRAY[{text}, 'z'])", [Column(x, "t")]),
            (f"jsonb_each_text(jsonb_build_object('k', {text}, 'o', {other}))", [Column(x, "t"), Column(y, "t")]),
            (f"regexp_split_to_table({text}, '1')", [Column(x, "t")]),
            (f"string_to_table({text}, '3')", [Column(x, "t")]),
            (f"ROWS FROM (generate_series(1, 2), unnest(ARRAY[{text}]))", [Column(x, "n"), Column(y, "t")]),
            (f"unnest(ARRAY[{text}]) WITH ORDINALITY", [Column(x, "t"), Column(y, "z")]),
            (f"jsonb_array_elements_text(jsonb_build_array({text}, 'a'))", [Column(x, "t")]),
        ])  # fmt: skip
        if self.chance(6):
            typed = ", ".join(f"{c.name} {cast(c.kind)}" for c in [Column(x, "t"), Column(y, "n")])
            call, given = (
                f"jsonb_to_record(jsonb_build_object('{x}', {text}, '{y}', {number}))",
                [Column(x, "t"), Column(y, "n")],
            )
            return f"LATERAL {call} AS {shown}({typed})", Source(alias, given, whole=False)
        names = ", ".join(c.name for c in given)
        return f"{self.pick(['', 'LATERAL '])}{call} AS {shown}({names})", Source(alias, given, whole=False)


def cast(kind: str) -> str:
    return {"n": "int", "t": "text", "m": "numeric", "d": "date", "j": "jsonb", "b": "boolean"}[kind]
