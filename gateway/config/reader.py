"""`menshen.toml`, `MENSHEN__…` variables and secret files → settings, with every mistake reported at once.

The reader knows no key by name: it walks the fields of `settings.py`. What a value means beyond its own type and
range is judged in `checks.py`.
"""

from __future__ import annotations

import dataclasses
import difflib
import enum
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.config.lines import Path as KeyPath
from gateway.config.lines import line_of
from gateway.config.settings import Secret
from gateway.errors import Problem


@dataclass(slots=True)
class Source:
    """The raw tree and where each part of it came from."""

    tree: dict[str, Any]
    file: str
    base: Path
    """Relative paths are relative to this folder."""
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    variables: dict[KeyPath, str] = field(default_factory=dict)
    """Paths that an environment variable has set, and its name."""
    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: KeyPath, message: str, remedy: str = "", severity: str = "error") -> None:
        variable = self.variables.get(path)
        if variable:
            self.problems.append(Problem(f"environment variable {variable}", 0, message, remedy, severity))
        else:
            self.problems.append(Problem(self.file, line_of(self.lines, path), message, remedy, severity))


class _InvalidError(Exception):
    """The value was refused and the problem is noted."""


def name_of(path: KeyPath) -> str:
    """`listen[0].port`: how a key is called in messages."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_table(cls: type[Any], raw: Any, path: KeyPath, source: Source) -> Any:
    """An instance of the settings class from a raw table; None when a problem of it was noted."""
    if not isinstance(raw, dict):
        source.problem(path, f"{name_of(path)} must be a table, not {_kind(raw)}")
        return None
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.metadata}
    secrets = {f"{name}_file" for name in fields if _is_secret(hints[name])}
    _refuse_unknown(raw, path, source, [*fields, *sorted(secrets)])
    values: dict[str, Any] = {}
    complete = True
    for name, spec in fields.items():
        try:
            found, value = _read_field(hints[name], spec, raw, (*path, name), source)
        except _InvalidError:
            complete = False
            continue
        if found:
            values[name] = value
        elif spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING:
            extra = f" (or {name}_file)" if _is_secret(hints[name]) else ""
            source.problem(path, f"{name_of((*path, name))} is missing", f"set {name}{extra}: {spec.metadata['doc']}")
            complete = False
        elif isinstance(spec.default, Path):
            values[name] = source.base / spec.default
        elif spec.default_factory is not dataclasses.MISSING and dataclasses.is_dataclass(hints[name]):
            # An absent table still has paths that must be made absolute.
            values[name] = read_table(typing.cast(type[Any], hints[name]), {}, (*path, name), source)
    return cls(**values) if complete else None


def _refuse_unknown(raw: dict[str, Any], path: KeyPath, source: Source, known: list[str]) -> None:
    for key in raw:
        if key not in known:
            guess = difflib.get_close_matches(key, known, 1, 0.6)
            remedy = f"did you mean {guess[0]!r}?" if guess else f"known keys: {', '.join(known)}"
            source.problem((*path, key), f"unknown key {name_of((*path, key))!r}", remedy)


def _read_field(
    hint: Any, spec: dataclasses.Field[Any], raw: dict[str, Any], path: KeyPath, source: Source
) -> tuple[bool, Any]:
    """Whether the key is there, and its value."""
    name = spec.name
    if _is_secret(hint):
        return _read_secret(raw, path, source)
    if name not in raw:
        return False, None
    return True, _convert(hint, raw[name], path, source, spec.metadata)


def _read_secret(raw: dict[str, Any], path: KeyPath, source: Source) -> tuple[bool, Any]:
    name = str(path[-1])
    file_path: KeyPath = (*path[:-1], f"{name}_file")
    given = [key for key in (name, f"{name}_file") if raw.get(key) not in (None, "")]
    # A variable overrides the file's key, whichever of the two spellings each of them uses.
    from_environment = [key for key in given if (*path[:-1], key) in source.variables]
    if len(given) == 2 and len(from_environment) == 1:
        given = from_environment
    if len(given) == 2:
        source.problem(path, f"both {name} and {name}_file are set", "keep one of them")
        raise _InvalidError
    if not given:
        return False, None
    value = raw[given[0]]
    if not isinstance(value, str):
        source.problem((*path[:-1], given[0]), f"{given[0]} must be a text, not {_kind(value)}")
        raise _InvalidError
    return True, Secret(value) if given[0] == name else _read_secret_file(value, file_path, source)


def _read_secret_file(value: str, path: KeyPath, source: Source) -> Secret:
    file = source.base / value
    try:
        text = file.read_text("utf-8").strip()
        mode = file.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        source.problem(path, f"{name_of(path)}: {file} cannot be read: {reason}", "check the path and its owner")
        raise _InvalidError from None
    if not text:
        source.problem(path, f"{name_of(path)}: {file} is empty", "write the secret into it")
        raise _InvalidError
    if mode & 0o007:
        source.problem(path, f"{name_of(path)}: {file} is open to every user", f"chmod 600 {file}", "warning")
    return Secret(text)


def _is_secret(hint: Any) -> bool:
    return hint is Secret or Secret in typing.get_args(hint)


def _kind(value: Any) -> str:
    names = {bool: "true/false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a table"}
    return names.get(type(value), type(value).__name__)


def _convert(hint: Any, value: Any, path: KeyPath, source: Source, metadata: Mapping[str, Any]) -> Any:
    origin = typing.get_origin(hint)
    if origin is tuple:
        inner = typing.get_args(hint)[0]
        return _read_texts(value, path, source) if inner is str else _read_list(inner, value, path, source)
    if origin in (Mapping, typing.get_origin(Mapping[str, int])):
        return _read_named(typing.get_args(hint)[1], value, path, source)
    if origin in (typing.Union, types.UnionType):  # `Path | None`: an empty text is as good as absent
        if value == "":
            return None
        hint = next(arg for arg in typing.get_args(hint) if arg is not type(None))
    if dataclasses.is_dataclass(hint):
        table = read_table(typing.cast(type[Any], hint), value, path, source)
        if table is None:
            raise _InvalidError
        return table
    if path in source.variables and isinstance(value, str):
        value = _from_variable(hint, value)
    return _scalar(hint, value, path, source, metadata)


def _read_list(cls: type[Any], value: Any, path: KeyPath, source: Source) -> tuple[Any, ...]:
    if isinstance(value, dict):  # MENSHEN__LISTEN__0__PORT where the file has no [[listen]]
        value = [value[key] for key in sorted(value)]
    if not isinstance(value, list):
        source.problem(path, f"{name_of(path)} must be a list of tables", f"write [[{name_of(path)}]]")
        raise _InvalidError
    items = [read_table(cls, item, (*path, index), source) for index, item in enumerate(value)]
    if None in items:
        raise _InvalidError
    return tuple(items)


def _read_texts(value: Any, path: KeyPath, source: Source) -> tuple[str, ...]:
    if path in source.variables and isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        source.problem(path, f"{name_of(path)} must be a list of texts", f'write {path[-1]} = ["one", "two"]')
        raise _InvalidError
    return tuple(value)


def _read_named(cls: type[Any], value: Any, path: KeyPath, source: Source) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        source.problem(path, f"{name_of(path)} must hold tables", f"write [{name_of(path)}.NAME]")
        raise _InvalidError
    items = {str(name): read_table(cls, item, (*path, name), source) for name, item in value.items()}
    if None in items.values():
        raise _InvalidError
    return types.MappingProxyType(items)


def _from_variable(hint: Any, text: str) -> Any:
    """The value that a variable's text stands for; the text itself where it stands for none (`_scalar` refuses it)."""
    try:
        if hint is bool:
            return {"true": True, "false": False, "1": True, "0": False}.get(text.lower(), text)
        if hint in (int, float):
            return hint(text)
    except ValueError:
        pass
    return text


