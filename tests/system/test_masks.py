"""Every example of every mask, and arbitrary texts, against a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from adapters.postgres.sql.masks import PseudonymKeys, mask_sql
from gateway.model import Disclosure, Mask
from gateway.policy.masks import MASKS, Example
from tests.system.masksupport import column_type

KEYS = PseudonymKeys(b"a secret of the tests, not of a deployment")
EXAMPLES = [(name, example) for name, info in MASKS.items() for example in info.examples]


@pytest.fixture(scope="module")
def connection(postgres: Any) -> Iterator[Any]:
    database = postgres.create()
    with psycopg.connect(database.dsn, autocommit=True, prepare_threshold=None) as made:
        made.execute("SET timezone = 'UTC'")
        yield made
    postgres.drop(database)


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_example_holds_on_the_database(connection: Any, name: str, example: Example) -> None:
    connection.execute("DROP TABLE IF EXISTS public.example")
    connection.execute(f"CREATE TABLE public.example (v {example.type})")
    connection.execute(f"INSERT INTO public.example VALUES (%s::text::{example.type})", (example.raw,))
    type = column_type(connection, "public.example", "v")
    sql = mask_sql(Disclosure.PARTIAL, Mask(name, example.options), "class", '"v"', type, KEYS)

    connection.execute(f"CREATE VIEW public.masked AS SELECT {sql} AS v FROM public.example")
    try:
        shown = connection.execute(
            "SELECT CASE WHEN v IS NOT NULL THEN format('%s', v) END FROM public.masked"
        ).fetchone()
        same = connection.execute(
            """SELECT count(DISTINCT (atttypid, atttypmod, attcollation)) FROM pg_attribute
                WHERE attrelid IN ('public.example'::regclass, 'public.masked'::regclass) AND attnum = 1"""
        ).fetchone()
    finally:
        connection.execute("DROP VIEW public.masked")
    assert shown == (example.masked,)
    assert same == (1,)
