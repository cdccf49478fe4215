"""Where each key stands in a TOML text: `tomllib` gives values without positions, problems need a line.

`key_lines(text)` gives the 1-based line of every table header and key by its path, e.g. `("listen", 0, "port")`.
It expects a text that `tomllib` has accepted, and never raises; what it does not find gets the line of its table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)(.+?)(\]\]?)\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"([^"]*)"|'([^']*)'""")
# What can change where the next line begins: strings of both kinds and lengths, comments, brackets.
_TOKEN = re.compile(r'"""|\'\'\'|"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*|[\[\]{}]')


def _parts(dotted: str) -> list[str]:
    return [m.group(1) or m.group(2) or m.group(0).strip("\"'") for m in _PART.finditer(dotted)]


class _Depth:
    """Whether the end of a line is inside a multi-line string or array."""

    def __init__(self) -> None:
        self.string = ""
        self.brackets = 0

    @property
    def inside(self) -> bool:
        return bool(self.string) or self.brackets > 0

    def read(self, line: str) -> None:
        at = 0
        while at < len(line):
            if self.string:
                end = line.find(self.string, at)
                if end < 0:
                    return
                at, self.string = end + 3, ""
                continue
            match = _TOKEN.search(line, at)
            if match is None:
                return
            at = match.end()
            mark = match.group()
            if mark in ('"""', "'''"):
                self.string = mark
            elif mark in "[{":
                self.brackets += 1
            elif mark in "]}":
                self.brackets = max(0, self.brackets - 1)


def key_lines(text: str) -> Mapping[Path, int]:
    """The line of each table and key."""
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    depth = _Depth()
    for number, line in enumerate(text.splitlines(), 1):
        if depth.inside:
            depth.read(line)
            continue
        if header := _HEADER.match(line):
            table = _open_table(_parts(header.group(2)), header.group(1) == "[[", counts)
            for length in range(1, len(table) + 1):
                lines.setdefault(table[:length], number)
            continue
        if key := _KEY.match(line):
            parts = _parts(key.group(1))
            for length in range(1, len(parts) + 1):
                lines.setdefault((*table, *parts[:length]), number)
            depth.read(line[key.end() :])
    return lines


def _open_table(parts: list[str], is_array: bool, counts: dict[Path, int]) -> Path:
    """The path of a header; names of arrays of tables are followed by the index of their last element."""
    path: Path = ()
    for position, part in enumerate(parts):
        path = (*path, part)
        if is_array and position == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """The line of the path, or of the nearest table around it; 0 where there is none."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 0
