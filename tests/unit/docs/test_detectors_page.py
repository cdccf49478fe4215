"""docs/detectors.md is made from the detectors: `python tests/unit/docs/test_detectors_page.py` writes it anew."""

from __future__ import annotations

from pathlib import Path

from gateway.watch.detectors import DETECTORS, About, Setting

PAGE = Path(__file__).parents[3] / "docs" / "detectors.md"

HEAD = """# Detectors · 检测器

<!-- Made from gateway/watch/detectors by tests/unit/docs/test_detectors_page.py; edit there. -->

Detectors read the trail: every record of all workers once, in the order of time. What one finds opens an incident or
joins one. A finding of severity `high` or `critical` pages; anything below is a note. They run beside the traffic, and
never delay it.

They are set up in `detectors.yaml` of the policy bundle. What is not written there has its default; a mistake is
refused with its line and a remedy. The file is read again whenever a bundle comes into force; what detectors have
learned stays, and a file with mistakes leaves the last good one in force (`detectors_refused` in the trail).

```yaml
timezone: Asia/Shanghai              # office hours are meant in it
public: [public]                     # data classes that are not personal

detectors:
  volume:
    floor: 5000                      # a setting of this detector
    severity: high                   # info, low, medium, high or critical
  honey:
    contain: true                    # suspend the principal at once
    except: {purposes: [maintenance], principals: [backup_job]}
  first_use:
    enabled: false
```

Every detector knows `enabled` (true), `severity`, `contain` (false: nobody is suspended by a machine unless you say
so), `except` (principals and purposes that it leaves alone) and `again_after` (6: hours in which the same is not told
twice, unless it got more severe).

What all of them rest on:

- **History is robust.** Medians and the ninth of ten, never sums: a breach that was found does not become what is usual.
- **History takes time.** Most detectors learn for one to two weeks (each says how long) and have a rule for before.
- **Only what personal classes show counts.** Pseudonyms weigh less than clear or partial values, withheld ones nothing.
- **People are told apart by actor.** A principal without actors is one person to them: let applications name the end
  user (`menshen.actor`). The name is claimed, not proved.
- **Customers are known by the records' sets of subjects** (docs/trail.md). Rows without attribution count as rows only.
- **Drills** (actors that begin with `drill:`) are found like anything else, marked, and teach no baseline.
- **A restart loses and repeats nothing**: positions are written down before records are looked at, states in
  checkpoints.

How well they find is measured on simulated weeks: `make bench-detect`.

What they cannot see: somebody who reads no more than his work needs, at the hours of his work, in no order; rows of
answers without subjects; what was photographed from a screen. Reading newest customers in order, as a welcome desk
does, looks like scraping: except its purpose.
"""


def page() -> str:
    """The whole text of docs/detectors.md."""
    return "\n".join([HEAD, _overview(), *(_section(one.about) for one in DETECTORS.values())])


def _overview() -> str:
    lines = ["| detector | | severity |", "|---|---|---|"]
    for one in DETECTORS.values():
        about = one.about
        lines.append(f"| [`{about.name}`](#{about.name}) | {about.title} · {about.title_zh} | {about.severity} |")
    return "\n".join(lines) + "\n"


def _section(about: About) -> str:
    lines = [f"## {about.name}", "", f"**{about.title} · {about.title_zh}** ({about.severity})", ""]
    lines += [
        about.sees,
        "",
        about.sees_zh,
        "",
        f"How it decides: {about.decides}",
        "",
        f"Example: {about.example}",
        "",
    ]
    if about.settings:
        lines += ["| setting | default | meaning | 含义 |", "|---|---|---|---|"]
        lines += [_row(setting) for setting in about.settings]
    return "\n".join(lines) + "\n"


def _row(setting: Setting) -> str:
    default = setting.default
    text = f"`[{', '.join(default)}]`" if isinstance(default, tuple) else f"`{str(default).lower()}`"
    return f"| `{setting.name}` | {text} | {setting.meaning} | {setting.meaning_zh} |"


def test_the_page_is_what_the_detectors_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "stale: run python tests/unit/docs/test_detectors_page.py"


def test_every_setting_is_named_where_the_decision_is_explained() -> None:
    for one in DETECTORS.values():
        for setting in one.about.settings:
            assert f"`{setting.name}`" in one.about.decides, (one.about.name, setting.name)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
