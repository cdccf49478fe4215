"""principals.yaml: who may log in, where they belong, how they prove it."""

from __future__ import annotations

import base64
import binascii
import re
from types import MappingProxyType

from gateway.model import AttributeValue, Principal
from gateway.policy.reader import Reader, did_you_mean, shown
from gateway.policy.terms import Purpose
from gateway.policy.yamlfile import Entry, Mapping, Node, Scalar, Sequence

FILE = "principals.yaml"
KEYS = ("department", "kind", "verifier", "certificate", "default_purpose", "attributes", "title", "description")
KINDS = ("person", "application", "job")
MIN_ITERATIONS, MAX_ITERATIONS = 4096, 10_000_000  # RFC 7677 section 4; above it a login would be a denial of service
_VERIFIER = re.compile(r"SCRAM-SHA-256\$([0-9]{1,9}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")
_ATTRIBUTE = re.compile(r"[^\W\d]\w*")


def read_principals(
    text: str, purposes: dict[str, Purpose] | None
) -> tuple[dict[str, Principal], dict[str, int], Reader]:
    """Principals by name, still without roles; their lines; the reader with its problems.

    Without `purposes`, since their file cannot be read, default purposes are not judged.
    """
    reader = Reader(FILE)
    top = reader.document(text, ("principals",))
    node = top.entries["principals"].value if "principals" in top.entries else None
    principals: dict[str, Principal] = {}
    lines: dict[str, int] = {}
    certificates: dict[str, str] = {}
    for entry in reader.named(node, "`principals`"):
        one = _read(reader, entry, purposes)
        principals[entry.key] = one
        lines[entry.key] = entry.line
        if one.certificate is not None:
            first = certificates.setdefault(one.certificate, entry.key)
            if first != entry.key:
                message = f"principal `{entry.key}` has the certificate of `{first}`"
                reader.error(entry.line, message, "a certificate stands for one principal")
    return principals, lines, reader


def _read(reader: Reader, entry: Entry, purposes: dict[str, Purpose] | None) -> Principal:
    what = f"principal `{entry.key}`"
    node = reader.mapping(entry.value, what, KEYS)
    department = reader.text(node, "department", what)
    kind = reader.choice(node, "kind", what, KINDS)
    if department is not None:
        reader.good_name(department, node.line_of("department"), "department")
    if "department" not in node.entries:
        reader.error(entry.line, f"{what} has no department", "add `department: marketing`")
    if "kind" not in node.entries:
        reader.error(entry.line, f"{what} has no kind", f"add `kind:`, one of: {', '.join(KINDS)}")
    verifier = _verifier(reader, node, what)
    certificate = reader.text(node, "certificate", what)
    if "verifier" not in node.entries and certificate is None:
        reader.warning(
            entry.line, f"{what} has neither a verifier nor a certificate",
            "make a verifier with `menshen passwd`, unless it logs in with a token",
        )  # fmt: skip
    return Principal(
        name=entry.key,
        department=department or "",
        kind=kind or KINDS[0],
        default_purpose=_default_purpose(reader, node, what, department, purposes),
        attributes=MappingProxyType(_attributes(reader, node, what)),
        verifier=verifier,
        certificate=certificate,
    )


def _default_purpose(
    reader: Reader, node: Mapping, what: str, department: str | None, purposes: dict[str, Purpose] | None
) -> str | None:
    name = reader.text(node, "default_purpose", what)
    if name is None or purposes is None:
        return None
    line = node.line_of("default_purpose")
    purpose = purposes.get(name)
    if purpose is None:
        remedy = did_you_mean(name, purposes, "declare it in purposes.yaml")
        reader.error(line, f"unknown default purpose `{shown(name)}` of {what}", remedy)
        return None
    if department is not None and department not in purpose.departments:
        reader.error(
            line, f"department `{department}` of {what} may not pursue its default purpose `{name}`",
            f"add `{department}` to the departments of `{name}` in purposes.yaml, or choose another purpose",
        )  # fmt: skip
        return None
    return name


def _verifier(reader: Reader, node: Mapping, what: str) -> str | None:
    """Never quotes the value: it may be a password that somebody wrote here by mistake."""
    text = reader.text(node, "verifier", what)
    if text is None:
        return None
    trouble = verifier_trouble(text)
    if trouble is None:
        return text
    remedy = "make one with `menshen passwd`: SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>"
    reader.error(node.line_of("verifier"), f"the verifier of {what} {trouble}", remedy)
    return None


def verifier_trouble(text: str) -> str | None:
    """What is wrong with a SCRAM verifier (PostgreSQL, `pg_authid.rolpassword`); None where it is good."""
    match = _VERIFIER.fullmatch(text)
    if not match:
        return "is not a SCRAM-SHA-256 verifier"
    if not MIN_ITERATIONS <= int(match[1]) <= MAX_ITERATIONS:
        return f"has {match[1]} iterations, not {MIN_ITERATIONS} to {MAX_ITERATIONS}"
    try:
        salt, stored, server = (base64.b64decode(part, validate=True) for part in match.groups()[1:])
    except binascii.Error:
        return "is not base64 throughout"
    if len(salt) < 8:
        return "has a salt of less than 8 bytes"
    return None if len(stored) == len(server) == 32 else "has keys that are not 32 bytes"


def _attributes(reader: Reader, node: Mapping, what: str) -> dict[str, AttributeValue]:
    found: dict[str, AttributeValue] = {}
    value = reader.value(node, "attributes", what)
    for entry in reader.mapping(value, f"attributes of {what}"):
        if not _ATTRIBUTE.fullmatch(entry.key):
            message = f"`{shown(entry.key)}` cannot be an attribute of {what}"
            reader.error(entry.line, message, "use letters, digits and `_`")
        elif (read := _attribute(entry.value)) is not None:
            found[entry.key] = read
        else:
            message = f"attribute `{entry.key}` of {what} is not understood"
            reader.error(entry.line, message, "give text, a whole number, true, false, or a list of texts")
    return found


def _attribute(node: Node) -> AttributeValue | None:
    if isinstance(node, Scalar):
        return node.value if isinstance(node.value, (str, int, bool)) else None
    if isinstance(node, Sequence):
        texts = [item.text for item in node.items if isinstance(item, Scalar) and item.value is not None]
        return tuple(texts) if len(texts) == len(node.items) else None
    return None
