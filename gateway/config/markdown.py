"""The configuration reference as Markdown, made from the fields of the settings."""

from __future__ import annotations

import dataclasses
import enum
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.config.settings import Secret, Settings

_HEAD = """# Configuration

<!-- Made by `python -m gateway.config --markdown`. Do not edit: a test holds it equal to the code. -->

The gateway reads one TOML file: the one named by `-c`, otherwise `./menshen.toml`, then `/etc/menshen/menshen.toml`.
Relative paths are relative to the file's folder. Unknown keys, wrong types and values out of range are errors, reported
all at once with their line and what to do; nothing starts until they are mended. `menshen check` tells them, too.

Every key can also be set by an environment variable, which wins over the file: `MENSHEN__` and the names of the path
with two underscores between them, for example `MENSHEN__HTTP__PORT=9090`, `MENSHEN__LISTEN__0__PORT=6543`,
`MENSHEN__DATABASES__CRM__DSN=…`. Secrets (🔑) can be read from a file: append `_file` to the key, as in
`dsn_file = "/run/secrets/crm_dsn"` or `MENSHEN__DATABASES__CRM__DSN_FILE=…`. Secrets are never logged or shown.
"""


def markdown() -> str:
    """The whole of docs/configuration.md."""
    return _HEAD + "".join(_tables(Settings, ""))


def _tables(cls: type[Any], prefix: str) -> Iterator[str]:
    hints = typing.get_type_hints(cls)
    nested: list[tuple[str, type[Any], str]] = []
    rows: list[str] = []
    for field in dataclasses.fields(cls):
        if not field.metadata:
            continue
        kind, inner, path = _shape(hints[field.name], prefix, field.name)
        if inner is None:
            rows.append(_row(field, hints[field.name]))
        else:
            nested.append((kind.format(path), inner, field.metadata["doc"]))
    if rows:
        yield "\n| key | meaning | unit | default |\n|---|---|---|---|\n" + "".join(rows)
    for heading, inner, doc in nested:
        yield f"\n## `{heading}`\n\n{doc}\n"
        yield from _tables(inner, heading.strip("[]"))


def _shape(hint: Any, prefix: str, name: str) -> tuple[str, type[Any] | None, str]:
    """The spelling of a table's header, its settings class (None for a plain value), and its path."""
    path = f"{prefix}.{name}" if prefix else name
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple and arguments[0] is not str:
        return "[[{}]]", arguments[0], path
    if arguments and typing.get_origin(hint) is typing.get_origin(Mapping[str, int]):
        return "[{}.NAME]", arguments[1], path
    if dataclasses.is_dataclass(hint):
        return "[{}]", typing.cast(type[Any], hint), path
    return "", None, path


def _row(field: dataclasses.Field[Any], hint: Any) -> str:
    secret = hint is Secret or Secret in typing.get_args(hint)
    doc = field.metadata["doc"]
    if field.metadata["example"]:
        doc += f" Example: `{field.metadata['example']}`."
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        doc += f" One of {', '.join(f'`{member.value}`' for member in hint)}."
    name = f"`{field.name}`{' 🔑' if secret else ''}"
    return f"| {name} | {doc} | {field.metadata['unit'] or '–'} | {_default(field)} |\n"


def _default(field: dataclasses.Field[Any]) -> str:
    value = field.default
    if value is dataclasses.MISSING:
        return "required"
    if value is None or value == "" or value == ():
        return "none"
    if isinstance(value, enum.StrEnum | str | Path):
        return f'`"{value}"`'
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
