"""`menshen serve`: run the gateway until it is told to stop."""

from __future__ import annotations

import argparse

from gateway.commands.common import Subparsers, add_command, add_common, settings_of

TEXT = """Run the gateway in the foreground.

Signals: SIGTERM and SIGINT drain (no new clients, open transactions may end, then stop), a second one stops at once;
SIGHUP loads the policy bundle and the catalogues of the databases again. Log lines go to standard error.

examples:
  menshen serve                                  with ./menshen.toml
  menshen serve -c /etc/menshen/menshen.toml
  MENSHEN__HTTP__PORT=9090 menshen serve         any key can be set by a variable
"""


def register(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "serve", run, "run the gateway", TEXT)
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    from gateway.fleet.serve import serve

    return serve(settings_of(args), json_log=args.json)
