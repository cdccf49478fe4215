"""`menshen`: the commands, thin. Exit codes: 0 good, 1 a finding, 2 a usage or set-up error."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from gateway import __version__
from gateway.commands import check, demo, drill, explain, honey, incident, install, passwd, serve, trail
from gateway.commands.common import GOOD, USAGE, show_problems
from gateway.errors import MenshenError, ProblemsFound

TEXT = """Menshen (门神): a policy-as-code access gateway for customer databases.

Applications connect to Menshen instead of the database. It shows each of them what the rules of the policy bundle
disclose for the declared purpose, and writes a durable record before any row leaves.

first steps:
  menshen demo                        a company's database, a gateway before it, lines to paste
  menshen check -c menshen.toml       is the set-up sound? every problem, with file, line and remedy
  menshen serve -c menshen.toml       run the gateway
  menshen COMMAND --help              what a command does, with examples

Exit codes: 0 good, 1 a finding, 2 a usage or set-up error.
"""


def parser() -> argparse.ArgumentParser:
    """The command line of all commands."""
    top = argparse.ArgumentParser(
        prog="menshen", description=TEXT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--version", action="version", version=f"menshen {__version__}")
    subparsers = top.add_subparsers(title="commands", metavar="COMMAND")
    for command in (demo, check, install, serve, explain, trail, incident, honey, drill, passwd):
        command.register(subparsers)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    args = parser().parse_args(argv)
    if not hasattr(args, "run"):
        parser().print_help()
        return USAGE
    try:
        return int(args.run(args))
    except ProblemsFound as found:
        show_problems(found, as_json=args.json)
        return USAGE
    except MenshenError as error:
        sys.stderr.write(f"menshen: {error.message}\n" + (f"    {error.hint}\n" if error.hint else ""))
        return USAGE
    except BrokenPipeError:  # `menshen … | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return GOOD
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
