"""docs/masks.md is made from MASKS: `python tests/unit/docs/test_masks_page.py` writes it anew."""

from __future__ import annotations

from pathlib import Path

from gateway.policy.masks import DEFAULTS, MASKS, Example, MaskInfo

PAGE = Path(__file__).parents[3] / "docs" / "masks.md"

HEAD = """# Masks · 脱敏规则

<!-- Made from gateway/policy/maskbook.py by tests/unit/docs/test_masks_page.py; edit there. -->

A data class names its mask in `catalog.yaml`; a persona that may see the class `partial` sees the mask:

```yaml
classes:
  contact.phone:  {parent: contact, mask: phone}
  finance.amount: {parent: finance, mask: {name: bucket, width: 5000}}
```

What holds for all of them:

- **NULL stays NULL and an empty text stays empty.** Nothing is there, and applications take `''` for missing.
- **A value of another shape shows less, never more.** A telephone column that holds "call 张三" shows `***`.
- **The result has the column's own type, length and collation**; what is longer than the column is cut.
  A column of a domain gives the base type, as PostgreSQL itself describes it to clients.
- **They never raise**, whatever the value, and do not depend on `search_path`, `TimeZone` or `DateStyle`.
- **A mask that does not fit the column's type withholds**: NULL. `menshen check` says so.
- **A mask never overwrites data**: a write of `138****5678`, `***` or a pseudonym is refused. Years and buckets are
  plausible data, so such a write cannot be recognized: grant `update` on them only to those who see them in clear.
- The server's encoding must be UTF8.
"""


def page() -> str:
    """The whole text of docs/masks.md."""
    defaults = "\n".join(f"- {family}: `{mask.name}`" for family, mask in DEFAULTS.items())
    parts = [
        HEAD,
        f"A class without a mask gets the one of the column's type; other types are withheld:\n\n{defaults}\n",
    ]
    parts += [_section(info) for info in MASKS.values()]
    return "\n".join(parts)


def _section(info: MaskInfo) -> str:
    lines = [
        f"## `{info.name}` — {info.title['en']} · {info.title['zh']}",
        "",
        info.shows["en"],
        "",
        info.shows["zh"],
        "",
    ]
    lines.append(f"Types: {', '.join(info.types)}.")
    for option in info.options:
        allowed = (
            " or ".join(f"`{choice}`" for choice in option.choices)
            if option.choices
            else f"{option.low} to {option.high}"
            if option.low is not None
            else "a text or a number"
        )
        lines.append(f"Option `{option.name}`: {option.meaning}; {allowed}; by default `{option.default}`.")
    lines += ["", "| type | value | shown | |", "|---|---|---|---|"]
    lines += [_row(example) for example in info.examples]
    return "\n".join(lines) + "\n"


def _row(example: Example) -> str:
    notes = [f"`{name}: {value}`" for name, value in example.options] + ([example.note] if example.note else [])
    return f"| {example.type} | {_cell(example.raw)} | {_cell(example.masked)} | {', '.join(notes)} |"


def _cell(value: str | None) -> str:
    if value is None:
        return "NULL"
    if not value:
        return "(empty)"
    if len(value) > 40:
        return f"`{value[:12].strip()}…` ({len(value)} characters)"
    return f"`{value.rstrip()}`" if value.strip() == value.rstrip() else f"`{value}`"


def test_the_page_is_what_the_masks_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "stale: run python tests/unit/docs/test_masks_page.py"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
