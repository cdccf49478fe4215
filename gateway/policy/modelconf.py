"""model.conf as text: its sections and lines, and whether the definitions that the gateway needs are there.

Casbin parses the file for itself (`gateway.policy.rules`); this reader only finds mistakes and says where they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.policy.reader import Reader, did_you_mean

FILE = "model.conf"
STOCK = """\
[request_definition]
r = sub, purpose, obj, act

[policy_definition]
p = sub, purpose, obj, act, eft

[role_definition]
g = _, _
g2 = _, _
g3 = _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = (p.sub == "*" || g(r.sub, p.sub)) && (p.purpose == "*" || g3(r.purpose, p.purpose)) \
&& (p.obj == "*" || g2(r.obj, p.obj)) && (p.act == "*" || r.act == p.act)
"""
_NEEDED = {
    "request_definition": {"r": "sub, purpose, obj, act"},
    "policy_definition": {"p": "sub, purpose, obj, act, eft"},
    "role_definition": {"g": "_, _", "g2": "_, _", "g3": "_, _"},
    "policy_effect": {"e": ""},
    "matchers": {"m": ""},
}
_EFFECTS = (
    "some(where (p.eft == allow)) && !some(where (p.eft == deny))",
    "some(where (p.eft == allow))",
    "!some(where (p.eft == deny))",
    "priority(p.eft) || deny",
)
_ALLOW_BY_DEFAULT = _EFFECTS[2]


@dataclass(frozen=True, slots=True)
class Definition:
    value: str
    line: int


Definitions = dict[tuple[str, str], Definition]


def read_model(text: str) -> tuple[Definitions, Reader]:
    """(section, key) → definition, and the reader with the problems."""
    reader = Reader(FILE)
    found = _definitions(reader, text)
    for (section, key), one in found.items():
        _check(reader, section, key, one)
    for section, keys in _NEEDED.items():
        for key, value in keys.items():
            if (section, key) not in found:
                remedy = f"add `{key} = {value or '…'}` under `[{section}]`"
                reader.error(0, f"`{key}` of [{section}] is missing", remedy)
    return found, reader


def _definitions(reader: Reader, text: str) -> Definitions:
    found: Definitions = {}
    section, begun, parts = "", 0, list[str]()
    for line, raw in enumerate((*text.split("\n"), ""), start=1):
        bare = raw.strip()
        if not parts and bare.startswith("[") and bare.endswith("]"):
            section = bare[1:-1]
            if section not in _NEEDED:
                reader.error(line, f"unknown section [{section}]", did_you_mean(section, _NEEDED, "remove it"))
            continue
        if not parts and (not bare or bare[0] in "#;"):
            continue
        begun = begun if parts else line
        parts.append(bare.removesuffix("\\").strip())
        if bare.endswith("\\"):
            continue
        key, equals, value = " ".join(parts).partition("=")
        parts = []
        if not equals:
            reader.error(begun, "the line is not understood", "write `key = value`")
        elif (section, key.strip()) in found:
            reader.error(begun, f"`{key.strip()}` stands twice in [{section}]", "keep one")
        else:
            found[section, key.strip()] = Definition(value.strip(), begun)
    return found


def _check(reader: Reader, section: str, key: str, one: Definition) -> None:
    needed = _NEEDED.get(section)
    if needed is None:
        return
    if key not in needed:
        reader.error(one.line, f"unknown definition `{key}` in [{section}]", f"only {', '.join(needed)} are read")
    elif needed[key] and _bare(one.value) != _bare(needed[key]):
        reader.error(one.line, f"`{key}` is `{one.value}`", f"the gateway asks with `{key} = {needed[key]}`")
    elif section == "policy_effect":
        _check_effect(reader, one)
    elif section == "matchers" and not one.value:
        reader.error(one.line, "the matcher is empty", "see the model in docs/policy.md")


def _check_effect(reader: Reader, one: Definition) -> None:
    if one.value not in _EFFECTS:
        remedy = did_you_mean(one.value, _EFFECTS, f"write `{_EFFECTS[0]}`")
        reader.error(one.line, f"Casbin does not know the effect `{one.value}`", remedy)
    elif one.value == _ALLOW_BY_DEFAULT:
        reader.warning(one.line, "this effect allows whatever no rule denies", f"write `{_EFFECTS[0]}`")


def _bare(text: str) -> str:
    return "".join(text.split())
