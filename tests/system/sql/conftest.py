"""One company for all tests of statements: nothing here changes it but in a transaction that is rolled back."""

from __future__ import annotations

import pytest

from tests.support.postgres import Postgres
from tests.system.sql.company import Company, build


@pytest.fixture(scope="session")
def company(postgres: Postgres) -> Company:
    return build(postgres)
