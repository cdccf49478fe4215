"""Rows of `introspect_queries` made into relations. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from adapters.postgres.catalog import Column, Relation
from adapters.postgres.sql.columntype import ColumnType
from gateway.model import TableName

Row: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = Sequence[Row]


def build(found: Mapping[str, Rows]) -> dict[TableName, Relation]:
    """Relations by name. `found`: what was read, keyed as in `introspect_queries.texts`."""
    names = {row["oid"]: TableName(row["nspname"], row["relname"]) for row in found["relations"]}
    columns = _columns(found["columns"])
    primary, unique = _keys(found["keys"])
    parents = _grouped(found["parents"], "inhrelid", "inhparent")
    triggers = _grouped(found["triggers"], "tgrelid", "tgname")
    rules = _grouped(found["rules"], "ev_class", "rulename")
    reads: dict[int, list[tuple[TableName, str]]] = defaultdict(list)
    for row in found["reads"]:
        if row["refobjid"] in names:  # what a view reads of the system's catalogue is of no interest
            reads[row["ev_class"]].append((names[row["refobjid"]], row["attname"]))
    return {
        names[oid]: Relation(
            name=names[oid],
            oid=oid,
            kind=row["relkind"],
            columns=columns.get(oid, ()),
            primary_key=primary.get(oid, ()),
            unique_keys=tuple(unique.get(oid, ())),
            parents=tuple(names[p] for p in parents.get(oid, ()) if p in names),
            partition=row["relispartition"],
            comment=row["comment"],
            triggers=tuple(triggers.get(oid, ())),
            rules=tuple(rules.get(oid, ())),
            reads=tuple(sorted(reads.get(oid, ()))),
            security_invoker=row["security_invoker"],
            row_security=row["relrowsecurity"],
            owner=row["owner"],
            estimated_rows=row["estimated"],
        )
        for row in found["relations"]
        for oid in (row["oid"],)
    }


def system_columns(rows: Rows) -> dict[str, tuple[tuple[str, str], ...]]:
    """Relations of the system as `schema.name`, to their columns as (name, type)."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        found[row["relation"]].append((row["attname"], row["sql"]))
    return {relation: tuple(columns) for relation, columns in found.items()}


def _columns(rows: Rows) -> dict[int, tuple[Column, ...]]:
    found: dict[int, list[Column]] = defaultdict(list)
    types: dict[tuple[Any, ...], ColumnType] = {}
    for row in rows:
        key = (row["sql"], row["base"], row["base_typmod"], row["collation"], row["domain"], row["base_sql"])
        type_ = types.get(key)
        if type_ is None:
            type_ = types[key] = _type(row)
        drawn = TableName(row["sequence_schema"], row["sequence_name"]) if row["sequence_name"] else None
        found[row["attrelid"]].append(Column(
            row["attname"], row["attnum"], type_, row["atttypid"], row["attnotnull"], row["generated"], row["identity"],
            row["has_default"], drawn, row["comment"],
        ))  # fmt: skip
    return {oid: tuple(columns) for oid, columns in found.items()}


def _type(row: Row) -> ColumnType:
    # The typmod of varchar(n) and char(n) is n and the 4 bytes of a header (varchar.c, anychar_typmodin).
    sized = row["base"] in ("varchar", "bpchar") and row["base_typmod"] >= 4
    return ColumnType(
        sql=row["sql"],
        base=row["base"],
        length=row["base_typmod"] - 4 if sized else None,
        collation=row["collation"],
        domain=row["domain"],
        base_sql=row["base_sql"] or row["sql"],
    )


def _keys(rows: Rows) -> tuple[dict[int, tuple[str, ...]], dict[int, list[tuple[str, ...]]]]:
    primary: dict[int, tuple[str, ...]] = {}
    unique: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for row in rows:
        columns = tuple(row["columns"])
        unique[row["indrelid"]].append(columns)
        if row["indisprimary"]:
            primary[row["indrelid"]] = columns
    return primary, unique


def _grouped(rows: Rows, key: str, value: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row[key]].append(row[value])
    return found
