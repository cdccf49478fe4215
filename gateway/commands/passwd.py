"""`menshen passwd`: a SCRAM verifier for principals.yaml, from a password that never stands on a command line."""

from __future__ import annotations

import argparse
import base64
import getpass
import secrets
import sys

import scramp

from gateway.commands.common import GOOD, USAGE, Subparsers, add_command, add_common, print_json

TEXT = """Make the SCRAM-SHA-256 verifier that stands for a password in principals.yaml.

The password is asked for twice at a terminal, or read as one line from standard input; it cannot be given as an
argument, where other users of the machine could read it. The verifier is not the password, yet keep it private.

examples:
  menshen passwd
  openssl rand -base64 24 | tee /run/secrets/crm_app | menshen passwd
  menshen passwd --generate          make a password, too, and show both
"""


def register(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "passwd", run, "make the verifier of a password", TEXT)
    parser.add_argument("--generate", action="store_true", help="make a random password and show it once")
    parser.add_argument(
        "--iterations", type=int, default=4096, metavar="N", help="rounds of PBKDF2 (default 4096, at least that)"
    )
    add_common(parser, config=False)


def verifier(password: str, *, iterations: int = 4096, salt: bytes | None = None) -> str:
    """`SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, as PostgreSQL stores it (RFC 5803)."""
    salt = secrets.token_bytes(16) if salt is None else salt
    mechanism = scramp.ScramMechanism("SCRAM-SHA-256")
    salt, stored, server, iterations = mechanism.make_auth_info(password, iteration_count=iterations, salt=salt)
    text = [base64.b64encode(part).decode("ascii") for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{text[0]}${text[1]}:{text[2]}"


def run(args: argparse.Namespace) -> int:
    if not 4096 <= args.iterations <= 10_000_000:
        sys.stderr.write("menshen passwd: --iterations must be between 4096 and 10000000\n")
        return USAGE
    password = secrets.token_urlsafe(24) if args.generate else _ask()
    if not password:
        sys.stderr.write("menshen passwd: no password, or the two were not equal\n")
        return USAGE
    made = verifier(password, iterations=args.iterations)
    shown = {"password": password, "verifier": made} if args.generate else {"verifier": made}
    if args.json:
        print_json(shown)
    elif args.generate:
        sys.stdout.write(f"password: {password}\nverifier: {made}\n")
    else:
        sys.stdout.write(f"{made}\n")
    return GOOD


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("password: ")
    return first if first == getpass.getpass("once more: ") else ""
