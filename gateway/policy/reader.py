"""Reading values out of a YAML file while collecting every mistake with its line.

A getter never raises: it notes a Problem and answers None or an empty value, so that one load tells all mistakes.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType

from gateway.errors import Problem
from gateway.model import Mask
from gateway.policy import yamlfile
from gateway.policy.terms import NO_TITLE, Title
from gateway.policy.yamlfile import Entry, Mapping, Node, Scalar, Sequence

_NAME = re.compile(r"[^\s,\"'`#*:\x00-\x1f\x7f]{1,128}")
LANGUAGES = ("en", "zh")


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """A remedy: the nearest known word, or `otherwise`."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else otherwise


def shown(text: str) -> str:
    """A value of a file as a message may quote it: short and on one line."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else flat[:57] + "…"


class Reader:
    """One file's problems, and typed access to its nodes."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.unreadable = False
        """The file is missing, or no YAML: what other files say of its content cannot be judged."""

    def error(self, line: int, message: str, remedy: str) -> None:
        self.problems.append(Problem(self.file, line, message, remedy))

    def warning(self, line: int, message: str, remedy: str) -> None:
        self.problems.append(Problem(self.file, line, message, remedy, "warning"))

    # -- documents and mappings ---------------------------------------------------------------------------------------
    def document(self, text: str, keys: Iterable[str]) -> Mapping:
        """The file's top mapping, which may hold only `keys`."""
        try:
            root = yamlfile.parse(text)
        except yamlfile.YamlError as error:
            self.error(error.line, error.message, error.remedy)
            self.unreadable = True
            return Mapping({}, 0)
        if isinstance(root, Scalar) and root.value is None:
            return Mapping({}, root.line)
        return self.mapping(root, "the file", keys)

    def mapping(self, node: Node | None, what: str, keys: Iterable[str] | None = None) -> Mapping:
        """`node` as a mapping; with `keys`, others are problems. Null counts as empty."""
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return Mapping({}, node.line if node else 0)
        if not isinstance(node, Mapping):
            self.error(node.line, f"{what} is not a mapping", "write `key: value` lines, or `{key: value}`")
            return Mapping({}, node.line)
        for twice in node.duplicates:
            first = node.entries[twice.key].line
            self.error(twice.line, f"`{shown(twice.key)}` stands twice in {what} (first in line {first})", "keep one")
        if keys is not None:
            self._unknown_keys(node, what, tuple(keys))
        return node

    def _unknown_keys(self, node: Mapping, what: str, keys: tuple[str, ...]) -> None:
        for key in [k for k in node.entries if k not in keys]:
            remedy = did_you_mean(key, keys, f"known keys: {', '.join(keys)}")
            self.error(node.entries[key].line, f"unknown key `{shown(key)}` in {what}", remedy)

    def named(self, node: Node | None, what: str) -> Iterator[Entry]:
        """The entries of a mapping whose keys are names that the user chose; bad names are problems, and left out."""
        for entry in self.mapping(node, what):
            if self.good_name(entry.key, entry.line, f"name in {what}"):
                yield entry

    def good_name(self, name: str, line: int, what: str) -> bool:
        if _NAME.fullmatch(name):
            return True
        remedy = "use letters (any script), digits, `_`, `-` and `.`, at most 128, without blanks or `* , : # quotes`"
        self.error(line, f"`{shown(name)}` cannot be a {what}", remedy)
        return False

    def value(self, owner: Mapping, key: str, what: str) -> Node | None:
        """The node of `key`. A key without a value is a problem: `retention:` left empty must not mean "none"."""
        entry = owner.entries.get(key)
        if entry is None:
            return None
        if isinstance(entry.value, Scalar) and entry.value.value is None:
            self.error(entry.line, f"`{key}` of {what} has no value", "give it one, or remove the key")
            return None
        return entry.value

    # -- values -------------------------------------------------------------------------------------------------------
    def text(self, owner: Mapping, key: str, what: str) -> str | None:
        """The text of `key`; None where it is absent or not text."""
        node = self.value(owner, key, what)
        if node is None:
            return None
        if isinstance(node, Scalar) and isinstance(node.value, str) and node.value.strip():
            return node.value.strip()
        if isinstance(node, Scalar) and type(node.value) in (int, float):
            return node.text
        self.error(node.line, f"`{key}` of {what} is not text", f"write `{key}: <text>`")
        return None

    def choice(self, owner: Mapping, key: str, what: str, allowed: Iterable[str]) -> str | None:
        """The text of `key`, one of `allowed`."""
        text = self.text(owner, key, what)
        words = tuple(allowed)
        if text is None or text in words:
            return text
        remedy = did_you_mean(text, words, f"one of: {', '.join(words)}")
        self.error(owner.entries[key].value.line, f"`{shown(text)}` is no {key} of {what}", remedy)
        return None

    def names(self, owner: Mapping, key: str, what: str) -> tuple[str, ...] | None:
        """A list of names; a single name counts as a list of one. None where it is absent."""
        node = self.value(owner, key, what)
        if node is None:
            return None
        items: list[Node] = node.items if isinstance(node, Sequence) else [node]
        found: list[str] = []
        for item in items:
            if not isinstance(item, Scalar) or item.value is None:
                self.error(item.line, f"`{key}` of {what} holds something that is not a name", f"write `{key}: [name]`")
            elif self.good_name(item.text, item.line, f"name in `{key}` of {what}"):
                found.append(item.text)
        return tuple(found)

    def title(self, owner: Mapping, what: str) -> Title:
        """`title: {en: …, zh: …}`, or one text for both."""
        node = self.value(owner, "title", what)
        if node is None:
            return NO_TITLE
        if isinstance(node, Scalar):
            text = self.text(owner, "title", what)
            return MappingProxyType(dict.fromkeys(LANGUAGES, text)) if text else NO_TITLE
        titles = self.mapping(node, f"`title` of {what}", LANGUAGES)
        found = {key: self.text(titles, key, f"the title of {what}") for key in LANGUAGES if key in titles.entries}
        return MappingProxyType({key: text for key, text in found.items() if text})

    def mask(self, owner: Mapping, what: str, check: Callable[[Mask], str | None]) -> Mask | None:
        """`mask: phone`, or `mask: {name: bucket, width: 1000}`."""
        node = self.value(owner, "mask", what)
        if node is None:
            return None
        mask = self._mask(node, what)
        trouble = check(mask) if mask else None
        if trouble:
            self.error(node.line, f"mask of {what}: {trouble}", "see the table of masks in docs/masks.md")
            return None
        return mask

    def _mask(self, node: Node, what: str) -> Mask | None:
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return Mask(node.value)
        if not isinstance(node, Mapping):
            self.error(node.line, f"mask of {what} is neither a name nor a mapping", "write `mask: phone`")
            return None
        entries = self.mapping(node, f"mask of {what}")
        name = self.text(entries, "name", f"the mask of {what}")
        if name is None:
            self.error(node.line, f"mask of {what} has no name", "write `mask: {name: bucket, width: 1000}`")
            return None
        options: list[tuple[str, str | int]] = []
        for entry in entries:
            value = entry.value.value if isinstance(entry.value, Scalar) else None
            if entry.key == "name":
                continue
            if isinstance(value, (str, int)) and not isinstance(value, bool):
                options.append((entry.key, value))
            else:
                self.error(entry.line, f"option `{shown(entry.key)}` of the mask of {what} is neither text nor a whole "
                           "number", "give it one value")  # fmt: skip
        return Mask(name, tuple(options))
