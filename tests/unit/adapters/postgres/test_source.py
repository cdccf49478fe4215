"""What goes wrong with a database is told without addresses, names and passwords."""

from __future__ import annotations

import ssl

import asyncpg
import pytest

from adapters.postgres.source import PostgresSource, reason_of
from gateway.config import Secret
from gateway.errors import UpstreamUnavailable


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (asyncpg.InvalidPasswordError('password authentication failed for user "menshen"'), "password"),
        (asyncpg.InvalidCatalogNameError('database "crm" does not exist'), "does not exist"),
        (asyncpg.TooManyConnectionsError("x"), "no connection left"),
        (asyncpg.CannotConnectNowError("x"), "starting"),
        (asyncpg.DivisionByZeroError("13800138000"), "SQLSTATE 22012"),
        (ConnectionRefusedError(111, "10.0.0.9"), "nothing listens"),
        (TimeoutError(), "in time"),
        (ssl.SSLError("db.internal"), "TLS"),
        (ValueError("invalid DSN postgresql://menshen:hush@db.internal"), "dsn"),
        (OSError("db.internal"), "no connection"),
    ],
)
def test_reasons(error: Exception, part: str) -> None:
    reason = reason_of(error)
    assert part in reason
    for secret in ("menshen", "hush", "10.0.0.9", "db.internal", "13800138000", '"crm"'):
        assert secret not in reason


@pytest.mark.parametrize("dsn", ["postgresql://u:hush@127.0.0.1:1/d", "postgresql://u:hush@127.0.0.1:x/d", "nonsense"])
async def test_every_failure_is_one_kind_of_error(dsn: str) -> None:
    source = PostgresSource(Secret(dsn), 2.0)
    for ask in (source.read, source.ping):
        with pytest.raises(UpstreamUnavailable) as caught:
            await ask()
        assert "hush" not in caught.value.message
    await source.close()
