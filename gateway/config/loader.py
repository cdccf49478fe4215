"""Find the configuration, merge the environment into it, and give settings or every problem of it."""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.config.checks import check
from gateway.config.lines import Path as KeyPath
from gateway.config.lines import key_lines
from gateway.config.reader import Source, read_table
from gateway.config.settings import Settings
from gateway.errors import Problem, ProblemsFound

PREFIX = "MENSHEN__"
SEARCHED = (Path("menshen.toml"), Path("/etc/menshen/menshen.toml"))


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings from `path` (else the first of `SEARCHED`) and the `MENSHEN__…` variables.

    Raises ProblemsFound with every mistake. Without a file the variables alone will do, as in a container.
    """
    environ = os.environ if environ is None else environ
    source = _read_source(_find(path, environ))
    _overlay(source, environ)
    settings: Settings | None = read_table(Settings, source.tree, (), source)
    if settings is not None:
        check(settings, source)
    if settings is None or any(p.severity == "error" for p in source.problems):
        raise ProblemsFound(source.problems)
    file = Path(source.file) if source.lines else None
    return dataclasses.replace(settings, source=file, warnings=tuple(sorted(source.problems)))


def _find(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    if path is not None:
        return path
    for candidate in SEARCHED:
        if candidate.is_file():
            return candidate
    if any(name.startswith(PREFIX) for name in environ):
        return None
    looked = " and ".join(str(p) for p in SEARCHED)
    raise ProblemsFound([Problem("menshen.toml", 0, f"no configuration: looked for {looked}", "name it with -c FILE")])


def _read_source(path: Path | None) -> Source:
    if path is None:
        return Source({}, "environment", Path.cwd())
    file = str(path)
    try:
        text = path.read_text("utf-8")
        tree = tomllib.loads(text)
    except OSError as error:
        raise ProblemsFound([Problem(file, 0, f"cannot be read: {error.strerror}", "check the path")]) from None
    except UnicodeDecodeError:
        raise ProblemsFound([Problem(file, 0, "is not UTF-8", "save it as UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        # tomllib's messages name positions, never values.
        raise ProblemsFound([Problem(file, int(at.group(1)) if at else 0, f"is not TOML: {error}")]) from None
    return Source(tree, file, path.resolve().parent, key_lines(text))


def _overlay(source: Source, environ: Mapping[str, str]) -> None:
    """Put each `MENSHEN__A__B` at `a.b` of the tree; a name matches the file's spelling whatever its case."""
    for variable in sorted(environ):
        if not variable.startswith(PREFIX):
            continue
        parts = variable.removeprefix(PREFIX).split("__")
        if not all(parts):
            source.problems.append(Problem(f"environment variable {variable}", 0, "has an empty part in its name"))
            continue
        _put(source, parts, variable, environ[variable])


def _put(source: Source, parts: list[str], variable: str, value: str) -> None:
    node: Any = source.tree
    path: KeyPath = ()
    for part in parts[:-1]:
        key = _spelling(node, part)
        path = (*path, key)
        if isinstance(node, list):
            while isinstance(key, int) and len(node) <= key < len(node) + 1:
                node.append({})
            if not isinstance(key, int) or key >= len(node):
                _misfit(source, variable, "the number of a table counts from 0 without gaps")
                return
            node = node[key]
        else:
            node = node.setdefault(key, [] if key in ("listen", "notify") and not path[:-1] else {})
        if not isinstance(node, (dict, list)):
            _misfit(source, variable, "it names a table, the file has a value there")
            return
    if isinstance(node, list):
        _misfit(source, variable, "write MENSHEN__LISTEN__0__PORT")
        return
    key = _spelling(node, parts[-1])
    node[key] = value
    source.variables[(*path, key)] = variable


def _spelling(node: dict[str, Any] | list[Any], part: str) -> str | int:
    if isinstance(node, list):
        return int(part) if part.isdecimal() else part
    return next((key for key in node if key.lower() == part.lower()), part.lower())


def _misfit(source: Source, variable: str, remedy: str) -> None:
    source.problems.append(Problem(f"environment variable {variable}", 0, "does not fit the configuration", remedy))
