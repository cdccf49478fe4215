"""`menshen install`: idempotent, proven, found when it drifts, and gone without a trace when it is removed."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.support.postgres import Database
from tests.system.managed.conftest import Installed

DENIED = psycopg.errors.InsufficientPrivilege

# Rights as they work, not as they are written: a right that was given and taken leaves its default spelled out.
EVERYTHING = """
SELECT 'role', rolname, shobj_description(oid, 'pg_authid') FROM pg_roles
UNION ALL SELECT 'member', roleid::regrole::text, member::regrole::text FROM pg_auth_members
UNION ALL SELECT 'setting', setdatabase::text || ' ' || setrole, setconfig::text FROM pg_db_role_setting
UNION ALL SELECT 'schema', n.nspname, (SELECT string_agg(x::text, ' ' ORDER BY x::text)
    FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) x) FROM pg_namespace n WHERE nspname !~ '^pg_temp'
UNION ALL SELECT 'relation', c.oid::text || c.relname, (SELECT string_agg(x::text, ' ' ORDER BY x::text)
    FROM aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) x)
    FROM pg_class c
UNION ALL SELECT 'column', attrelid || ' ' || attname, attacl::text FROM pg_attribute WHERE attacl <> '{}'
UNION ALL SELECT 'function', p.oid::text, p.proname FROM pg_proc p
UNION ALL SELECT 'type', t.oid::text, t.typname FROM pg_type t
UNION ALL SELECT 'rule', r.oid::text, r.rulename FROM pg_rewrite r
UNION ALL SELECT 'default', d.oid::text, d.defaclacl::text FROM pg_default_acl d
UNION ALL SELECT 'shared', count(*)::text, '' FROM pg_shdepend WHERE dbid = (SELECT oid FROM pg_database
    WHERE datname = current_database())
UNION ALL SELECT 'database', datname, (SELECT string_agg(x::text, ' ' ORDER BY x::text)
    FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) x) FROM pg_database WHERE datname = current_database()
