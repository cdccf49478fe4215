"""Who saw this customer, for people: one line an answer, then who, for which purpose, and what in sum."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.trail.query import local
from gateway.trail.show import visible
from gateway.trail.subject_query import Sighting


def sighting_lines(found: Iterable[Sighting]) -> Iterator[str]:
    """Lines as they are found; the summary at the end counts certain answers by person and purpose."""
    people: dict[tuple[str, str], int] = {}
    shown: dict[str, set[str]] = {}
    certain = possible = 0
    for one in found:
        yield visible(_line(one))
        if not one.certain:
            possible += 1
            continue
        certain += 1
        who = (_who(one), one.purpose or "-")
        people[who] = people.get(who, 0) + 1
        for name, disclosure in one.classes.items():
            shown.setdefault(name, set()).add(disclosure)
    if not certain and not possible:
        yield "nobody saw this subject"
        return
    yield ""
    yield f"{certain} answers showed this subject; {possible} more may have"
    for (name, purpose), count in sorted(people.items(), key=lambda item: (-item[1], item[0])):
        yield visible(f"  {count:>6}  {name}  for {purpose}")
    for name, disclosures in sorted(shown.items()):
        yield visible(f"  {name}: {', '.join(sorted(disclosures))}")


def _who(one: Sighting) -> str:
    return f"{one.principal}/{one.actor}" if one.actor else one.principal


def _line(one: Sighting) -> str:
    classes = " ".join(f"{name}={disclosure}" for name, disclosure in one.classes.items())
    word = "saw" if one.certain else f"may have seen ({one.rows} rows: {one.reason})"
    return f"{local(one.at)}  {_who(one)}  {one.purpose or '-'}  {word}  {' '.join(one.tables)}  {classes}".rstrip()
