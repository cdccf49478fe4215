"""purposes.yaml: why data may be used, on which legal basis, by which departments."""

from __future__ import annotations

from gateway.policy.reader import Reader, did_you_mean
from gateway.policy.terms import LegalBasis, Purpose
from gateway.policy.trees import MAX_LEVELS, Forest
from gateway.policy.yamlfile import Entry

FILE = "purposes.yaml"
KEYS = ("title", "parent", "basis", "departments", "retention", "consent", "description")


def read_purposes(text: str) -> tuple[dict[str, Purpose], dict[str, int], Reader]:
    """Purposes by name, their lines, and the reader with its problems."""
    reader = Reader(FILE)
    top = reader.document(text, ("purposes",))
    node = top.entries["purposes"].value if "purposes" in top.entries else None
    purposes: dict[str, Purpose] = {}
    lines: dict[str, int] = {}
    for entry in reader.named(node, "`purposes`"):
        purposes[entry.key] = _read(reader, entry)
        lines[entry.key] = entry.line
    _check_parents(reader, purposes, lines)
    _check_departments(reader, purposes, lines)
    return purposes, lines, reader


def _read(reader: Reader, entry: Entry) -> Purpose:
    what = f"purpose `{entry.key}`"
    node = reader.mapping(entry.value, what, KEYS)
    basis = reader.choice(node, "basis", what, list(LegalBasis))
    if basis is None and "basis" not in node.entries:
        reader.error(entry.line, f"{what} has no legal basis", f"add `basis:`, one of: {', '.join(LegalBasis)}")
    retention = reader.choice(node, "retention", what, ("exempt",))
    consent = reader.choice(node, "consent", what, ("required",))
    return Purpose(
        name=entry.key,
        basis=LegalBasis(basis) if basis else LegalBasis.CONSENT,
        parent=reader.text(node, "parent", what),
        title=reader.title(node, what),
        departments=frozenset(reader.names(node, "departments", what) or ()),
        retention_exempt=retention == "exempt",
        consent=basis == LegalBasis.CONSENT or consent == "required",
        description=reader.text(node, "description", what) or "",
    )


def _check_parents(reader: Reader, purposes: dict[str, Purpose], lines: dict[str, int]) -> None:
    for name, one in purposes.items():
        if one.parent is not None and one.parent not in purposes:
            remedy = did_you_mean(one.parent, purposes, "declare it in this file")
            reader.error(lines[name], f"purpose `{name}` has an unknown parent `{one.parent}`", remedy)
    forest = purpose_forest(purposes)
    for cycle in forest.cycles():
        way = " → ".join((*cycle, cycle[0]))
        reader.error(lines[cycle[0]], f"cycle in the tree of purposes: {way}", "remove one `parent`")
    if not forest.cycles():
        for name in forest.too_deep():
            message = f"purpose `{name}` lies deeper than {MAX_LEVELS} levels"
            reader.error(lines[name], message, "flatten the tree; Casbin does not follow it further")


def _check_departments(reader: Reader, purposes: dict[str, Purpose], lines: dict[str, int]) -> None:
    """A purpose without departments may only group others."""
    parents = {one.parent for one in purposes.values()}
    for name, one in purposes.items():
        if not one.departments and name not in parents:
            reader.error(lines[name], f"nobody may pursue purpose `{name}`", "add `departments: [marketing]`")


def purpose_forest(purposes: dict[str, Purpose]) -> Forest:
    return Forest({name: (one.parent,) for name, one in purposes.items() if one.parent in purposes and one.parent})
