"""Strict YAML with the line of every key and value.

Built from the parser's events rather than from a loader: no object is ever constructed from a tag, aliases (and with
them exponential documents) are refused, nesting is bounded, a key that occurs twice is a problem instead of a silent
overwrite, and only `true`, `false`, `null`, integers and decimals are anything but text (`no` and `on` are text).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

MAX_DEPTH = 32
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}")
_WORDS: dict[str, bool | None] = {
    "true": True, "True": True, "false": False, "False": False, "null": None, "Null": None, "~": None, "": None,
}  # fmt: skip

Plain: TypeAlias = str | int | float | bool | None


class YamlError(Exception):
    """The text is not the strict YAML that a bundle is written in."""

    def __init__(self, line: int, message: str, remedy: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.remedy = remedy


@dataclass(slots=True)
class Scalar:
    """A value as it is meant, and as it is written; `line` is 1-based."""

    value: Plain
    line: int
    text: str = ""


@dataclass(slots=True)
class Sequence:
    items: list[Node]
    line: int


@dataclass(slots=True)
class Entry:
    """One `key: value` of a mapping; `line` is the key's."""

    key: str
    line: int
    value: Node


@dataclass(slots=True)
class Mapping:
    entries: dict[str, Entry]
    line: int
    duplicates: list[Entry] = field(default_factory=list)
    """Later entries of a key that was there already."""

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def line_of(self, key: str) -> int:
        """The line of a key, or of the mapping where it has no such key."""
        entry = self.entries.get(key)
        return entry.line if entry else self.line


Node: TypeAlias = Scalar | Sequence | Mapping


def parse(text: str) -> Node:
    """The one document of `text`. An empty document is an empty scalar. Raises YamlError."""
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(mark.line + 1 if mark else 0, f"not YAML: {error.problem}", "mend the syntax here") from None
    except yaml.YAMLError as error:
        raise YamlError(0, f"not YAML: {error}", "save the file as UTF-8 text") from None
    return builder.root if builder.root is not None else Scalar(None, 1)


@dataclass(slots=True)
class _Open:
    """A collection that is being read, and the key that waits for its value."""

    node: Sequence | Mapping
    key: Scalar | None = None


class _Builder:
    def __init__(self) -> None:
        self.root: Node | None = None
        self._stack: list[_Open] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise YamlError(_line(event), f"alias `*{event.anchor}`", "write the value out; aliases are not read")
        if isinstance(event, yaml.ScalarEvent):
            self._place(_scalar(event))
        elif isinstance(event, yaml.MappingStartEvent):
            self._enter(Mapping({}, _line(event)), event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._enter(Sequence([], _line(event)), event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._stack.pop()
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise YamlError(_line(event), "a second document begins here", "keep one document in a file")

    def _enter(self, node: Sequence | Mapping, event: yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            raise YamlError(node.line, f"tag `{event.tag}`", "remove it; tags are not read")
        if len(self._stack) >= MAX_DEPTH:
            raise YamlError(node.line, f"nested deeper than {MAX_DEPTH} levels", "flatten the file")
        self._place(node)
        self._stack.append(_Open(node))

    def _place(self, node: Node) -> None:
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        if isinstance(top.node, Sequence):
            top.node.items.append(node)
        elif top.key is None:
            if not isinstance(node, Scalar):
                raise YamlError(node.line, "a list or a mapping is used as a key", "use text as the key")
            top.key = node
        else:
            key = top.key.text  # as written: a key `007` is not `7`
            entry = Entry(key, top.key.line, node)
            if key in top.node.entries:
                top.node.duplicates.append(entry)
            else:
                top.node.entries[key] = entry
            top.key = None


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _scalar(event: yaml.ScalarEvent) -> Scalar:
    line = _line(event)
    if event.tag is not None:
        raise YamlError(line, f"tag `{event.tag}`", "remove it; tags are not read")
    text = event.value
    if not event.implicit[0]:  # quoted or a block: text whatever it looks like
        return Scalar(text, line, text)
    if text in _WORDS:
        return Scalar(_WORDS[text], line, text)
    if _INTEGER.fullmatch(text):
        return Scalar(int(text), line, text)
    if _DECIMAL.fullmatch(text):
        return Scalar(float(text), line, text)
    return Scalar(text, line, text)
