"""Introspection of a real database with every kind of object that a name can mean."""

from __future__ import annotations

import time

import asyncpg
import pytest

from adapters.postgres.catalog import Snapshot
from adapters.postgres.introspect import introspect
from gateway.model import TableName
from tests.support.postgres import Database

SCHEMA = """
CREATE SCHEMA crm; CREATE SCHEMA "Ref 库";
CREATE DOMAIN crm.mobile AS varchar(20) CHECK (VALUE <> '');
CREATE DOMAIN crm.tested_mobile AS crm.mobile;
CREATE FUNCTION crm.fine(text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE DOMAIN crm.calling AS text CHECK (crm.fine(VALUE));
CREATE TYPE crm.mood AS ENUM ('sad', 'ok', '高兴');
CREATE TYPE crm.pair AS (a text, b text);
CREATE TABLE crm.customers (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, full_name text COLLATE "C" NOT NULL,
  phone crm.tested_mobile UNIQUE,
  gone text, id_card char(18), balance numeric(12,2) DEFAULT 0, mood crm.mood, tags text[], old_id serial,
  tail text GENERATED ALWAYS AS (right(id_card, 4)) STORED, bio jsonb);
ALTER TABLE crm.customers DROP COLUMN gone;
COMMENT ON TABLE crm.customers IS '客户';
COMMENT ON COLUMN crm.customers.full_name IS '姓名';
CREATE UNIQUE INDEX ON crm.customers (full_name, id_card) INCLUDE (bio);
CREATE UNIQUE INDEX ON crm.customers (lower(full_name));
CREATE UNIQUE INDEX ON crm.customers (mood) WHERE balance > 0;
CREATE TABLE crm.vip (secret text) INHERITS (crm.customers);
CREATE TABLE crm.events (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE crm.events_old PARTITION OF crm.events FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
CREATE VIEW crm.v AS SELECT id, phone AS p FROM crm.customers;
CREATE VIEW crm.vv AS SELECT p FROM crm.v;
CREATE VIEW crm.cat AS SELECT relname FROM pg_catalog.pg_class;
CREATE MATERIALIZED VIEW crm.mv AS SELECT full_name FROM crm.customers;
CREATE TABLE "Ref 库"."客 户" ("编 号" int PRIMARY KEY);
CREATE FUNCTION crm.get_phone(int) RETURNS text LANGUAGE sql SECURITY DEFINER
  AS 'SELECT phone::text FROM crm.customers';
CREATE FUNCTION crm.lower(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE PROCEDURE crm.p() LANGUAGE sql AS 'SELECT 1';
CREATE AGGREGATE crm.concat_all(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
CREATE FUNCTION crm.raise_text(text, text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
CREATE OPERATOR crm.~~~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = crm.raise_text);
CREATE OPERATOR crm.= (LEFTARG = json, RIGHTARG = json, FUNCTION = crm.same);
CREATE FUNCTION crm.card(crm.customers) RETURNS json LANGUAGE sql AS 'SELECT ''{}''::json';
CREATE CAST (crm.customers AS json) WITH FUNCTION crm.card(crm.customers) AS ASSIGNMENT;
CREATE FUNCTION crm.changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER 客户变更 AFTER UPDATE ON crm.customers FOR EACH ROW EXECUTE FUNCTION crm.changed();
CREATE TABLE crm.inbox (id int REFERENCES crm.customers (id));
CREATE RULE echo AS ON INSERT TO crm.inbox DO ALSO SELECT 1;
CREATE TEMP TABLE customers (id int);
CREATE EXTENSION citext SCHEMA public; CREATE EXTENSION hstore SCHEMA public; CREATE EXTENSION tablefunc SCHEMA public;
""".replace(
    "CREATE OPERATOR crm.=",
    "CREATE FUNCTION crm.same(json, json) RETURNS bool LANGUAGE sql AS 'SELECT true'; CREATE OPERATOR crm.=",
)


@pytest.fixture
async def connection(dsn: str) -> asyncpg.Connection:
    made = await asyncpg.connect(dsn)
    try:
        yield made
    finally:
        await made.close()


async def look(connection: asyncpg.Connection, sql: str = "") -> Snapshot:
    if sql:
        await connection.execute(sql)
    return await introspect(connection)


def crm(name: str) -> TableName:
    return TableName("crm", name)


