"""Write the dashboards' JSON into dashboards/grafana/dashboards; with `--check` only say whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from dashboards.generate.boards import BOARDS
from dashboards.generate.kit import pages

TARGET = Path(__file__).parents[1] / "grafana" / "dashboards"


def main(arguments: list[str]) -> int:
    stale = []
    for name, text in pages(BOARDS).items():
        file = TARGET / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in arguments:
                file.write_text(text, encoding="utf-8")
    print("up to date" if not stale else ("stale: " if "--check" in arguments else "written: ") + ", ".join(stale))
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
