"""`python -m tests.fuzz.coverage TARGET [CORPUS …] [-runs=N] [-max_total_time=S] …`: libFuzzer's arguments, through atheris.

Without a corpus it begins with the seeds (`seeds.py`) in a folder that is thrown away. A failure writes its input to
`crash-…`: once it is understood, it becomes a file in `found/TARGET`, which every run of the tests replays.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path

import atheris

STATEMENTS = ("text", "select")
LENGTHS = {"startup": 600, "messages": 600, "frames": 300, "sessions": 3000, "text": 400, "select": 120}
"""Bytes of an input; libFuzzer would take the longest seed's length."""


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    target, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=["adapters", "gateway"]):
        module = import_module("tests.fuzz.coverage." + ("statements" if target in STATEMENTS else "targets"))
        seeds = import_module("tests.fuzz.coverage.seeds")
    if target not in module.TARGETS:
        sys.exit(f"no target {target!r}; there are startup, messages, frames, sessions, {', '.join(STATEMENTS)}")
    folder = Path(
        tempfile.mkdtemp(prefix="menshen-fuzz-")
    )  # libFuzzer ends the process: nobody comes back to remove it
    if target == "text":
        (folder / "words").write_text(seeds.words(), "utf-8")
        arguments.append(f"-dict={folder / 'words'}")
    if all(one.startswith("-") for one in arguments):
        corpus = folder / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(seeds.seeds(target)):
            (corpus / f"seed-{number}").write_bytes(seed)
        arguments.append(str(corpus))
    if not any(one.startswith("-max_len=") for one in arguments):
        arguments.append(f"-max_len={LENGTHS[target]}")
    atheris.Setup([sys.argv[0], *arguments], module.TARGETS[target])
    atheris.Fuzz()


main()
