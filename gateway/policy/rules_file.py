"""rules.csv: `p` lines say who may do what why, `g` lines who holds which role. Lines are kept for explanations."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gateway.model import Act
from gateway.policy.reader import Reader, did_you_mean, shown
from gateway.policy.terms import ANY, Grant, Rule

FILE = "rules.csv"
MAX_RULES = 200_000
_FIELD = re.compile(r'[ \t]*(?:"((?:[^"]|"")*)"|([^,"]*?))[ \t]*(,|$)')
ACTS = (*Act, ANY)
EFFECTS = ("allow", "deny")


@dataclass(slots=True)
class Rules:
    rules: list[Rule] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)


def read_rules(text: str) -> tuple[Rules, Reader]:
    """The lines that could be read, and the reader with the problems of the others."""
    reader = Reader(FILE)
    found = Rules()
    for line, raw in enumerate(text.split("\n"), start=1):
        bare = raw.strip()
        if not bare or bare.startswith("#"):
            continue
        fields = split(raw)
        if fields is None:
            reader.error(line, "the line is not understood", 'close the quotes, and double them inside: `"a ""b"""`')
        elif any(not one for one in fields):
            reader.error(line, "a field is empty", "write `*` for everything, and no comma at the end")
        else:
            _take(reader, found, fields, line)
    if len(found.rules) > MAX_RULES:
        reader.error(0, f"{len(found.rules)} rules are more than {MAX_RULES}", "merge rules by roles and classes")
    _duplicates(reader, found)
    return found, reader


def split(line: str) -> list[str] | None:
    """The fields of one line, without blanks around them; ` #` outside of quotes begins a comment. None: malformed."""
    fields: list[str] = []
    at, text = 0, _without_comment(line).rstrip()
    while True:
        match = _FIELD.match(text, at)
        if not match:
            return None
        fields.append(match[1].replace('""', '"') if match[1] is not None else match[2])
        if not match[3]:
            return fields
        at = match.end()


def _without_comment(line: str) -> str:
    quoted = False
    for at, char in enumerate(line):
        if char == '"':
            quoted = not quoted
        elif char == "#" and not quoted and (at == 0 or line[at - 1] in " \t"):
            return line[:at]
    return line


def _take(reader: Reader, found: Rules, fields: list[str], line: int) -> None:
    kind, *rest = fields
    if kind == "p" and len(rest) == 5:
        sub, purpose, obj, act, eft = rest
        good = _word(reader, line, act, "act", ACTS) & _word(reader, line, eft, "effect", EFFECTS)
        if good:
            found.rules.append(Rule(sub, purpose, obj, act, eft, line))
    elif kind == "p":
        message = f"a `p` line has {len(rest)} fields after the `p`, not 5"
        reader.error(line, message, "write `p, subject, purpose, object, act, allow` (or deny)")
    elif kind == "g" and len(rest) == 2:
        found.grants.append(Grant(rest[0], rest[1], line))
    elif kind == "g":
        reader.error(line, f"a `g` line has {len(rest)} fields after the `g`, not 2", "write `g, principal, role`")
    elif kind in ("g2", "g3"):
        source = "catalog.yaml" if kind == "g2" else "purposes.yaml"
        reader.error(line, f"`{kind}` lines are not written here", f"they are made from {source}")
    else:
        reader.error(line, f"a line begins with `{shown(kind)}`", "begin it with `p` (a rule) or `g` (a role)")


def _word(reader: Reader, line: int, word: str, what: str, known: tuple[str, ...]) -> bool:
    if word in known:
        return True
    reader.error(line, f"unknown {what} `{shown(word)}`", did_you_mean(word, known, f"one of: {', '.join(known)}"))
    return False


def _duplicates(reader: Reader, found: Rules) -> None:
    seen: dict[tuple[str, ...], int] = {}
    lines = [(("p", *rule.fields), rule.line) for rule in found.rules]
    lines += [(("g", grant.member, grant.role), grant.line) for grant in found.grants]
    for key, line in sorted(lines, key=lambda pair: pair[1]):
        first = seen.setdefault(key, line)
        if first != line:
            reader.warning(line, f"the same as line {first}", "remove one of them")
