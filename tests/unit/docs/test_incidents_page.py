"""What the page about incidents says is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.api import asked
from gateway.api import incidents as api
from gateway.cli import parser
from gateway.watch.incidents import Action, State
from gateway.watch.notify import BURST, GROUP_SECONDS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/incidents.md").read_text("utf-8")


def test_states_and_actions_are_all_named() -> None:
    for word in (*State, *Action):
        assert f"`{word}`" in PAGE


def test_every_route_is_listed() -> None:
    for route in asked.routes(None, None):
        path = re.sub(r"\{number:[^/]*\}", "12", route.path).replace("{action}", "<action>").replace("{id}", "<id>")
        assert f"`{route.method} {path}`" in PAGE


def test_the_commands_of_the_page_are_commands() -> None:
    for line in re.findall(r"^menshen (incident .*)$", PAGE, re.MULTILINE):
        words = re.sub(r"\[[^]]*\]", "", line).replace('"', "").split(" --why ")
        arguments = words[0].split() + (["--why", words[1]] if len(words) > 1 else [])
        assert parser().parse_args(arguments).run
    for kind in api.DRILLS:
        assert kind in PAGE


def test_figures() -> None:
    assert (BURST, GROUP_SECONDS) == (5, 30.0)
    assert "five messages in half a minute" in PAGE
