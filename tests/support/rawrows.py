"""What PostgreSQL answers, as the text that it sends: names and values, without a driver's idea of types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg


@dataclass(frozen=True)
class Answer:
    """`sqlstate` of an error, or names and rows, sorted."""

    names: tuple[str, ...] = ()
    rows: tuple[tuple[bytes | None, ...], ...] = ()
    sqlstate: str = ""
    message: str = ""

    def same(self, other: Answer, *, rows: bool = True) -> bool:
        """Whether both say the same, or both fail. `rows=False`: only as much, of whatever rows."""
        if self.sqlstate or other.sqlstate:
            return bool(self.sqlstate and other.sqlstate)
        if not rows:
            return self.names == other.names
        return (self.names, self.rows) == (other.names, other.rows)


def ask(connection: psycopg.Connection[Any], sql: str) -> Answer:
    """One statement over the simple protocol."""
    result = connection.pgconn.exec_(sql.encode())
    failed = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
    if failed is not None:
        return Answer(sqlstate=failed.decode(), message=result.error_message.decode(errors="replace"))
    width = range(result.nfields)
    names = tuple((result.fname(c) or b"").decode() for c in width)
    rows = [tuple(result.get_value(r, c) for c in width) for r in range(result.ntuples)]
    return Answer(names, tuple(sorted(rows, key=lambda row: [(v is None, v or b"") for v in row])))