ORDER BY 1, 2, 3
"""


def snapshot(database: Database) -> list[Any]:
    return database.execute(EVERYTHING)


def test_a_persona_sees_what_its_veils_show_and_no_table(managed: Installed) -> None:
    managed.install("--yes")
    assert managed.as_role("SELECT id, name, phone, pin FROM people ORDER BY id") == [
        (1, "欧阳娜", "138****8000", None),
        (2, "司马光", "139****9000", None),
    ]
    assert managed.as_role("SELECT name FROM countries") == [("中国",)]
    for sql in ("SELECT * FROM app.people", "SELECT app.everybody()", "TABLE menshen.keys", "TABLE menshen.version"):
        with pytest.raises(DENIED):
            managed.as_role(sql)


def test_a_pseudonym_is_the_gateways_and_its_key_is_nowhere_to_be_read(managed: Installed) -> None:
    managed.install("--yes")
    (view,) = managed.as_role("SELECT pg_get_viewdef('people'::regclass)", "research")
    keys = managed.database.execute("SELECT encode(outer_key, 'hex'), encode(inner_key, 'hex') FROM menshen.keys")
    plan = managed.as_role("EXPLAIN (VERBOSE) SELECT phone FROM people", "research")
    assert keys
    for key in keys[0]:
        assert key not in str(view) + str(plan)
    seen = managed.as_role("SELECT phone FROM people WHERE id = 1", "research")[0][0]
    assert str(seen).startswith("p_")
    managed.database.execute("UPDATE app.people SET phone = '13800138000' WHERE id = 2")
    assert managed.as_role("SELECT phone FROM people WHERE id = 2", "research") == [(seen,)]


def test_a_lookup_finds_what_is_equal_and_shows_the_mask(managed: Installed) -> None:
    managed.install("--yes")
    sql = """SELECT id, phone FROM "people?phone"(ARRAY['{}'])"""
    assert managed.as_role(sql.format("13800138000")) == [(1, "138****8000")]
    assert managed.as_role(sql.format("138%")) == []
    assert managed.as_role(sql.format("13700137000")) == [], "a hidden row"
    with pytest.raises(psycopg.errors.UndefinedFunction):
        managed.as_role(sql.format("13800138000"), "research")


def test_writes_go_through_the_views_where_the_rules_let_them(managed: Installed) -> None:
    managed.install("--yes")
    managed.as_role("UPDATE people SET name = '上官婉儿' WHERE id = 1")
    assert managed.as_role("INSERT INTO notes (body) VALUES ('first') RETURNING id") == [(1,)]
    assert managed.database.execute("SELECT name FROM app.people WHERE id = 1") == [("上官婉儿",)]
    for sql, error in (
        ("UPDATE people SET region = 'south' WHERE id = 1", psycopg.errors.WithCheckOptionViolation),
        ("INSERT INTO \"people+\" (id, region) VALUES (9, 'south')", psycopg.errors.WithCheckOptionViolation),
        ("UPDATE people SET phone = '1' WHERE id = 1", psycopg.errors.FeatureNotSupported),  # it shows a mask
        ("DELETE FROM people WHERE id = 1", DENIED),
    ):
        with pytest.raises(error):
            managed.as_role(sql)
    steal = "ON CONFLICT (id) DO UPDATE SET region = 'north'"
    for view, error in (("people", DENIED), ('"people+"', DENIED)):
        with pytest.raises(error):
            managed.as_role(f"INSERT INTO {view} (id, region) VALUES (3, 'north') {steal}")
    with pytest.raises(psycopg.errors.UniqueViolation):
        managed.as_role("""INSERT INTO "people+" (id, region) VALUES (3, 'north')""")
    managed.as_role("UPDATE people SET name = 'nobody' WHERE id = 3")
    assert managed.database.execute("SELECT name FROM app.people WHERE id = 3") == [("诸葛亮",)]
    managed.as_role("DELETE FROM notes")
    assert managed.database.execute("SELECT count(*) FROM app.notes") == [(0,)]


def test_it_shows_its_sql_without_secrets_and_asks(managed: Installed) -> None:
    before = snapshot(managed.database)
    shown = managed.install("--sql")
    assert 'CREATE VIEW "menshen:desk_app:care:app"."people" WITH (security_barrier = true' in shown
    assert "SCRAM" not in shown
    assert "\\x" not in shown
    assert "nobody is there to ask" in managed.install(good=False)
    assert snapshot(managed.database) == before


def test_installing_again_changes_nothing_and_a_new_bundle_is_brought_in(managed: Installed) -> None:
    assert managed.install("--yes").startswith("installed in db: 5 personas")
    before = snapshot(managed.database)
    assert managed.install("--yes").startswith("already in db: 5 personas")
    assert managed.install("--sql") == ""
    assert snapshot(managed.database) == before
    rules = managed.gateway.policies / "rules.csv"
    kept = rules.read_text("utf-8")
    rules.write_text(kept.replace("p, desk, care, phone, partial, allow\n", ""), "utf-8")
    assert managed.install("--yes").startswith("installed in db")
    assert managed.as_role("SELECT phone FROM people WHERE id = 1") == [(None,)]
    purposes = managed.gateway.policies / "purposes.yaml"
    purposes.write_text(purposes.read_text("utf-8").replace("  research: {basis: contract, departments: [it]}\n", ""))
    rules.write_text(kept.replace("p, desk, research, phone, pseudonym, allow\n", ""), "utf-8")
    managed.install("--yes")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        managed.as_role("SELECT 1", "research")


def test_removing_leaves_no_trace(managed: Installed) -> None:
    before = snapshot(managed.database)
    managed.install("--yes")
    assert snapshot(managed.database) != before
    managed.install("--remove", "--yes")
    assert snapshot(managed.database) == before
    assert managed.install("--remove", "--yes").startswith("nothing is in db")


def test_it_installs_as_somebody_who_is_no_superuser(managed: Installed) -> None:
    name = managed.database.name
    managed.database.execute(
        f"""CREATE ROLE "{name}_admin" LOGIN CREATEROLE; ALTER SCHEMA app OWNER TO "{name}_admin";
        ALTER SCHEMA ref OWNER TO "{name}_admin"; ALTER TABLE app.people OWNER TO "{name}_admin";
        ALTER TABLE app.notes OWNER TO "{name}_admin"; ALTER TABLE ref.countries OWNER TO "{name}_admin";
        ALTER DATABASE "{name}" OWNER TO "{name}_admin" """
    )
    file = managed.gateway.folder / "admin.dsn"
    file.write_text(managed.database.server.dsn(name, user=f"{name}_admin"))
    before = snapshot(managed.database)
    managed.install("--yes", "--dsn-file", str(file))
    assert managed.as_role("SELECT phone FROM people WHERE id = 1") == [("138****8000",)]
    managed.install("--remove", "--yes", "--dsn-file", str(file))
    assert snapshot(managed.database) == before
    managed.database.execute(f'REASSIGN OWNED BY "{name}_admin" TO postgres; DROP ROLE "{name}_admin"')


def test_what_everybody_may_reach_stops_the_installation(managed: Installed) -> None:
    before = snapshot(managed.database)
    managed.database.execute("GRANT USAGE ON SCHEMA app TO PUBLIC")
    assert "a persona reaches app.everybody() beside its views" in managed.install("--yes", good=False)
    managed.database.execute("REVOKE EXECUTE ON FUNCTION app.everybody() FROM PUBLIC")
    managed.install("--yes")
    managed.install("--remove", "--yes")
    managed.database.execute("GRANT SELECT ON app.people TO PUBLIC")
    assert "can read" in managed.install("--yes", good=False)
    managed.database.execute("REVOKE SELECT ON app.people FROM PUBLIC; REVOKE USAGE ON SCHEMA app FROM PUBLIC")
    managed.database.execute("GRANT EXECUTE ON FUNCTION app.everybody() TO PUBLIC")
    assert snapshot(managed.database) == before


def test_a_schema_of_somebody_else_is_left_alone(managed: Installed) -> None:
    managed.database.execute("CREATE SCHEMA menshen; CREATE TABLE menshen.keys (mine text)")
    assert "belongs to somebody else" in managed.install("--yes", good=False)
    assert managed.install("--remove", "--yes").startswith("nothing is in db")
    assert managed.database.execute("SELECT count(*) FROM menshen.keys") == [(0,)]
    managed.database.execute("DROP SCHEMA menshen CASCADE")


def test_check_finds_what_was_meddled_with(managed: Installed) -> None:
    managed.install("--yes")
    role, execute = managed.role(), managed.database.execute
    assert "menshen install" not in managed.gateway.run("check").stdout
    for done, undone, told in (
        (
            f'GRANT SELECT ON app.people TO "{role}"',
            f'REVOKE SELECT ON app.people FROM "{role}"',
            "app.people was added",
        ),
        (
            f'GRANT USAGE ON SCHEMA app TO "{role}"',
            f'REVOKE USAGE ON SCHEMA app FROM "{role}"',
            "reaches app.everybody",
        ),
        (f'ALTER ROLE "{role}" BYPASSRLS', f'ALTER ROLE "{role}" NOBYPASSRLS', f'role "{role}" was changed'),
        (
            f'GRANT pg_read_all_data TO "{role}"',
            f'REVOKE pg_read_all_data FROM "{role}"',
            "of pg_read_all_data was added",
        ),
        (
            'ALTER VIEW "menshen:desk_app:care:app".people RESET (security_barrier)',
            'ALTER VIEW "menshen:desk_app:care:app".people SET (security_barrier = true)',
            "people was changed",
        ),
    ):
        execute(done)
        found = managed.gateway.run("check")
        assert found.returncode == 1
        assert told in found.stdout
        execute(undone)
    rules = managed.gateway.policies / "rules.csv"
    rules.write_text(rules.read_text("utf-8") + "p, desk, care, secret, pseudonym, allow\n", "utf-8")
    assert "made from another bundle" in managed.gateway.run("check").stdout
    execute('DROP VIEW "menshen:desk_app:care:app".people CASCADE')
    assert managed.install("--yes").startswith("installed in db")
    assert "menshen install" not in managed.gateway.run("check").stdout
