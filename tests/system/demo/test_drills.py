"""The whole demo, with its gateway: every drill is found and paged, and the demo prints the page."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands.drill import KINDS

_MENSHEN = (sys.executable, "-m", "gateway.cli")


@pytest.fixture(scope="module")
def demo() -> Iterator[tuple[str, Path]]:
    """The drill's line as the demo printed it, and the file of all that it prints."""
    with tempfile.TemporaryDirectory(prefix="menshen-demo-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        arguments = ("demo", "--customers", "2000", "--port", "0", "--http-port", "0", "--json")
        with (
            open(folder / "said", "w", encoding="utf-8") as said,
            subprocess.Popen(
                (*_MENSHEN, *arguments, "--state-dir", str(folder / "state")),
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            ) as process,
        ):
            assert process.stdout is not None
            document = json.loads(process.stdout.readline())
            try:
                yield next(one["command"] for one in document["tools"] if " drill " in one["command"]), folder / "said"
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(30)


def _menshen(line: str) -> str:
    """Run a line of the demo; gives what it prints."""
    done = subprocess.run((*_MENSHEN, *shlex.split(line)[1:]), capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_drill_is_paged(demo: tuple[str, Path], kind: str) -> None:
    line, said = demo
    if kind == "honey":
        config = line.split(" -c ")[1].split()[0]
        _menshen(f"menshen honey plant -c {config} --table crm.customers --count 1")
    report = json.loads(_menshen(line.replace("bulk-export", kind) + " --json"))
    assert (report["passed"], report["routes"]) == (True, ["oncall"])
    name = report["incidents"][0]["name"]
    pages = [one for one in said.read_text("utf-8").splitlines() if one.startswith("paged: ")]
    assert any(re.match(rf"paged: \[DRILL\] \[\w+\] {name} (?!C)", page) for page in pages), pages
    print({step: report[f"seconds_to_{step}"] for step in ("detect", "page", "contain")})
