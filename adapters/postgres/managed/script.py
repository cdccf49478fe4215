"""The SQL of `menshen install` and `menshen install --remove`, in order. Pure.

Installing drops what an earlier version made and makes everything anew, in one transaction; roles are kept, since
sessions are logged in as them. Nothing is granted on a user's object to anybody but the owner role, which nobody can
log in as, but for sequences that the defaults of an INSERT draw from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from adapters.postgres.catalog import Snapshot
from adapters.postgres.managed.contents import (
    PersonaContents,
    contents,
    personas,
    secret_classes,
    tables_read,
)
from adapters.postgres.managed.login import RoleSecrets
from adapters.postgres.managed.names import HOME, ROLE_MARK, owner_role
from adapters.postgres.sql.pseudonym import PseudonymKeys
from adapters.postgres.sql.quote import array_literal, quote_ident, quote_literal, quote_table
from gateway import __version__
from gateway.model import TableName
from gateway.policy.policy import Policy

BROKEN: Final = "MS001"
"""SQLSTATE with which the database says that a persona reaches what it must not."""


@dataclass(frozen=True)
class Statement:
    """One statement, and how people may read it: without passwords and keys."""

    sql: str
    shown: str


@dataclass(frozen=True)
class Installation:
    """All that belongs in one database."""

    database: str
    login: str
    """The gateway's own login, which reads what is installed."""
    bundle: str
    personas: tuple[PersonaContents, ...]
    keys: PseudonymKeys
    secrets: RoleSecrets

    @property
    def owner(self) -> str:
        return owner_role(self.database)

    @property
    def roles(self) -> frozenset[str]:
        return frozenset((self.owner, *(one.role for one in self.personas)))

    @property
    def tables(self) -> tuple[TableName, ...]:
        """The tables behind the views, which no persona may reach itself."""
        return tables_read(self.personas)

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex over all that is installed, without secrets."""
        return hashlib.sha256("".join(one.digest for one in self.personas).encode()).hexdigest()


def installation(
    policy: Policy, snapshot: Snapshot, login: str, keys: PseudonymKeys, secrets: RoleSecrets
) -> Installation:
    """What the bundle wants in the database."""
    all_contents = tuple(contents(policy, snapshot, keys, persona) for persona in personas(policy))
    return Installation(snapshot.database, login, policy.digest, all_contents, keys, secrets)


# -- make -------------------------------------------------------------------------------------------------------------
def install(wanted: Installation, have_roles: Iterable[str], have_schemas: Iterable[str]) -> Iterator[Statement]:
    """Every statement. `have_…`: what an earlier installation left in the database."""
    have = frozenset(have_roles)
    yield from remove(sorted(have - wanted.roles), have_schemas)
    # What the kept ones hold is granted anew: a right that somebody else gave them goes.
    for role in sorted(have & wanted.roles):
        yield _plain(f"DROP OWNED BY {quote_ident(role)}")
    if wanted.owner not in have:
        yield _plain(f"CREATE ROLE {quote_ident(wanted.owner)} NOLOGIN NOINHERIT")
        yield from _known(wanted, wanted.owner)
    yield from map(_plain, _owner_rights(wanted))
    for one in wanted.personas:
        yield from _role(wanted, one, one.role in have)
    yield _plain(f"SET LOCAL ROLE {quote_ident(wanted.owner)}")
    yield from _home(wanted)
    for one in wanted.personas:
        yield from map(_plain, one.statements)
    yield _plain("RESET ROLE")
    yield _plain(f"REVOKE CREATE ON DATABASE {quote_ident(wanted.database)} FROM {quote_ident(wanted.owner)}")


def _known(wanted: Installation, role: str) -> Iterator[Statement]:
    """Whose role it is, and that whoever installs may act as it, which only a superuser may do unasked."""
    yield _plain(f"COMMENT ON ROLE {quote_ident(role)} IS {quote_literal(ROLE_MARK + wanted.database)}")
    yield _plain(f"GRANT {quote_ident(role)} TO CURRENT_USER")


def _owner_rights(wanted: Installation) -> Iterator[str]:
    """What the views' owner may do with the tables: read what some persona sees, write what some persona writes."""
    owner = quote_ident(wanted.owner)
    yield f"GRANT CREATE ON DATABASE {quote_ident(wanted.database)} TO {owner}"
    for schema in sorted({table.schema for table in wanted.tables}):
        yield f"GRANT USAGE ON SCHEMA {quote_ident(schema)} TO {owner}"
    for table in wanted.tables:
        yield f"GRANT SELECT ON {quote_table(table)} TO {owner}"
        views = [v for one in wanted.personas for v in one.views if v.relation.name == table]
        for act, columns in (
            ("INSERT", {c for v in views for c in v.inserted}),
            ("UPDATE", {c for v in views for c in v.updated}),
        ):
            if columns:
                yield f"GRANT {act} ({', '.join(map(quote_ident, sorted(columns)))}) ON {quote_table(table)} TO {owner}"
        if any(v.deleted for v in views):
            yield f"GRANT DELETE ON {quote_table(table)} TO {owner}"


