"""A client that varies everything it can choose does not make the series grow."""

from __future__ import annotations

import contextlib
import secrets

import psycopg

from tests.support.gateway import Gateway

ROUNDS = 150


def series(gateway: Gateway) -> int:
    return sum(1 for line in gateway.http("/metrics")[1].splitlines() if line and not line.startswith("#"))


def attack(gateway: Gateway, rounds: int) -> None:
    """Names, purposes, databases, users, statements, SQLSTATEs: each time others."""
    for number in range(rounds):
        word = f"w{secrets.token_hex(6)}"
        for dsn in (
            gateway.dsn(word).replace(f"{word}:", f"{word}:guess"),
            gateway.dsn("support_app", database=word),
            gateway.dsn("support_app", purpose=word),
        ):
            with contextlib.suppress(psycopg.Error):
                psycopg.connect(dsn, application_name=word).close()
        with psycopg.connect(gateway.dsn("auditor"), application_name=word, autocommit=True) as connection:
            for statement in (
                f"/* menshen: purpose={word} actor={word} */ SELECT 1",
                f"SET menshen.purpose = '{word}'",
                f"SET menshen.actor = '{word}'",
                f"SET application_name = '{word}'",
                f"SELECT 1 AS {word}",
                f"SELECT * FROM {word}.{word}",
                f"SELECT {word}('{word}')",
                f"PREPARE {word} AS SELECT {number}",
                f"DO $$BEGIN RAISE EXCEPTION '{word}' USING ERRCODE = 'Z{number:04d}'; END$$",
                f"LISTEN {word}",
                f"{word} {word}",
            ):
                with contextlib.suppress(psycopg.Error):
                    connection.execute(statement.encode())


def test_an_attack_on_every_label_leaves_the_number_of_series_bounded(gateway: Gateway) -> None:
    before = series(gateway)
    attack(gateway, 10)
    learned = series(gateway)
    attack(gateway, ROUNDS)
    after = series(gateway)
    print(f"\nseries: {before} at the start, {learned} after 10 rounds, {after} after {ROUNDS} more")
    assert after - learned <= 5
    text = gateway.http("/metrics")[1]
    assert after < 1000
    assert 'purpose="w' not in text
    assert 'database="w' not in text
