"""Masks never raise, keep type and length, and hide: arbitrary values, and a hostile search_path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.postgres.sql.columntype import ColumnType
from adapters.postgres.sql.masks import PseudonymKeys, fits, mask_sql
from gateway.model import Disclosure, Mask
from gateway.policy.masks import MASKS
from tests.system.evilschema import create_evil_schema

KEYS = PseudonymKeys(b"a secret of the tests, not of a deployment")

TEXTS = {
    "text": ColumnType("text", "text"),
    "varchar(20)": ColumnType("character varying(20)", "varchar", 20),
    "varchar(3)": ColumnType("character varying(3)", "varchar", 3),
    "char(18)": ColumnType("character(18)", "bpchar", 18),
    "varchar": ColumnType("character varying", "varchar"),
    "name": ColumnType("name", "name"),
    "public.short": ColumnType("public.short", "varchar", 6, domain=True, base_sql="character varying(6)"),
    "public.checked": ColumnType("public.checked", "text", domain=True, base_sql="text"),
}
VALUES = {
    "date": ColumnType("date", "date"),
    "timestamp(0)": ColumnType("timestamp(0) without time zone", "timestamp"),
    "timestamptz": ColumnType("timestamp with time zone", "timestamptz"),
    "int2": ColumnType("smallint", "int2"),
    "int4": ColumnType("integer", "int4"),
    "int8": ColumnType("bigint", "int8"),
    "numeric": ColumnType("numeric", "numeric"),
    "numeric(12,2)": ColumnType("numeric(12,2)", "numeric"),
    "numeric(23,20)": ColumnType("numeric(23,20)", "numeric"),
    "numeric(3,5)": ColumnType("numeric(3,5)", "numeric"),
    "numeric(5,-2)": ColumnType("numeric(5,-2)", "numeric"),
    "float4": ColumnType("real", "float4"),
    "float8": ColumnType("double precision", "float8"),
    "inet": ColumnType("inet", "inet"),
    "cidr": ColumnType("cidr", "cidr"),
    "uuid": ColumnType("uuid", "uuid"),
    "bool": ColumnType("boolean", "bool"),
    "jsonb": ColumnType("jsonb", "jsonb"),
    "int4[]": ColumnType("integer[]", "_int4"),
    "interval": ColumnType("interval", "interval"),
}
TEXT_MASKS = tuple(name for name, info in MASKS.items() if "text" in info.types)

anything = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40)
shaped = st.text(
    st.sampled_from("0123456789１８９+＋- ()@.abcXx京A·市区省县路小自治张欧阳 '\\\"*\n\t\u0301\u202e😀"), max_size=24
)
texts = st.lists(st.one_of(anything, shaped), min_size=1, max_size=25)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def connection(postgres: Any) -> Iterator[Any]:
    database = postgres.create()
    with psycopg.connect(database.dsn, autocommit=True, prepare_threshold=None) as made:
        made.execute("CREATE DOMAIN public.short AS varchar(6); CREATE DOMAIN public.checked AS text NOT NULL")
        made.execute("ALTER DOMAIN public.checked ADD CHECK (VALUE !~ '[*]')")
        yield made
    postgres.drop(database)


def masked(mask: str, type: ColumnType, **options: str | int) -> str:
    return mask_sql(Disclosure.PARTIAL, Mask(mask, tuple(options.items())), "class", '"v"', type, KEYS)


@pytest.mark.parametrize("declared", TEXTS)
@given(values=texts)
@quick
def test_any_text_is_masked_without_error_in_its_own_type_and_length(
    connection: Any, declared: str, values: list[str]
) -> None:
    type = TEXTS[declared]
    if declared == "public.checked":
        values = [value.replace("*", "") for value in values]
    columns = ", ".join(f"{masked(mask, type)} AS {mask}" for mask in TEXT_MASKS)
    rows = connection.execute(
        f"""SELECT v::text, m.*, pg_typeof(m.name)::text, format_type(pg_typeof(m.phone), NULL) FROM
             (SELECT x::text::{declared} AS v FROM unnest(%s::text[]) x) q, LATERAL (SELECT {columns} OFFSET 0) m""",
        (values,),
    ).fetchall()
    for raw, *shown, own_type, _ in rows:
        assert own_type == {"bpchar": "character"}.get(
            type.base, type.written.split("(")[0].removeprefix("pg_catalog.")
        )
        for mask, value in zip(TEXT_MASKS, shown, strict=True):
            if raw == "" or value is None:
                assert not (value or "").strip()
                continue
            assert type.length is None or len(value) <= type.length
            _hides(mask, raw, value.rstrip(" ") if type.base == "bpchar" else value, type)


def _hides(mask: str, raw: str, value: str, type: ColumnType) -> None:
    """The raw text is not within the masked one, but for what the mask is there to show, and for chance."""
    short = len(raw) < 8 and mask == "pseudonym"  # a few hexadecimal digits may occur in a hash
    cut = type.length is not None and len(raw) < 3  # a column of three characters has no room for the stars
    if "*" in raw or mask == "address" or short or cut:
        return
    assert raw not in value, (mask, raw, value)


@pytest.mark.parametrize("declared", [*TEXTS, *VALUES])
@pytest.mark.parametrize("mask", MASKS)
def test_null_stays_null_for_every_mask_and_type(connection: Any, declared: str, mask: str) -> None:
    type = {**TEXTS, **VALUES}[declared]
    if declared == "public.checked":
        pytest.skip("the domain allows no NULL")
    assert connection.execute(f"SELECT {masked(mask, type)} FROM (SELECT NULL::{declared} AS v) q").fetchone() == (
        None,
    )


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("declared", VALUES)
def test_the_result_has_the_type_and_typmod_of_the_column(connection: Any, declared: str, mask: str) -> None:
    type = VALUES[declared]
    connection.execute(f"CREATE OR REPLACE TEMP VIEW raw AS SELECT NULL::{declared} AS v")
    connection.execute(f"CREATE TEMP VIEW shown AS SELECT {masked(mask, type)} AS v FROM raw")
    spelled = connection.execute(
        """SELECT format_type(atttypid, atttypmod) FROM pg_attribute
            WHERE attrelid IN ('raw'::regclass, 'shown'::regclass)"""
    ).fetchall()
    connection.execute("DROP VIEW shown; DROP VIEW raw")
    assert spelled == [(type.sql,), (type.sql,)]


DAYS = st.integers(-2451507, 2145031948)


@given(
    days=st.lists(DAYS, min_size=1, max_size=30),
    style=st.sampled_from(["ISO, DMY", "SQL, MDY", "German", "Postgres, YMD"]),
)
@quick
def test_any_date_becomes_its_year_or_nothing(connection: Any, days: list[int], style: str) -> None:
    connection.execute(f"SET datestyle = '{style}'")
    sql = masked("birth", VALUES["date"])
    rows = connection.execute(
        f"""SELECT extract(year from v)::int, extract(year from m)::int, extract(doy from m)::int
              FROM (SELECT v, {sql} AS m FROM (SELECT '2000-01-01'::date + d AS v FROM unnest(%s::int[]) d) q) q""",
        (days,),
    ).fetchall()
    connection.execute("RESET datestyle")
    for year, shown, day in rows:
        assert (shown, day) in ((year, 1), (None, None))
        assert (shown is None) == (not 1 <= year <= 9999) or year == 9999


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "XXX+167", "XXX-167"])
def test_the_year_does_not_depend_on_the_time_zone_of_the_session(connection: Any, zone: str) -> None:
    connection.execute(f"SET timezone = '{zone}'")
    sql = masked("birth", VALUES["timestamptz"])
    shown = connection.execute(
        f"SELECT extract(epoch FROM {sql}) FROM (SELECT '1990-12-31 23:00+00'::timestamptz AS v) q"
    ).fetchone()
    connection.execute("RESET timezone")
    assert shown == (631152000,)  # 1990-01-01 00:00 UTC


NUMBERS = {
    "int2": st.integers(-(2**15), 2**15 - 1),
    "int4": st.integers(-(2**31), 2**31 - 1),
    "int8": st.integers(-(2**63), 2**63 - 1),
    "numeric": st.decimals(),
    "numeric(12,2)": st.decimals("-9999999999.99", "9999999999.99", places=2),
    "numeric(23,20)": st.decimals("-999.99999999999999999999", "999.99999999999999999999", places=20),
    "numeric(3,5)": st.decimals("-0.00999", "0.00999", places=5),
    "numeric(5,-2)": st.integers(-99999, 99999).map(lambda n: n * 100),
    "float4": st.floats(width=32),
    "float8": st.floats(),
}


@pytest.mark.parametrize("declared", NUMBERS)
@given(data=st.data(), width=st.sampled_from([1, 7, 1000, 10**12]))
@quick
def test_any_number_falls_into_a_bucket_that_its_type_holds(
    connection: Any, declared: str, data: Any, width: int
) -> None:
    values = [str(n).replace("sNaN", "NaN") for n in data.draw(st.lists(NUMBERS[declared], min_size=1, max_size=20))]
    sql = masked("bucket", VALUES[declared], width=width)
    rows = connection.execute(
        f"""SELECT v::float8, m::float8, {sql.replace('"v"', "q.m")} = m, mod(m::numeric, {width}) FROM
             (SELECT v, {sql} AS m FROM (SELECT x::{declared} AS v FROM unnest(%s::text[]) x) q) q
             WHERE v::float8 NOT IN ('NaN', 'Infinity', '-Infinity')""",
        ([v for v in values if v.lower().lstrip("-") not in ("nan",)],),
    ).fetchall()
    for raw, shown, idempotent, _ in rows:
        if shown is None:
            assert abs(raw) >= 1e15
            continue
        # A real of 24 bits may round a multiple of the width to just below it.
        assert idempotent or declared == "float4"
        assert abs(shown) <= abs(raw) * (1 + 1e-6)
        assert abs(raw - shown) <= width * (1 + 1e-6) + abs(raw) * 1e-6


@given(values=texts)
@quick
def test_pseudonyms_join_over_texts_and_differ_between_classes(connection: Any, values: list[str]) -> None:
    pseudonym = Disclosure.PSEUDONYM
    text = mask_sql(pseudonym, None, "contact.phone", '"v"', TEXTS["text"], KEYS)
    other = mask_sql(pseudonym, None, "contact.email", '"v"', TEXTS["text"], KEYS)
    sized = mask_sql(pseudonym, None, "contact.phone", '"s"', TEXTS["varchar(20)"], KEYS)
    rows = connection.execute(
        f"""SELECT v, {text}, {other}, {sized} FROM (SELECT left(x, 20) AS v, left(x, 20)::varchar(20) AS s
              FROM unnest(%s::text[]) x) q""",
        (values,),
    ).fetchall()
    for raw, one, two, three in rows:
        if raw == "":
            assert (one, two, three) == ("", "", "")
            continue
        assert re.fullmatch("p_[0-9a-f]{24}", one)
        assert one != two
        assert one[:20] == three
    assert len({r[0] for r in rows}) == len({r[1] for r in rows})


def test_integers_and_uuids_get_positive_pseudonyms_of_their_type(connection: Any) -> None:
    for declared, value in (("int4", "-1"), ("int8", "42"), ("numeric(12,2)", "7.10"), ("numeric", "NaN")):
        sql = mask_sql(Disclosure.PSEUDONYM, None, "c", '"v"', VALUES[declared], KEYS)
        (shown,) = connection.execute(f"SELECT {sql} FROM (SELECT '{value}'::{declared} AS v) q").fetchone()
        assert shown >= 0
    sql = mask_sql(Disclosure.PSEUDONYM, None, "c", '"v"', VALUES["uuid"], KEYS)
    (made,) = connection.execute(f"SELECT {sql}::text FROM (SELECT gen_random_uuid() AS v) q").fetchone()
    assert len(made) == 36


SAMPLES = {
    "date": "1990-05-17",
    "timestamp(0)": "1990-05-17",
    "timestamptz": "1990-05-17",
    "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "inet": "10.1.2.3",
    "cidr": "10.1.2.0/24",
    "numeric(3,5)": "0.005",
}


def test_what_a_user_creates_under_the_same_names_changes_nothing(postgres: Any) -> None:
    database = postgres.create()
    expressions = {}
    for declared, type in {**TEXTS, **VALUES}.items():
        if type.domain:
            continue
        for mask in MASKS:
            if fits(Mask(mask), type) and mask != "withheld":
                column = '"' + declared + '"'
                expressions[f"{declared} {mask}"] = mask_sql(Disclosure.PARTIAL, Mask(mask), "c", column, type, KEYS)
    columns = ", ".join(
        f"'{SAMPLES.get(declared, '13812345678' if declared in TEXTS else '123')}'::{declared} AS \"{declared}\""
        for declared in {name.rsplit(" ", 1)[0]: None for name in expressions}
    )
    with psycopg.connect(database.dsn, autocommit=True, prepare_threshold=None) as connection:
        connection.execute(f"CREATE TABLE public.sample AS SELECT {columns}")
        query = f"SELECT {', '.join(expressions.values())} FROM public.sample"
        before = connection.execute(query).fetchone()
        create_evil_schema(connection, query)
        connection.execute("SET search_path = evil, public, pg_catalog")
        with pytest.raises(psycopg.errors.RaiseException, match="evil was called"):
            connection.execute('SELECT octet_length("text") FROM public.sample')
        assert connection.execute(query).fetchone() == before
    postgres.drop(database)


def test_columns_of_other_collations_and_of_extensions_keep_both(connection: Any) -> None:
    connection.execute("CREATE COLLATION public.own (provider = builtin, locale = 'C.UTF-8'); CREATE EXTENSION citext")
    types = {
        "own": ColumnType("character varying(20)", "varchar", 20, "public.own"),
        "bytes": ColumnType("text", "text", None, 'pg_catalog."C"'),
        "cased": ColumnType("public.citext", "citext"),
    }
    connection.execute(
        'CREATE TABLE public.collated (own varchar(20) COLLATE public.own, bytes text COLLATE "C", cased public.citext)'
    )
    connection.execute("INSERT INTO public.collated VALUES ('13812345678', 'zhang.san@example.com', '欧阳娜娜')")
    columns = [
        f"{mask_sql(Disclosure.PARTIAL, Mask(mask), 'c', name, type, KEYS)} AS {name}_{mask}"
        for mask in TEXT_MASKS
        for name, type in types.items()
    ]
    connection.execute(f"CREATE TABLE public.shown AS SELECT {', '.join(columns)} FROM public.collated")
    found = connection.execute(
        """SELECT DISTINCT split_part(attname, '_', 1), format_type(atttypid, atttypmod), collname FROM pg_attribute a
             JOIN pg_collation c ON c.oid = a.attcollation WHERE attrelid = 'public.shown'::regclass AND attnum > 0"""
    ).fetchall()
    assert sorted(found) == [
        ("bytes", "text", "C"),
        ("cased", "citext", "default"),
        ("own", "character varying(20)", "own"),
    ]
    shown = connection.execute("SELECT own_phone, bytes_email, cased_name FROM public.shown").fetchone()
    assert shown == ("138****5678", "z***@example.com", "欧阳**")
