"""Random SELECTs over the small company: valid by construction, with every construct that the analysis has to follow.

Each drawn query keeps the columns that it gives, with a rough type, so that whatever is put around it is valid too.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

TABLES = {
    "crm.customers": [
        ("id", "n"),
        ("full_name", "t"),
        ("phone", "t"),
        ("email", "t"),
        ("region", "t"),
        ("status", "t"),
    ],
    "crm.contacts": [("id", "n"), ("customer_id", "n"), ("label", "t"), ("value", "t")],
    "crm.客户": [("编号", "n"), ("姓名", "t"), ("手机号", "t")],
    "crm.events": [("id", "n"), ("customer_id", "n"), ("ip", "t")],
    "sales.orders": [("id", "n"), ("customer_id", "n"), ("region", "t")],
    "sales.customers": [("id", "n"), ("grade", "t")],
    "ref.regions": [("code", "t"), ("title", "t")],
}
TEXTS = ("'north'", "'a'", "'138'", "'%@example.com'", "'王'", "'work'")


@dataclass(frozen=True)
class Source:
    """A FROM item: its text, its alias, and its columns as (name, type)."""

    text: str
    alias: str
    columns: list[tuple[str, str]]


@dataclass
class Names:
    """Fresh names."""

    count: int = 0

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"


@st.composite
def selects(draw: DrawFn) -> str:
    """A whole statement."""
    names = Names()
    text, _columns = draw(query(names, 3, ()))
    if draw(st.booleans()):
        ctes = [names.fresh("w") for _ in range(draw(st.integers(1, 2)))]
        parts = []
        for cte in ctes:
            inner, _ = draw(query(names, 1, ()))
            parts.append(f"{cte} AS {draw(st.sampled_from(['', 'MATERIALIZED ', 'NOT MATERIALIZED ']))}({inner})")
        extra = f"SELECT count(*) FROM {ctes[0]}"
        text = f"WITH {', '.join(parts)} SELECT q.*, ({extra}) FROM ({text}) q"
    return text


@st.composite
def query(draw: DrawFn, names: Names, depth: int, outer: tuple[Source, ...]) -> tuple[str, list[tuple[str, str]]]:
    if depth > 0 and draw(st.integers(0, 5)) == 0:
        one = draw(
            st.sampled_from(
                [("n", "id", "crm.customers"), ("t", "phone", "crm.customers"), ("t", "value", "crm.contacts")]
            )
        )
        left = f"SELECT {one[1]} AS u FROM {one[2]}"
        other = draw(
            st.sampled_from(
                ["SELECT id FROM crm.events", "SELECT 3"]
                if one[0] == "n"
                else ["SELECT 手机号 FROM crm.客户", "SELECT 'x'"]
            )
        )
        word = draw(st.sampled_from(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]))
        return f"{left} {word} {other}", [("u", one[0])]
    sources = [draw(source(names, depth, outer))]
    text = sources[0].text
    for _ in range(draw(st.integers(0, 2 if depth > 1 else 1))):
        more = draw(source(names, depth - 1, outer))
        kind = draw(st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", ","]))
        text += f" {kind} {more.text}"
        if kind not in ("CROSS JOIN", ","):
            left_column = draw(column(sources[:1], "n"))
            right_column = draw(column([more], "n"))
            text += (
                f" ON {left_column} = {right_column}"
                if left_column and right_column
                else " ON true" * (kind != "FULL JOIN")
            )
            if not (left_column and right_column) and kind == "FULL JOIN":
                text += " ON false"
        if kind == ",":
            break
        sources.append(more)
    visible = (*sources, *outer)
    where = f" WHERE {draw(condition(names, depth, visible))}" if draw(st.booleans()) else ""
    if draw(st.integers(0, 4)) == 0:
        key = draw(column(sources, "t")) or "1::text"
        return (
            f"SELECT {key} AS k, count(*) AS n FROM {text}{where} GROUP BY 1"
            + draw(st.sampled_from(["", " HAVING count(*) > 1"])),
            [("k", "t"), ("n", "n")],
        )
    items, columns = [], []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from("nt"))
        label = names.fresh("c")
        items.append(f"{draw(expression(names, depth, visible, kind))} AS {label}")
        columns.append((label, kind))
    distinct = draw(st.sampled_from(["", "", "DISTINCT "]))
    return f"SELECT {distinct}{', '.join(items)} FROM {text}{where}", columns


@st.composite
def source(draw: DrawFn, names: Names, depth: int, outer: tuple[Source, ...]) -> Source:
    alias = names.fresh("r")
    if depth > 0 and draw(st.integers(0, 2)) == 0:
        inner, columns = draw(query(names, depth - 1, outer if draw(st.booleans()) and False else ()))
        return Source(f"({inner}) AS {alias}", alias, columns)
    table = draw(st.sampled_from(sorted(TABLES)))
    columns = TABLES[table]
    form = draw(st.integers(0, 3))
    if form == 0:
        renamed = [(names.fresh("x"), t) for _, t in columns[:2]] + columns[2:]
        return Source(f"{table} AS {alias}({', '.join(n for n, _ in renamed[:2])})", alias, renamed)
    return Source(f"{table} {'AS ' if form == 1 else ''}{alias}", alias, columns)


@st.composite
def column(draw: DrawFn, sources: list[Source] | tuple[Source, ...], kind: str) -> str:
    """A qualified column of that kind, or nothing where there is none."""
    choices = [f"{s.alias}.{n}" for s in sources for n, t in s.columns if t == kind]
    return draw(st.sampled_from(choices)) if choices else ""


@st.composite
def expression(draw: DrawFn, names: Names, depth: int, sources: tuple[Source, ...], kind: str) -> str:
    base = draw(column(sources, kind)) or ("1" if kind == "n" else "'x'")
    form = draw(st.integers(0, 9))
    if kind == "t":
        other = draw(column(sources, "t")) or "'y'"
        return [base, base, f"upper({base})", f"{base} || 'z'", f"coalesce({base}, {other})", f"left({base}, 4)",
                f"CASE WHEN {base} LIKE '138%' THEN {other} ELSE 'no' END", f"({base})::text", f"md5({base})",
                f"concat({base}, ':', {other})"][form]  # fmt: skip
    text = draw(column(sources, "t")) or "'abc'"
    if form == 9 and depth > 0:
        inner = draw(source(names, 0, ()))
        key = draw(column([inner], "n")) or "1"
        return f"(SELECT count(*) FROM {inner.text} WHERE {key} = {base})"
    return [base, base, f"{base} + 1", f"length({text})", f"coalesce({base}, 0)", f"-{base}", f"abs({base} - 3)", f"({base})::bigint",
            f"greatest({base}, 2)", f"{base} % 7"][form]  # fmt: skip


@st.composite
def condition(draw: DrawFn, names: Names, depth: int, sources: tuple[Source, ...]) -> str:
    form = draw(st.integers(0, 9))
    number = draw(column(sources, "n")) or "1"
    text = draw(column(sources, "t")) or "'a'"
    constant = draw(st.sampled_from(TEXTS))
    if form == 8 and depth > 0:
        inner = draw(source(names, 0, ()))
        key = draw(column([inner], "n")) or "1"
        return f"{number} {draw(st.sampled_from(['IN', 'NOT IN']))} (SELECT {key} FROM {inner.text} WHERE {key} IS NOT NULL)"
    if form == 9 and depth > 0:
        inner = draw(source(names, 0, ()))
        key = draw(column([inner], "n")) or "1"
        return f"{draw(st.sampled_from(['', 'NOT ']))}EXISTS (SELECT 1 FROM {inner.text} WHERE {key} = {number})"
    left = draw(expression(names, 0, sources, "n"))
    return [f"{number} = {draw(st.integers(1, 9))}", f"{text} LIKE {constant}", f"{text} < {constant}", f"{left} BETWEEN 2 AND 7",
            f"{number} IN (1, 2, 3) OR {text} IS NULL", f"NOT ({text} = {constant} AND {number} > 2)", f"length({text}) > 4",
            f"{text} ~ '^1' AND {number} < 9", f"{number} >= 2", f"upper({text}) <> {constant}"][form]  # fmt: skip