def _role(wanted: Installation, one: PersonaContents, exists: bool) -> Iterator[Statement]:
    role, database = quote_ident(one.role), quote_ident(wanted.database)
    made = f"{'ALTER' if exists else 'CREATE'} ROLE {role} LOGIN NOINHERIT NOCREATEDB NOCREATEROLE PASSWORD "
    yield Statement(made + quote_literal(wanted.secrets.verifier(one.role)), made + "'…'")
    if not exists:
        yield from _known(wanted, one.role)
    yield _plain(f"GRANT CONNECT ON DATABASE {database} TO {role}")
    path = ", ".join(map(quote_ident, one.schemas)) or "''"
    yield _plain(f"ALTER ROLE {role} IN DATABASE {database} SET search_path = {path}")
    for sequence in sorted({s for view in one.views for s in view.sequences}):
        yield _plain(f"GRANT USAGE ON SEQUENCE {quote_table(sequence)} TO {role}")


def _home(wanted: Installation) -> Iterator[Statement]:
    home, login = quote_ident(HOME), quote_ident(wanted.login)
    yield _plain(f"CREATE SCHEMA {home}")
    keys = "data_class text PRIMARY KEY, outer_key bytea NOT NULL, inner_key bytea NOT NULL"
    yield _plain(f"CREATE TABLE {home}.keys ({keys})")
    for data_class in secret_classes(wanted.personas):
        key = wanted.keys.key(data_class)
        into = f"INSERT INTO {home}.keys VALUES ({quote_literal(data_class)}, "
        yield Statement(f"{into}'\\x{key[:32].hex()}', '\\x{key[32:].hex()}')", f"{into}'…', '…')")
    columns = "menshen text, bundle text, digest text, secret text, installed_at timestamptz DEFAULT pg_catalog.now()"
    yield _plain(f"CREATE TABLE {home}.version ({columns})")
    values = ", ".join(map(quote_literal, (__version__, wanted.bundle, wanted.digest, wanted.secrets.mark)))
    yield _plain(f"INSERT INTO {home}.version VALUES ({values})")
    yield _plain(f"CREATE TABLE {home}.personas (role text PRIMARY KEY, digest text NOT NULL)")
    for one in wanted.personas:
        yield _plain(f"INSERT INTO {home}.personas VALUES ({quote_literal(one.role)}, {quote_literal(one.digest)})")
    yield _plain(f"CREATE TABLE {home}.objects (object text PRIMARY KEY, state text NOT NULL)")
    yield _plain(f"GRANT USAGE ON SCHEMA {home} TO {login}")
    yield _plain(f"GRANT SELECT ON {home}.version, {home}.personas, {home}.objects TO {login}")


# -- prove ------------------------------------------------------------------------------------------------------------
def proof(wanted: Installation) -> Iterator[Statement]:
    """Raises in the database, before the commit, unless each persona reads its views and none of the tables."""
    tables = array_literal(map(quote_table, wanted.tables))
    for one in wanted.personas:
        yield _plain(f"SET LOCAL ROLE {quote_ident(one.role)}")
        for view in one.views:
            if view.readable:
                yield _plain(f"SELECT FROM {quote_table(view.name)} LIMIT 0")
        told = quote_literal(f"role {one.role} can read ")
        body = (
            f"DECLARE t text; BEGIN FOREACH t IN ARRAY {tables}::text[] LOOP BEGIN "
            "EXECUTE 'SELECT FROM ' || t || ' LIMIT 0'; "
            f"RAISE EXCEPTION USING ERRCODE = '{BROKEN}', MESSAGE = {told} || t; "
            "EXCEPTION WHEN insufficient_privilege THEN NULL; END; END LOOP; END"
        )
        yield _plain(f"DO {quote_literal(body)}")
        yield _plain("RESET ROLE")


# -- remove -----------------------------------------------------------------------------------------------------------
def remove(roles: Iterable[str], schemas: Iterable[str]) -> Iterator[Statement]:
    """Everything of these roles and schemas; nothing of it was there before Menshen came."""
    for schema in schemas:
        yield _plain(f"DROP SCHEMA {quote_ident(schema)} CASCADE")
    for role in roles:
        yield _plain(f"DROP OWNED BY {quote_ident(role)}")
    for role in roles:
        yield _plain(f"DROP ROLE {quote_ident(role)}")


def _plain(sql: str) -> Statement:
    return Statement(sql, sql)
