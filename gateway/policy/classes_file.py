"""`classes` of catalog.yaml: the tree of data classes, with what a class inherits filled in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.model import Mask, Predicate
from gateway.policy.reader import Reader, did_you_mean
from gateway.policy.terms import PUBLIC, DataClass, Title
from gateway.policy.trees import MAX_LEVELS, Forest
from gateway.policy.yamlfile import Entry, Mapping, Node, Scalar

KEYS = ("parent", "title", "level", "mask", "withheld", "predicate", "aggregate", "lookup", "description")
LEVELS = range(1, 6)
GROUPS = range(2, 1_001)
LOOKUPS = range(1, 100_001)
# A column adds one level below its class, and Casbin follows MAX_LEVELS names.
MAX_CLASS_LEVELS = MAX_LEVELS - 1


@dataclass(slots=True)
class _Raw:
    """A class as written, before inheritance."""

    line: int
    parent: str | None
    title: Title
    level: int | None
    mask: Mask | None
    withheld: str | None
    predicate: Predicate | None
    min_group: int | None
    lookups_per_hour: int | None


def read_classes(reader: Reader, node: Node | None, check_mask: Callable[[Mask], str | None]) -> dict[str, DataClass]:
    """Classes by name; `public` is always among them."""
    raw = {entry.key: _read(reader, entry, check_mask) for entry in reader.named(node, "`classes`")}
    for name, one in raw.items():
        if one.parent is not None and one.parent not in raw:
            reader.error(
                one.line, f"class `{name}` has an unknown parent `{one.parent}`",
                did_you_mean(one.parent, raw, "declare it under `classes`"),
            )  # fmt: skip
            one.parent = None
    _check_tree(reader, raw)
    classes: dict[str, DataClass] = {}
    for name in raw:
        _inherit(reader, name, raw, classes)
    classes.setdefault(PUBLIC, DataClass(PUBLIC, level=1))
    return classes


def _read(reader: Reader, entry: Entry, check_mask: Callable[[Mask], str | None]) -> _Raw:
    what = f"class `{entry.key}`"
    node = reader.mapping(entry.value, what, KEYS)
    return _Raw(
        line=entry.line,
        parent=reader.text(node, "parent", what),
        title=reader.title(node, what),
        level=_level(reader, node.entries.get("level"), what),
        mask=reader.mask(node, what, check_mask),
        withheld=_withheld(reader, node.entries.get("withheld"), what),
        predicate=_predicate(reader, node, what),
        min_group=_number(reader, node, "aggregate", "min_group", GROUPS, what),
        lookups_per_hour=_number(reader, node, "lookup", "per_hour", LOOKUPS, what),
    )


def _level(reader: Reader, entry: Entry | None, what: str) -> int | None:
    if entry is None:
        return None
    if isinstance(entry.value, Scalar) and type(entry.value.value) is int and entry.value.value in LEVELS:
        return entry.value.value
    reader.error(entry.value.line, f"`level` of {what} is not understood", f"a whole number from 1 to {LEVELS[-1]}")
    return None


def _withheld(reader: Reader, entry: Entry | None, what: str) -> str | None:
    if entry is None:
        return None
    value = entry.value.value if isinstance(entry.value, Scalar) else ()
    if value is None or value == "null":
        return "null"
    if value == "deny":
        return "deny"
    reader.error(entry.value.line, f"`withheld` of {what} is not understood", "`null` or `deny`")
    return None


def _predicate(reader: Reader, node: Mapping, what: str) -> Predicate | None:
    word = reader.choice(node, "predicate", what, Predicate)
    return Predicate(word) if word in set(Predicate) else None


def _number(reader: Reader, node: Mapping, key: str, inner: str, allowed: range, what: str) -> int | None:
    """`key: {inner: n}`, a whole number."""
    value = reader.value(node, key, what)
    if value is None:
        return None
    remedy = f"write `{key}: {{{inner}: n}}`, n a whole number from {allowed[0]} to {allowed[-1]}"
    if not isinstance(value, Mapping):
        reader.error(value.line, f"`{key}` of {what} is not understood", remedy)
        return None
    entry = reader.mapping(value, f"`{key}` of {what}", (inner,)).entries.get(inner)
    if entry is None:
        reader.error(value.line, f"`{key}` of {what} has no `{inner}`", remedy)
    elif isinstance(entry.value, Scalar) and type(entry.value.value) is int and entry.value.value in allowed:
        return entry.value.value
    else:
        reader.error(entry.value.line, f"`{inner}` of {what} is not understood", remedy)
    return None


def _check_tree(reader: Reader, raw: dict[str, _Raw]) -> None:
    """Cycles and too deep trees are problems; a cycle is cut so that the rest can be read."""
    forest = Forest({name: (one.parent,) for name, one in raw.items() if one.parent is not None})
    for cycle in forest.cycles():
        way = " → ".join((*cycle, cycle[0]))
        reader.error(raw[cycle[0]].line, f"cycle in the tree of classes: {way}", "remove one `parent`")
        for name in cycle:
            raw[name].parent = None
    forest = Forest({name: (one.parent,) for name, one in raw.items() if one.parent is not None})
    for name in forest.too_deep(MAX_CLASS_LEVELS):
        reader.error(
            raw[name].line, f"class `{name}` lies deeper than {MAX_CLASS_LEVELS} levels",
            "flatten the tree; Casbin does not follow it further",
        )  # fmt: skip


def _inherit(reader: Reader, name: str, raw: dict[str, _Raw], classes: dict[str, DataClass]) -> None:
    chain = [name]
    while (up := raw[chain[-1]].parent) is not None and up not in classes:
        chain.append(up)
    for one in reversed(chain):  # parents first
        own = raw[one]
        parent = classes[own.parent] if own.parent is not None else None
        level = own.level if own.level is not None else parent.level if parent else None
        if level is None:
            reader.error(own.line, f"class `{one}` has neither a level nor a parent", "add `level: 1` to `level: 5`")
        elif parent and level < parent.level:
            reader.error(
                own.line, f"class `{one}` has level {level}, below level {parent.level} of its parent `{parent.name}`",
                "a class is at least as sensitive as what it belongs to",
            )  # fmt: skip
        classes[one] = DataClass(
            name=one,
            level=level if level is not None else LEVELS[-1],
            parent=own.parent,
            title=own.title,
            mask=own.mask or (parent.mask if parent else None),
            withheld=own.withheld or (parent.withheld if parent else "null"),
            predicate=own.predicate or (parent.predicate if parent else Predicate.MASKED),
            min_group=own.min_group or (parent.min_group if parent else 0),
            lookups_per_hour=own.lookups_per_hour or (parent.lookups_per_hour if parent else 0),
        )
