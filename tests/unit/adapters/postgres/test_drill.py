"""A breach that cannot be made says why, without the password; what it does when it can is tested through the gateway."""

from __future__ import annotations

import pytest

from adapters.postgres.drill import Breach, DrillFailed, _quoted, account_of

TARGET = {"table": "crm.customers", "key": "id", "planted": "7", "direct": "", "hold": 1.0}


@pytest.mark.parametrize(
    ("dsn", "account"),
    [
        ("postgresql://bi_reader:p@h:1/crm", "bi_reader"),
        ("postgresql://%E5%BC%A0%40x:p@h/crm", "张@x"),
        ("postgresql://h/crm", ""),
    ],
)
def test_the_account_of_a_dsn(dsn: str, account: str) -> None:
    assert account_of(dsn) == account


def test_names_are_quoted() -> None:
    assert _quoted('crm.a"b.c') == '"crm"."a""b.c"'


@pytest.mark.parametrize("kind", ["bulk-export", "scrape", "honey", "stolen-credential", "bypass"])
async def test_a_gateway_that_is_not_there(kind: str) -> None:
    dsn = "postgresql://bi_reader:a-secret@127.0.0.1:1/crm"
    breach = Breach(dsn, "d1")
    with pytest.raises(DrillFailed, match="could not be made") as failed:
        await breach.run(kind, **{**TARGET, "direct": dsn})  # type: ignore[arg-type]
    assert "a-secret" not in str(failed.value)
    assert not await breach.is_refused(), "nobody refused it: there is nobody"
    await breach.close()
