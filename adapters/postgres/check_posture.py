"""What a database allows beside its tables: login, functions, operators, casts, triggers, extensions. Pure.

These findings belong to no file: their place is `database <name>`. All are warnings, since the gateway refuses what it
does not know; they tell what the second lock (the database's own privileges) does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator

from adapters.postgres.catalog import Function, Login, Snapshot
from adapters.postgres.check_tables import CATALOG
from adapters.postgres.managed.names import is_own_schema
from adapters.postgres.sql.words import words
from gateway.errors import Problem
from gateway.policy.policy import Policy
from gateway.policy.reader import did_you_mean

DANGEROUS_EXTENSIONS = words("""
    adminpack dblink file_fdw lo pageinspect pg_stat_statements plperlu plpython3u pltclu postgres_fdw tablefunc xml2
""")

_SHOWN = 10


def check(policy: Policy, snapshot: Snapshot) -> Iterator[Problem]:
    """Findings about the posture of the database."""
    place = f"database {snapshot.database}"
    for message, remedy in (*_login(snapshot.login), *_objects(policy, snapshot)):
        yield Problem(place, 0, message, remedy, "warning")
    yield from _listed(policy, snapshot)


def _login(login: Login) -> Iterator[tuple[str, str]]:
    who = f"the gateway's login `{login.name}`"
    instead = "log in as a role that owns nothing and has rights on the governed tables alone"
    if login.superuser:
        yield f"{who} is a superuser: nothing but the gateway's own analysis holds", instead
    elif login.bypass_row_security:
        yield f"{who} bypasses row security", "ALTER ROLE … NOBYPASSRLS"
    if not login.superuser:
        rights = {"REPLICATION": login.replication, "CREATEROLE": login.create_role, "CREATEDB": login.create_database}
        for right, held in rights.items():
            if held:
                yield f"{who} has {right}", f"ALTER ROLE … NO{right}"
    for role in login.member_of:
        yield f"{who} is a member of {role}", f"REVOKE {role} FROM …"
    if not login.encrypted and not login.local:
        yield "the connection to the database is not encrypted", "add `sslmode=verify-full` to its dsn"


def _objects(policy: Policy, snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    definers = [
        f
        for f in snapshot.functions
        if f.security_definer and f.callable and not f.trigger and not is_own_schema(f.schema)
    ]
    unlisted = [f.identity for f in definers if not _is_listed(policy, f)]
    if unlisted:
        message = f"SECURITY DEFINER functions that the gateway's login may call: {_some(unlisted)}"
        yield message, "REVOKE EXECUTE … FROM PUBLIC; the gateway refuses those that catalog.yaml does not list"
    shadows = sorted({f.identity for f in snapshot.functions if f.shadows})
    if shadows:
        yield f"functions named as built-in ones: {_some(shadows)}", "rename them; calls are sent as pg_catalog's"
    if snapshot.shadowing_operators:
        message = f"operators named as built-in ones: {_some(sorted(snapshot.shadowing_operators))}"
        yield message, "rename them; where they could be meant, a statement is refused unless it names the schema"
    casts = [f"{c.source} to {c.target}" for c in snapshot.user_casts if c.function and c.context != "explicit"]
    if casts:
        yield f"casts that run a user's function unasked: {_some(casts)}", "DROP CAST, or make them explicit"
    for name in sorted(policy.tables.keys() & snapshot.relations.keys()):
        relation = snapshot.relations[name]
        if relation.triggers:
            told = f"table `{name}` has triggers: {_some(list(relation.triggers))}"
            yield told, "see that they raise, notify and copy nothing of a row: they see raw values"
        if relation.rules:
            told = f"table `{name}` has rules: {_some(list(relation.rules))}"
            yield told, "drop them, or let nobody write to the table: a rule runs statements that are not judged"
    extensions = sorted(DANGEROUS_EXTENSIONS & snapshot.extensions.keys())
    if extensions:
        yield f"extensions that reach around any rule: {_some(extensions)}", "DROP EXTENSION where they are not needed"


def _listed(policy: Policy, snapshot: Snapshot) -> Iterator[Problem]:
    """Functions that the data map allows to be called."""
    known = {f"{f.schema}.{f.name}": f for f in snapshot.functions}
    for name in policy.functions:
        function = known.get(name)
        if function is None:
            near = did_you_mean(name, known, "remove it")
            yield Problem(CATALOG, 0, f"function `{name}` is not in the database", near)
        elif function.security_definer:
            message = f"function `{name}` is SECURITY DEFINER: what it returns is neither masked nor filtered"
            yield Problem(CATALOG, 0, message, "see that it shows only what `call` on its class may show", "warning")


def _is_listed(policy: Policy, function: Function) -> bool:
    return f"{function.schema}.{function.name}" in policy.functions


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
