"""What the commands share: exit codes, the `-c` and `--json` options, and how problems are shown."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

from gateway.config import Settings, load
from gateway.errors import Problem, ProblemsFound

GOOD, FINDING, USAGE = 0, 1, 2

Run: TypeAlias = Callable[[argparse.Namespace], int]
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(subparsers: Subparsers, name: str, run: Run, help_text: str, text: str) -> argparse.ArgumentParser:
    """A command whose `--help` shows `text` (what it does, then examples) as it is written."""
    parser = subparsers.add_parser(
        name, help=help_text, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(run=run)
    return parser


def add_common(parser: argparse.ArgumentParser, *, config: bool = True) -> None:
    """`--json` and, where the command reads the configuration, `-c`."""
    if config:
        parser.add_argument(
            "-c",
            "--config",
            type=Path,
            metavar="FILE",
            help="configuration (default: ./menshen.toml, then /etc/menshen/menshen.toml)",
        )
    parser.add_argument("--json", action="store_true", help="answer as JSON, for programs")


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that `-c` names; raises ProblemsFound."""
    config: Path | None = args.config
    return load(config)


def problem_document(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(problem) for problem in problems]


def show_problems(found: ProblemsFound, *, as_json: bool) -> None:
    """All problems: as text to standard error, as JSON to standard output."""
    if as_json:
        print_json({"problems": problem_document(found.problems)})
        return
    for problem in found.problems:
        sys.stderr.write(f"{problem}\n")


def print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n")
