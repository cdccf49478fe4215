"""The Django ORM, in a process of its own since its settings are for the whole process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.system.drivers.conftest import Place

WORKLOAD = Path(__file__).with_name("django_workload.py")


def test_the_orm_reads_writes_and_rolls_back(place: Place) -> None:
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": place.host,
        "PORT": str(place.port),
        "NAME": place.database,
        "USER": place.user,
        "PASSWORD": place.password,
        "OPTIONS": {"options": place.options},
    }
    done = subprocess.run(
        [sys.executable, str(WORKLOAD)],
        input=json.dumps({"database": database, "phone": place.phone}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert place.shows(answer.pop("phone"))
    assert answer == {
        "id": 1,
        "tickets": True,
        "grouped": True,
        "bulk": 25,
        "after_rollback": 0,
        "locked": 1,
        "iterated": True,
        "tables": True,
    }