def _scalar(hint: Any, value: Any, path: KeyPath, source: Source, metadata: Mapping[str, Any]) -> Any:
    name = name_of(path)
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return _choice(hint, value, path, source)
    if hint in (int, float):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or _has_fraction(hint, value):
            wanted = "a whole number" if hint is int else "a number"
            unit = f" of {metadata['unit']}" if metadata.get("unit") else ""
            source.problem(path, f"{name} must be {wanted}{unit}, not {value!r}")
            raise _InvalidError
        return hint(_in_range(value, path, source, metadata))
    if hint is bool and isinstance(value, bool):
        return value
    if isinstance(value, str) and hint in (str, Path):
        if hint is Path and not value:
            source.problem(path, f"{name} is empty", "name a path")
            raise _InvalidError
        return value if hint is str else source.base / value
    wanted = {bool: "true or false", str: "a text", Path: "a path"}.get(hint, str(hint))
    source.problem(path, f"{name} must be {wanted}, not {_kind(value)}")
    raise _InvalidError


def _has_fraction(hint: Any, value: float) -> bool:
    return hint is int and isinstance(value, float) and not value.is_integer()


def _choice(hint: type[enum.StrEnum], value: Any, path: KeyPath, source: Source) -> enum.StrEnum:
    choices = [member.value for member in hint]
    if value not in choices:
        guess = difflib.get_close_matches(str(value), choices, 1, 0.6)
        tail = f"; did you mean {guess[0]!r}?" if guess else ""
        known = ", ".join(repr(choice) for choice in choices)
        source.problem(path, f"{name_of(path)} cannot be {value!r}", f"one of {known}{tail}")
        raise _InvalidError
    return hint(value)


def _in_range(value: float, path: KeyPath, source: Source, metadata: Mapping[str, Any]) -> float:
    low, high = metadata.get("minimum"), metadata.get("maximum")
    # `not (a <= b)` and not `a > b`: nan fits nowhere.
    if (low is not None and not value >= low) or (high is not None and not value <= high) or value == float("inf"):
        bounds = f"at least {low:g}" if high is None else f"between {low:g} and {high:g}"
        source.problem(path, f"{name_of(path)} is {value!r}, it must be {bounds}")
        raise _InvalidError
    return value