async def test_every_kind_of_object_is_seen(connection: asyncpg.Connection) -> None:
    s = await look(connection, SCHEMA)
    kinds = {str(r.name): r.kind for r in s.relations.values()}
    assert kinds == {
        "crm.customers": "r", "crm.vip": "r", "crm.events": "p", "crm.events_old": "r", "crm.v": "v", "crm.vv": "v",
        "crm.cat": "v", "crm.mv": "m", "crm.inbox": "r", "Ref 库.客 户": "r",
    }  # fmt: skip
    assert s.schemas == {"crm", "Ref 库", "public"}
    assert s.relations[crm("events_old")].partition
    assert s.relations[crm("events_old")].parents == (crm("events"),)
    assert s.relations[crm("vip")].parents == (crm("customers"),)
    customers = s.relations[crm("customers")]
    assert customers.comment == "客户"
    assert customers.primary_key == ("id",)
    assert set(customers.unique_keys) == {("id",), ("phone",), ("full_name", "id_card")}
    assert customers.triggers == ("客户变更",)
    assert s.relations[crm("inbox")].rules == ("echo",)
    assert not s.relations[crm("inbox")].has_triggers  # those of the foreign key are internal
    assert s.relations[crm("v")].reads == ((crm("customers"), "id"), (crm("customers"), "phone"))
    assert s.relations[crm("vv")].reads == ((crm("v"), "p"),)
    assert s.relations[crm("cat")].reads == ()


async def test_columns_tell_type_length_collation_and_where_values_come_from(connection: asyncpg.Connection) -> None:
    s = await look(connection, SCHEMA)
    columns = {c.name: c for c in s.relations[crm("customers")].columns}
    assert [c.number for c in columns.values()] == [1, 2, 3, 5, 6, 7, 8, 9, 10, 11]  # 4 is dropped
    phone = columns["phone"].type
    assert (phone.sql, phone.base, phone.length, phone.domain) == ("crm.tested_mobile", "varchar", 20, True)
    assert phone.base_sql == "character varying(20)"
    assert columns["full_name"].type.collation == 'pg_catalog."C"'
    assert columns["full_name"].comment == "姓名"
    assert columns["full_name"].not_null
    assert (columns["id_card"].type.sql, columns["id_card"].type.length) == ("character(18)", 18)
    assert columns["balance"].type.sql == "numeric(12,2)"
    assert columns["balance"].has_default
    assert (columns["tags"].type.sql, columns["tags"].type.base) == ("text[]", "_text")
    assert columns["mood"].type.sql == "crm.mood"
    assert columns["id"].identity
    assert columns["id"].sequence == crm("customers_id_seq")
    assert columns["old_id"].sequence == crm("customers_old_id_seq")
    assert columns["tail"].generated
    assert not columns["tail"].has_default


async def test_objects_of_users_and_of_extensions_are_told_apart(connection: asyncpg.Connection) -> None:
    s = await look(connection, SCHEMA)
    assert {"get_phone", "lower", "p", "concat_all", "raise_text", "crosstab", "normal_rand"} <= s.user_functions
    assert {"citext_eq", "hstore", "akeys"} <= s.extension_functions
    assert not {"crosstab", "connectby", "get_phone"} & s.extension_functions
    assert s.user_operators == {"~~~~", "="}
    assert s.shadowing_operators == {"="}
    assert ("public", "->") in s.extension_operators
    assert {k[1]: v for k, v in s.user_types.items() if k[0] == "crm"} == {
        "mobile": "d", "tested_mobile": "d", "calling": "x", "mood": "e", "pair": "c",
    }  # fmt: skip
    assert s.user_types["public", "citext"] == "b"
    assert s.enums == {("crm", "mood"): ("sad", "ok", "高兴")}
    (cast,) = s.user_casts
    assert (cast.source, cast.target, cast.context) == ("crm.customers", "json", "assignment")
    found = {f.identity: f for f in s.functions}
    assert found["crm.get_phone(integer)"].security_definer
    assert found["crm.lower(text)"].shadows
    assert found["crm.changed()"].trigger
    assert found["crm.p()"].kind == "p"


