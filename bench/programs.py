"""pgbench and psql against a target."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bench.targets import DATABASE, USER, Target


class Programs:
    """The folder of PostgreSQL's programs, and the password of everybody."""

    def __init__(self, binaries: Path, password: str) -> None:
        self._binaries = binaries
        self._environment = {**os.environ, "PGPASSWORD": password, "PGUSER": USER, "PGDATABASE": DATABASE}

    def run(self, name: str, target: Target, *arguments: str, user: str = "") -> str:
        """The output. Raises RuntimeError with the program's errors."""
        command = [str(self._binaries / name), "-h", "127.0.0.1", "-p", str(target.port), *arguments]
        environment = {**self._environment, **({"PGUSER": user} if user else {})}
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if run.returncode:
            raise RuntimeError(f"{name} against {target.name} failed:\n{run.stderr[-1500:]}")
        return run.stdout

    def fill(self, direct: Target, scale: int, more: str = "") -> None:
        """pgbench's own tables, and what `more` makes."""
        self.run("pgbench", direct, "-i", "-q", "-s", str(scale))
        for statement in filter(str.strip, more.split(";")):
            self.run("psql", direct, "-qX", "-v", "ON_ERROR_STOP=1", "-c", statement)
