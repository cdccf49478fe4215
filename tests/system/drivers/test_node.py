"""node-postgres, from JavaScript."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.support.needs import need
from tests.system.drivers.conftest import Place

ROOT = Path(__file__).resolve().parents[3]
MODULES = ROOT / "var" / "node" / "node_modules"


def test_node_postgres_reads_writes_and_rolls_back(place: Place) -> None:
    node = shutil.which("node")
    need(node, "node")
    need((MODULES / "pg").is_dir(), "node's package pg")
    assert node is not None
    given = {
        "host": place.host,
        "port": place.port,
        "user": place.user,
        "password": place.password,
        "database": place.database,
        "options": place.options,
    }
    done = subprocess.run(
        [node, str(ROOT / "tests" / "node" / "workload.js")],
        input=json.dumps({"connection": given, "phone": place.phone}),
        env={**os.environ, "NODE_PATH": str(MODULES)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert place.shows(answer.pop("phone"))
    assert answer == {"id": 1, "prepared": 5, "inserted": 40, "afterRollback": 0, "pooled": 6, "usable": 1}
