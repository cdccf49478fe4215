"""Structured logging: one line for each event, for a terminal or as JSON for a collector.

`event(logger, level, name, message, **fields)` is the only way in. Fields hold names, numbers and states: never a
secret, never a value from a statement or a row.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

_FIELDS = "menshen_fields"
_EVENT = "menshen_event"
_TRACE = "menshen_traceback"


def event(
    logger: logging.Logger, level: int, name: str, message: str, /, *, exc_info: bool = False, **fields: Any
) -> None:
    """Log one event. `name` is a stable word for machines (`policy_loaded`), `message` a sentence for people.

    `exc_info` adds the traceback of the current exception: for defects of the gateway only, since an exception of
    a driver can quote data.
    """
    logger.log(level, "%s", message, exc_info=exc_info, extra={_EVENT: name, _FIELDS: fields})


def failed(logger: logging.Logger, message: str, exc: BaseException) -> None:
    """Log a defect of the gateway with the way that led to it. The exception's own text is left out: it may quote a
    statement or a value."""
    way = "".join(traceback.format_tb(exc.__traceback__)).rstrip()
    logger.error(
        "%s", message, extra={_EVENT: "defect", _FIELDS: {"error": type(exc).__qualname__}, _TRACE: way}
    )  # fmt: skip


class JsonFormatter(logging.Formatter):
    """`{"time":…, "level":…, "logger":…, "event":…, "message":…, <fields>}`"""

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": getattr(record, _EVENT, "log"),
            "message": record.getMessage(),
        }
        document.update(getattr(record, _FIELDS, {}))
        if way := self._way(record):
            document["traceback"] = way
        return json.dumps(document, ensure_ascii=False, default=str)

    def _way(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else getattr(record, _TRACE, "")


class HumanFormatter(logging.Formatter):
    """`12:00:01 INFO  message  field=value`: control characters are escaped, an event stays on its line."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, _FIELDS, {})
        tail = "".join(f"  {key}={value}" for key, value in fields.items())
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        line = f"{clock} {record.levelname:<7} {record.getMessage()}{tail}"
        line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
        way = self.formatException(record.exc_info) if record.exc_info else getattr(record, _TRACE, "")
        return f"{line}\n{way}" if way else line


class _Named(logging.Filter):
    """Says which of several processes speaks."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__[_FIELDS] = {**getattr(record, _FIELDS, {}), "process": self._process}
        return True


def configure(fmt: str, level: str, stream: TextIO | None = None, *, process: str = "") -> None:
    """Send every logger of the process to `stream` (standard error). `fmt` is `json` or `human`."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if fmt == "json" else HumanFormatter())
    if process:
        handler.addFilter(_Named(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # casbin logs the values of requests, asyncio.debug and aiohttp.access the addresses: none of it is ours to log.
    for name in ("casbin", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
