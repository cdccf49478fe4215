"""The corpus: attack cases as data.

A file holds `class`, defaults, and `cases`. A case: `id`, `why`, `as` (persona), `protocols` (simple, extended, binary,
copy), `sql` or `steps`, `expect`:

* `no_canary`: nothing that the persona may not see comes back, in any form;
* `pair` with `right` and `wrong`: the two guesses, twice each, differ in nothing but timing;
* `unchanged` with `check`: the answer of the owner to `check` is the same afterwards.

`each: {name: [values]}` multiplies a case: `{name}` in its texts becomes each value. `{phone:5}` is a canary,
`{~phone:5}` a wrong guess, `{G}` the guess of a pair. `blind`: bare PostgreSQL has nothing to leak here, so the
self-check does not expect it: true, or the numbers of such members of `each` (`3`, `2.6`). `writes: true`: the database is put back afterwards. `needs`: extensions, `pg18`, `libxml`. `since: {pg17: [3]}`: the same of
single members, for what an older PostgreSQL cannot read: they attack the gateway on every version, and bare PostgreSQL on that one.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parent / "cases"
PROTOCOLS = ("simple", "extended", "binary")


@dataclass(frozen=True)
class Case:
    """One attack."""

    id: str
    cls: str
    persona: str
    protocols: tuple[str, ...]
    steps: tuple[Any, ...]
    expect: str
    more: dict[str, Any]

    @property
    def family(self) -> str:
        """The id without what `each` added."""
        return self.id.split("[")[0]


def load() -> tuple[Case, ...]:
    """All cases of all files."""
    out: list[Case] = []
    for path in sorted(CASES.glob("*.yaml")):
        document = yaml.safe_load(path.read_text("utf-8"))
        cases = document.pop("cases")
        for case in cases:
            out.extend(_expanded({**document, **case}))
    twice = [name for name, count in Counter(c.id for c in out).items() if count > 1]
    if twice:
        raise ValueError(f"case ids used twice: {twice}")
    return tuple(out)


def _expanded(case: dict[str, Any]) -> list[Case]:
    each: dict[str, list[Any]] = case.pop("each", {})
    out = []
    for values in itertools.product(*([*enumerate(v)] for v in each.values())):
        words = {name: str(value) for name, (_, value) in zip(each, values, strict=True)}
        one = _replaced(_replaced(case, words), words)  # twice: a value may hold another's name
        number = "".join(f"[{index + 1}]" for index, _ in values)
        blind = one.get("blind", False)
        member = ".".join(str(i + 1) for i, _ in values)
        one["blind"] = blind if isinstance(blind, bool) else member in map(str, blind)
        one["since"] = [what for what, members in one.get("since", {}).items() if member in map(str, members)]
        steps = one.pop("steps", None) or [one.pop("sql")]
        protocols = tuple(one.pop("protocols", PROTOCOLS))
        if "protocols" not in case and one.get("expect", "no_canary") == "pair":
            protocols = ("simple", "extended")
        elif "protocols" not in case and len(steps) == 1 and _selects(steps[0]):
            protocols += ("copy",)
        out.append(
            Case(
                f"{one.pop('class')}/{one.pop('id')}{number}".replace(
                    f"{case['class']}/{case['class']}/", f"{case['class']}/"
                ),
                case["class"],
                one.pop("as", "agent"),
                protocols,
                tuple(steps),
                one.pop("expect", "no_canary"),
                one,
            )
        )
    return out


def _selects(step: Any) -> bool:
    return isinstance(step, str) and step.lstrip("( ").upper().startswith(("SELECT", "WITH", "VALUES", "TABLE"))


def _replaced(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, str):
        for name, word in words.items():
            value = value.replace("{" + name + "}", word)
        return value
    if isinstance(value, list):
        return [_replaced(v, words) for v in value]
    if isinstance(value, dict):
        return {k: _replaced(v, words) for k, v in value.items()}
    return value
