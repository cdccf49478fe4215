"""A small bundle and a small database as values, for the tests of `check_*`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from adapters.postgres.catalog import Column, Relation, Snapshot
from adapters.postgres.sql.columntype import ColumnType
from gateway.errors import Problem
from gateway.model import TableName
from gateway.policy.policy import Policy, load

CLASSES = """
classes:
  public: {level: 1}
  personal: {level: 2}
  contact: {parent: personal, level: 3}
  contact.phone: {parent: contact, mask: phone}
  contact.email: {parent: contact, mask: email}
  identity: {parent: personal, level: 3}
  identity.name: {parent: identity, mask: name}
"""

MODEL = """
[request_definition]
r = sub, purpose, obj, act
[policy_definition]
p = sub, purpose, obj, act, eft
[role_definition]
g = _, _
g2 = _, _
g3 = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = (p.sub == "*" || g(r.sub, p.sub)) && (p.purpose == "*" || g3(r.purpose, p.purpose)) \
 && (p.obj == "*" || g2(r.obj, p.obj)) && (p.act == "*" || r.act == p.act)
"""

VERIFIER = (
    "SCRAM-SHA-256$4096:IAOgXJwYsQE6bNkwv/sclg==$Ev8YMzzoAdI3EVMfNBXHeH3kExN+NZ/SqfEzyYV8y9Q=:"
    "AW3y47Do4U0uXlBkHsKzhE4Ig2CPKeeRA+dmh2HZ//k="
)

_TYPES = {
    "text": ColumnType("text", "text"), "varchar": ColumnType("character varying(20)", "varchar", 20),
    "int4": ColumnType("integer", "int4"), "date": ColumnType("date", "date"), "uuid": ColumnType("uuid", "uuid"),
    "timestamptz": ColumnType("timestamp with time zone", "timestamptz"),
}  # fmt: skip


RULES = "p, support, service, contact, partial, allow\ng, app, support\n"


def bundle(tables: str, rules: str = RULES) -> Policy:
    """A bundle whose catalog.yaml has `CLASSES` and then `tables` (from `tables:` on)."""
    files = {
        "model.conf": MODEL,
        "rules.csv": rules,
        "catalog.yaml": CLASSES + tables,
        "purposes.yaml": "purposes:\n  service: {title: {en: Service, zh: 服务}, basis: contract, departments: [it]}\n",
        "principals.yaml": f'principals:\n  app: {{department: it, kind: application, verifier: "{VERIFIER}", '
        "default_purpose: service, attributes: {region: north}}\n",
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return load(Path(folder))


def relation(name: str, kind: str = "r", /, **columns: Any) -> Relation:
    """A relation; columns as name=type. Keywords that begin with `_` go to Relation, without it."""
    more = {key[1:]: columns.pop(key) for key in list(columns) if key.startswith("_")}
    schema, bare = name.split(".")
    made = tuple(Column(c, i, _TYPES[t], 25, False) for i, (c, t) in enumerate(columns.items(), 1))
    return Relation(TableName(schema, bare), abs(hash(name)) % 90000, kind, made, **more)


def snapshot(*relations: Relation, **more: Any) -> Snapshot:
    schemas = frozenset(r.name.schema for r in relations)
    return Snapshot(relations={r.name: r for r in relations}, schemas=schemas, database="crm", **more)


def shown(problems: Any) -> str:
    """All problems as text, one after the other."""
    found: list[Problem] = list(problems)
    return "\n".join(map(str, found))
