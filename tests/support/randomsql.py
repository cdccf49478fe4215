"""Random SELECTs: valid by construction, with every construct that the analysis has to follow.

Each query that is made keeps the columns that it gives, with a type, so that whatever is put around it is valid too.
A statement is `stable` where its rows do not depend on the order in which PostgreSQL happens to read them.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.support.randomfrom import Query, Schema, Sources, cast
from tests.support.randomterms import Column, Scope, Source


@dataclass(frozen=True)
class Statement:
    sql: str
    stable: bool


def columns(words: str) -> list[Column]:
    """`id:n! phone:t`; `!`: no two rows have the same."""
    out = []
    for word in words.split():
        name, kind = word.rstrip("!").split(":")
        out.append(Column(name, kind, word.endswith("!")))
    return out


def statement(random: Random, schema: Schema, *, version: int = 18) -> Statement:
    """One SELECT. `version`: that of PostgreSQL."""
    one = Generator(random, schema, version)
    text = one.whole()
    return Statement(text, one.stable)


class Generator(Sources):
    """One statement."""

    # -- statements
    def whole(self) -> str:
        depth = 1 + self.upto(2)
        if self.chance(60):
            return f"TABLE {self.pick(sorted(self._tables))}"
        kinds = [self.pick("nttmd") for _ in range(1 + self.upto(3))]
        head = self.with_clause(depth - 1) if self.chance(4) else ""
        query = self.query(kinds, Scope(), depth) if self.chance(2) else self.select(kinds, Scope(), depth, free=True)
        return head + query.text + self.tail(query)

    def tail(self, query: Query) -> str:
        """ORDER BY and LIMIT of a whole statement or a derived table."""
        if not self.chance(3) or query.sorted:
            return ""
        if any(c.kind in ("r", "j") for c in query.columns):
            return ""
        keys = [str(n + 1) for n in range(len(query.columns))]
        if self.chance(2):
            keys = [k + self.pick([" DESC", " NULLS FIRST", " USING <", " ASC NULLS LAST", ""]) for k in keys]
        elif self.chance(3):
            keys = [c.name for c in query.columns] if all(c.name for c in query.columns) else keys
        text = f" ORDER BY {', '.join(keys)}" if keys else ""
        if text and self.chance(2):  # all of the row is sorted by, so that equal rows may change places unnoticed
            text += self.pick([
                f" LIMIT {1 + self.upto(9)}", f" LIMIT {1 + self.upto(9)} OFFSET {self.upto(4)}", " FETCH FIRST ROW ONLY",
                f" OFFSET 1 ROWS FETCH NEXT {1 + self.upto(5)} ROWS ONLY", f" FETCH FIRST {1 + self.upto(3)} ROWS WITH TIES",
                " LIMIT ALL",
            ])  # fmt: skip
        return text

    def with_clause(self, depth: int) -> str:
        """A WITH, whose names are known from here on."""
        parts = []
        recursive = self.chance(4)
        for _ in range(1 + self.upto(1)):
            name = self.fresh("w") if not self.chance(6) else self.pick(["people", "customers"]) + self.fresh("_")
            kinds = [self.pick("ntt") for _ in range(1 + self.upto(1))]
            if recursive:
                base, step = self.select(["n"], Scope(), 0), self.fresh("x")
                end = self.upto(9)
                text = f"{name}({step}) AS (({base.text}) UNION SELECT {step} + 1 FROM {name} WHERE {step} < {end})"  # ends: UNION drops what is there already
                given = [Column(step, "n")]
            else:
                query = self.query(kinds, Scope(), depth)
                given = query.columns
                shown = ""
                if self.chance(3) or any(not c.name for c in given):
                    given = [Column(self.fresh("y"), c.kind) for c in given]
                    shown = f"({', '.join(c.name for c in given)})"
                text = f"{name}{shown} AS {self.pick(['', 'MATERIALIZED ', 'NOT MATERIALIZED '])}({query.text})"
            parts.append(text)
            self._ctes.append(Source(name, given))
        return f"WITH {'RECURSIVE ' if recursive else ''}{', '.join(parts)} "

    # -- queries
    def query(self, kinds: list[str], scope: Scope, depth: int) -> Query:
        """Any query that gives columns of these kinds, with names. `scope`: what it may name outside of itself."""
        if depth > 0 and self.chance(6):
            return self._set_operation(kinds, scope, depth - 1)
        if self.chance(25):
            return self.values(kinds, scope)
        if depth > 0 and self.chance(12):
            inner = self.query(kinds, scope, depth - 1)
            return Query(f"({inner.text})", inner.columns, inner.setop, inner.sorted)
        return self.select(kinds, scope, depth)

    def _set_operation(self, kinds: list[str], scope: Scope, depth: int) -> Query:
        left, right = self.query(kinds, scope, depth), self.query(kinds, scope, depth)
        sides = [
            f"({q.text})" if q.setop or q.text.startswith("WITH") or self.chance(3) else q.text for q in (left, right)
        ]
        word = self.pick(["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL", "UNION DISTINCT"])
        return Query(f"{sides[0]} {word} {sides[1]}", left.columns, setop=True)

    def values(self, kinds: list[str], scope: Scope) -> Query:
        rows = [f"({', '.join(self.leaf(k, scope) for k in kinds)})" for _ in range(1 + self.upto(2))]
        rows = [f"({', '.join(f'CAST({self.leaf(k, scope)} AS {cast(k)})' for k in kinds)})", *rows]
        return Query(
            f"VALUES {', '.join(rows)}", [Column(f"column{n + 1}", k) for n, k in enumerate(kinds)], setop=True
        )

    def select(self, kinds: list[str], outer: Scope, depth: int, *, free: bool = False) -> Query:
        """A SELECT. `free`: it may give other columns than asked for: stars and rows."""
        inside = Scope(outer=outer.all)
        text = self.from_clause(inside, depth)
        where = f" WHERE {self.condition(inside, depth)}" if self.chance(3) else ""
        if self.chance(5):
            return self._grouped(kinds, inside, text + where, depth)
        if free and self.chance(4):
            return self._shaped(inside, text + where)
        values = [self.windowed(k, inside, depth) if self.chance(10) else self.term(k, inside, depth) for k in kinds]
        given = [Column(self._label(), kind) for kind in kinds]
        items = ", ".join(f"{v} {self.pick(['AS ', 'AS ', ''])}{c.name}" for v, c in zip(values, given, strict=True))
        if self.chance(12) and "j" not in kinds and not any(v.strip("()").replace(".", "").isdigit() for v in values):
            # The first of each key, by all that is shown, so that it is the same whoever comes first.
            order = ", ".join(values)
            return Query(
                f"SELECT DISTINCT ON ({values[0]}) {items} {text}{where} ORDER BY {order}",
                given,
                setop=True,
                sorted=True,
            )
        distinct = "DISTINCT " if self.chance(6) else ""
        return Query(f"SELECT {distinct}{items} {text}{where}", given)

    def _label(self) -> str:
        return self.pick(
            [
                self.fresh("c"),
                self.fresh("c"),
                f'"{self.fresh("C ")}"',
                f"列{self.fresh('')}",
                f'U&"\\0063{self.fresh("u")}"',
            ]
        )

    def _shaped(self, inside: Scope, rest: str) -> Query:
        source = self.random.choice(inside.sources)
        shape = self.pick([
            "*", f"{source.alias}.*", f"{source.alias}", f"({source.alias}).*", f"{source.alias}.*, 1", f"ROW({source.alias}.*)",
            f"{source.alias} AS r, {source.alias}.*", f"ARRAY[{source.alias}]",
        ]) if source.whole else "1"  # fmt: skip
        return Query(f"SELECT {shape} {rest}", [Column("", "r")])

    def _grouped(self, kinds: list[str], inside: Scope, rest: str, depth: int) -> Query:
        """GROUP BY: keys are given where a column of their kind is asked for, else aggregates of it."""
        near = Scope(sources=inside.sources)  # an aggregate over columns of an outer query would be that query's
        keys, items, given = [], [], []
        for kind in kinds:
            name = self.fresh("g")
            if kind != "j" and self.chance(2):
                key = self.term(kind, inside, min(depth, 1))
                if self.chance(3) or not any(c in key for c in ".("):
                    key = self.leaf(kind, inside)
                items.append(f"{key} AS {name}")
                # A bare constant would be a position, and a subquery is not the same expression twice.
                keys.append(self.pick([str(len(items)), name]) if not key.endswith(".id") else self.pick([key, name]))
            else:
                items.append(f"{self.aggregate(kind, near, min(depth, 1))} AS {name}")
            given.append(Column(name, kind))
        group = ""
        if keys:
            form = self.upto(9)
            plain = ", ".join(keys)
            if form == 0:
                group = f" GROUP BY ROLLUP ({plain})"
            elif form == 1:
                group = f" GROUP BY CUBE ({plain})"
            elif form == 2:
                group = f" GROUP BY GROUPING SETS (({plain}), ())"
            elif form == 3:
                group = f" GROUP BY DISTINCT {plain}, {keys[0]}"
            else:
                group = f" GROUP BY {plain}"
        elif self.chance(4) and (keyed := [s for s in inside.sources if _has_key(s)]):
            return self._by_key(kinds, inside, self.random.choice(keyed), rest)
        having = ""
        if self.chance(3):
            having = f" HAVING {self.pick(['count(*) > 1', 'NOT (' + self.aggregate('b', near, 1) + ')', self.aggregate('b', near, 1)])}"
        return Query(f"SELECT {', '.join(items)} {rest}{group}{having}", given)

    def _by_key(self, kinds: list[str], inside: Scope, source: Source, rest: str) -> Query:
        """GROUP BY a primary key, which covers the other columns of its table."""
        alone = Scope(sources=[source])
        key = next(f"{source.alias}.{c.name}" for c in source.columns if c.unique)
        items, given = [], []
        for kind in kinds:
            name = self.fresh("g")
            value = self.leaf(kind, alone) if self.chance(2) else self.aggregate(kind, Scope(sources=inside.sources), 1)
            items.append(f"{value} AS {name}")
            given.append(Column(name, kind))
        return Query(f"SELECT {', '.join(items)} {rest} GROUP BY {key}", given)

    # -- windows
    def windowed(self, kind: str, inside: Scope, depth: int) -> str:
        """A window function that gives peers the same."""
        one, key = self.term("n", inside, min(depth, 1)), self.term(self.pick("nt"), inside, min(depth, 1))
        text = self.term("t", inside, min(depth, 1))
        window = f"(PARTITION BY {one} % 3 ORDER BY {key})"
        forms = {
            "n": [f"rank() OVER {window}::int", f"dense_rank() OVER {window}::int", f"count(*) OVER {window}::int",
                  f"sum({one} % 100) OVER (ORDER BY {key})::int", f"max({one}) OVER (PARTITION BY {text})",
                  f"ntile(1) OVER {window}", f"count({text}) OVER (ORDER BY {key} RANGE UNBOUNDED PRECEDING)::int"],
            "t": [f"first_value({text}) OVER (PARTITION BY {text} ORDER BY {key})", f"max({text}) OVER {window}",
                  f"min({text}) OVER (ORDER BY {key} GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW)",
                  f"max({text}) OVER (PARTITION BY {one} % 2 ORDER BY {key} RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE GROUP)"],
            "m": [f"round(sum({one}) OVER {window}, 2)", f"percent_rank() OVER {window}::numeric(10,4)"],
        }  # fmt: skip
        if self.chance(5) and kind in "nt":
            self.stable = False
            return self.pick({
                "n": [f"row_number() OVER (ORDER BY {key})::int", f"lag({one}) OVER (ORDER BY {key})"],
                "t": [f"lead({text}, 1, 'none') OVER (ORDER BY {key})", f"nth_value({text}, 2) OVER (ORDER BY {key} ROWS 2 PRECEDING)"],
            }[kind])  # fmt: skip
        return self.pick(forms[kind]) if kind in forms else self.term(kind, inside, depth)

    # -- subqueries in expressions
    def scalar(self, kind: str, scope: Scope, depth: int) -> str:
        if kind in "ntmdb" and self.chance(2):
            inside = Scope(outer=scope.all)
            text = self.from_clause(inside, 0)
            where = f" WHERE {self.condition(inside, depth)}" if self.chance(2) else ""
            return f"(SELECT {self.aggregate(kind, Scope(sources=inside.sources), 1)} {text}{where})"
        query = self.select([kind], Scope(outer=scope.all), depth)
        if query.setop:
            return f"({query.text} LIMIT 1)"
        return f"({query.text} ORDER BY 1 LIMIT 1)"

    def column_of_many(self, kind: str, scope: Scope, depth: int) -> str:
        query = self.query([kind], Scope(outer=scope.all), depth)
        return f"({query.text})" if query.sorted else f"({query.text} ORDER BY 1)"

    def exists(self, scope: Scope, depth: int) -> str:
        return f"EXISTS ({self.select([self.pick('nt')], Scope(outer=scope.all), depth).text})"


def _has_key(source: Source) -> bool:
    """A key that may be grouped by together with all other columns, as a veil has to (docs/compatibility.md)."""
    return any(c.unique for c in source.columns) and not any(c.kind == "x" for c in source.columns)