async def test_the_login_and_the_path_are_told(connection: asyncpg.Connection) -> None:
    s = await look(
        connection, 'CREATE SCHEMA postgres; CREATE SCHEMA crm; SET search_path = nowhere, "$user", crm, public'
    )
    assert s.default_search_path == ("postgres", "crm", "public")
    assert s.login.name == "postgres"
    assert s.login.superuser
    assert s.server_version == int(await connection.fetchval("SHOW server_version_num"))
    assert "pg_class" in s.system_relations
    assert ("reltuples", "real") in s.system_columns["pg_catalog.pg_class"]
    assert await connection.fetchval("SHOW search_path") == 'nowhere, "$user", crm, public'


async def test_the_digest_follows_the_catalogue_and_not_the_data(connection: asyncpg.Connection) -> None:
    before = await look(connection, "CREATE SCHEMA crm; CREATE TABLE crm.t (id int, phone text)")
    quiet = await look(connection, "INSERT INTO crm.t VALUES (1, 'x'); ANALYZE; COMMENT ON TABLE crm.t IS 'T'")
    assert quiet.digest == before.digest
    seen = {before.digest}
    for change in (
        "ALTER TABLE crm.t ADD note text", "ALTER TABLE crm.t ALTER phone TYPE varchar(9)",
        "ALTER TABLE crm.t RENAME note TO n",
        "ALTER TABLE crm.t ADD PRIMARY KEY (id)", "CREATE FUNCTION crm.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE VIEW crm.v AS SELECT id FROM crm.t",
        "CREATE OR REPLACE VIEW crm.v AS SELECT id FROM crm.t WHERE phone > ''",
        "CREATE RULE r AS ON INSERT TO crm.t DO ALSO SELECT 1", "CREATE TYPE crm.e AS ENUM ('a')",
        "DROP RULE r ON crm.t",
        "ALTER TYPE crm.e ADD VALUE 'b'", "CREATE SCHEMA other", "ALTER FUNCTION crm.f() SECURITY DEFINER",
    ):  # fmt: skip
        if change.startswith("DROP"):
            seen.clear()
        digest = (await look(connection, change)).digest
        assert digest not in seen, change
        seen.add(digest)


async def test_names_of_users_on_the_path_are_never_called(connection: asyncpg.Connection) -> None:
    await connection.execute("""
        CREATE SCHEMA trap; SET search_path = trap, pg_catalog;
        CREATE FUNCTION trap.format_type(oid, int) RETURNS text LANGUAGE plpgsql
          AS 'BEGIN RAISE EXCEPTION ''caught''; END';
        CREATE VIEW trap.pg_class AS SELECT 1 AS oid;
    """)
    s = await look(connection)
    assert TableName("trap", "pg_class") in s.relations
    assert s.default_search_path == ("trap", "pg_catalog")
    found = s.resolve("pg_class", s.default_search_path)
    assert found is not None
    assert found.name.schema == "trap"


async def test_a_login_without_rights_still_sees_what_exists(database: Database) -> None:
    database.execute("CREATE SCHEMA crm; CREATE TABLE crm.t (id int); DROP ROLE IF EXISTS poor; CREATE ROLE poor LOGIN")
    try:
        connection = await asyncpg.connect(database.server.dsn(database.name, user="poor"))
        try:
            s = await introspect(connection)
        finally:
            await connection.close()
    finally:
        database.execute("DROP ROLE poor")
    assert crm("t") in s.relations
    assert (s.login.name, s.login.superuser) == ("poor", False)


async def test_a_thousand_tables_are_read_in_under_a_second(connection: asyncpg.Connection) -> None:
    await connection.execute("""
        DO $$ BEGIN FOR i IN 1..1000 LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, full_name text,
          phone varchar(20), email text, a numeric(12,2), b timestamptz DEFAULT now(), c jsonb, d bool, e date)', i);
        END LOOP; END $$
    """)
    started = time.perf_counter()
    s = await introspect(connection)
    assert len(s.digest) == 64
    took = time.perf_counter() - started
    assert len(s.relations) == 1000
    assert took < 1.0, f"{took:.2f} s"


async def test_what_is_shown_in_part_can_be_written_anew(connection: asyncpg.Connection) -> None:
    s = await introspect(connection)
    for relation, columns in s.system_columns.items():
        nulls = ", ".join(f"NULL::{type_} AS {name}" for name, type_ in columns)
        await connection.execute(f"SELECT * FROM (SELECT {nulls} FROM {relation}) AS t")
