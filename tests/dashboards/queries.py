"""The panels of the committed dashboards, and their queries as Grafana would send them."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support.monitoring import ROOT

BOARDS = {file.name: file for file in sorted((ROOT / "dashboards/grafana/dashboards").glob("*.json"))}


def panels() -> list[dict[str, Any]]:
    """Every panel of every board that shows something."""
    found = []
    for name, file in BOARDS.items():
        for panel in json.loads(file.read_text("utf-8"))["panels"]:
            if panel["type"] != "row":
                found.append({**panel, "board": name.removesuffix(".json")})
    return found


def as_sent(expr: str, *, rate: str = "10s", whole: str = "30s") -> str:
    """Variables at `All`, intervals as given."""
    text = expr.replace("$__rate_interval", rate).replace("$__range", whole)
    return re.sub(r"\$(database|department|purpose)\b", ".*", text)
