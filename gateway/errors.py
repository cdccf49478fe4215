"""The errors of the gateway: few, typed, each says whose fault it is and what to do.

`MenshenError` carries text that is safe to show to a client: it never holds a data value or a secret. The SQLSTATE is
that of PostgreSQL's appendix A ("PostgreSQL Error Codes"), which other adapters map to their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class MenshenError(Exception):
    """An error with an SQLSTATE, a message that is safe to show, and a hint that tells what to do."""

    sqlstate = "XX000"
    http_status = 500

    def __init__(
        self, message: str, *, hint: str = "", detail: str = "", sqlstate: str = "", position: int = 0
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail
        self.position = position
        """1-based character position in the client's own text; 0 where there is none."""
        if sqlstate:
            self.sqlstate = sqlstate


class Denied(MenshenError):
    """The rules, or the absence of a rule, do not allow this."""

    sqlstate = "42501"
    http_status = 403


class PurposeRefused(Denied):
    """The purpose is unknown, or the principal's department may not pursue it."""


class Unsupported(MenshenError):
    """The gateway does not understand this, so it does not forward it."""

    sqlstate = "0A000"
    http_status = 501


class AuthenticationFailed(MenshenError):
    """Wrong user, wrong password, no certificate: all look the same to the client."""

    sqlstate = "28P01"
    http_status = 401


class ProtocolViolation(MenshenError):
    """The peer sent bytes that the protocol does not allow; the connection ends."""

    sqlstate = "08P01"
    http_status = 400


class UpstreamUnavailable(MenshenError):
    """The database cannot be reached, refuses the gateway, or has no connection left."""

    sqlstate = "08006"
    http_status = 503


class TrailUnavailable(MenshenError):
    """A record could not be made durable: no trail, no data."""

    sqlstate = "58030"
    http_status = 503


class StartError(MenshenError):
    """The gateway cannot start as it is set up."""

    sqlstate = "F0000"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a file: where it is, what it is, what to do about it."""

    file: str
    line: int
    """1-based; 0 where the problem belongs to the file as a whole."""
    message: str
    remedy: str = ""
    severity: str = "error"
    """`error` stops a start or a reload; `warning` does not."""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        tail = f"\n    remedy: {self.remedy}" if self.remedy else ""
        return f"{where}: {self.severity}: {self.message}{tail}"


class ProblemsFound(MenshenError):
    """A configuration or a bundle has mistakes; all of them are reported at once."""

    sqlstate = "F0000"
    http_status = 422

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(p) for p in self.problems))
