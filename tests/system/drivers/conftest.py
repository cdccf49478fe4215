"""The demo company straight and through a gateway: every driver runs the same workload in both places."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from adapters.postgres.demo.load import fill
from adapters.postgres.demo.people import Company
from tests.support.gateway import Gateway
from tests.support.postgres import Database, Postgres


@dataclass(frozen=True)
class Place:
    """Where a driver connects, and what it must see there."""

    host: str
    port: int
    user: str
    password: str
    database: str
    veiled: bool
    phone: str
    """Stored phone number of the first customer."""

    @property
    def options(self) -> str:
        """Startup options: the purpose. PostgreSQL itself takes them too."""
        return "-c menshen.purpose=ticket_resolution"

    @property
    def dsn(self) -> str:
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"

    def shows(self, phone: object) -> bool:
        """Whether `phone`, as the driver read it, is what this place shows of the first customer's."""
        if self.veiled:
            return bool(re.fullmatch(r"\d{3}\*{4}\d{4}", str(phone))) and str(phone)[:3] == self.phone[:3]
        return phone == self.phone


@pytest.fixture(scope="module")
def company_database(postgres: Postgres) -> Iterator[Database]:
    database = postgres.create()
    # In a loop of its own: the fixture lives longer than the loop of a test.
    asyncio.run(fill(database.dsn, Company(3, 300, date.today())))
    try:
        yield database
    finally:
        postgres.drop(database)


@pytest.fixture(scope="module")
def gateway(company_database: Database) -> Iterator[Gateway]:
    with (
        tempfile.TemporaryDirectory(prefix="menshen-drivers-") as folder,
        Gateway(Path(folder), {"crm": company_database.dsn}, passwords={"crm_app": "a-password-of-tests"}) as running,
    ):
        yield running


@pytest.fixture(scope="module", params=["direct", "gateway"])
def place(request: pytest.FixtureRequest, company_database: Database) -> Place:
    ((phone,),) = company_database.execute("SELECT phone FROM crm.customers WHERE id = 1")
    if request.param == "direct":
        server = company_database.server
        return Place("127.0.0.1", server.port, "postgres", "trusted", company_database.name, False, phone)
    running: Gateway = request.getfixturevalue("gateway")
    return Place("127.0.0.1", running.port, "crm_app", running.passwords["crm_app"], "crm", True, phone)
