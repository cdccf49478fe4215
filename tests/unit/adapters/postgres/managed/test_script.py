"""The order of the SQL, and what people may read of it."""

from __future__ import annotations

from adapters.postgres.managed.login import RoleSecrets
from adapters.postgres.managed.script import Installation, install, installation, proof, remove
from adapters.postgres.sql.pseudonym import PseudonymKeys
from tests.unit.adapters.postgres.managed.test_contents import PEOPLE, RULES, TABLES, bundle, snapshot

SECRET = b"s" * 32


def wanted() -> Installation:
    return installation(bundle(TABLES, RULES), snapshot(PEOPLE), "gateway", PseudonymKeys(SECRET), RoleSecrets(SECRET))


def test_what_is_shown_has_no_password_and_no_key() -> None:
    one = wanted()
    shown = "\n".join(statement.shown for statement in install(one, (), ()))
    run = "\n".join(statement.sql for statement in install(one, (), ()))
    key = one.keys.key("contact.phone")
    for secret in (key[:32].hex(), key[32:].hex(), "SCRAM-SHA-256$"):
        assert secret in run
        assert secret not in shown


def test_roles_that_stay_are_kept_and_others_go() -> None:
    sql = [statement.sql for statement in install(wanted(), ("menshen:crm:app:", "menshen:crm:gone:x"), ("menshen",))]
    assert sql[0] == 'DROP SCHEMA "menshen" CASCADE'
    assert 'DROP ROLE "menshen:crm:gone:x"' in sql
    assert not any(text.startswith('DROP ROLE "menshen:crm:app:"') for text in sql)
    assert any(text.startswith('ALTER ROLE "menshen:crm:app:" LOGIN') for text in sql)
    assert sql.index('DROP OWNED BY "menshen:crm:app:"') < sql.index(
        'GRANT CONNECT ON DATABASE "crm" TO "menshen:crm:app:"'
    )


def test_the_proof_reads_each_view_and_tries_each_table_as_the_persona() -> None:
    sql = [statement.sql for statement in proof(wanted())]
    assert 'SELECT FROM "menshen:app:service:crm"."customers" LIMIT 0' in sql
    assert sum(text.startswith("DO ") for text in sql) == len(wanted().personas) == 2
    assert '"crm"."customers"' in next(text.replace('\\"', '"') for text in sql if text.startswith("DO "))


def test_removing_drops_rights_before_roles() -> None:
    sql = [statement.sql for statement in remove(("a", "b"), ("s",))]
    assert sql == [
        'DROP SCHEMA "s" CASCADE', 'DROP OWNED BY "a"', 'DROP OWNED BY "b"', 'DROP ROLE "a"', 'DROP ROLE "b"',
    ]  # fmt: skip
