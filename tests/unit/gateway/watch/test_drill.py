"""The figures of a drill, and when it has passed."""

from __future__ import annotations

from typing import Any

from gateway.watch.drill import Timing, markdown, timing
from gateway.watch.incidents import moment, opened, to_document
from tests.support.findings import AT, finding

T0 = moment(AT).timestamp()


def found(state: str = "sent") -> dict[str, Any]:
    incident, _ = opened(7, finding(), AT)
    document = to_document(incident) | {"name": incident.name}
    return {
        "incidents": [{"incident": document, "messages": [{"state": state, "finished": (T0 + 1) * 1e6, "route": "a"}]}],
        "routes": ["a"],
    }


def report(done: Timing, what: dict[str, Any], **changes: Any) -> dict[str, Any]:
    values = {"drill": "d1", "kind": "honey", "who": "zhou", "principal": "crm_app", "table": "crm.customers",
              "began": T0, "rows": 5, "found": what, "error": ""}  # fmt: skip
    return done.report(**{**values, **changes})


def test_a_drill_that_passed() -> None:
    done = timing(Timing(last_row=T0 - 0.5), found())
    done.contain_asked, done.contained, done.refused = T0 + 2, T0 + 2.25, True
    made = report(done, found())
    assert (made["seconds_to_detect"], made["seconds_to_page"], made["seconds_to_contain"]) == (0.5, 1.5, 0.25)
    assert made["passed"]
    assert "passed / 通过" in markdown(made)
    assert "INC-7" in markdown(made)


def test_what_was_seen_before_the_last_row_took_no_time() -> None:
    assert report(timing(Timing(last_row=T0 + 9), found()), found())["seconds_to_detect"] == 0


def test_not_detected_not_paged_not_contained_has_not_passed() -> None:
    nothing: dict[str, Any] = {"incidents": [], "routes": ["a"]}
    assert not report(timing(Timing(last_row=T0), nothing), nothing)["passed"]
    queued = report(timing(Timing(last_row=T0), found("queued")), found("queued"))
    assert (queued["detected"], queued["paged"], queued["passed"]) == (True, False, False)
    open_door = timing(Timing(last_row=T0, contained=T0 + 1), found())
    assert not report(open_door, found())["passed"]
    assert report(open_door, found(), principal="")["passed"]
    failed = report(Timing(), nothing, error="no table")
    assert "no table" in markdown(failed)
    assert "–" in markdown(failed)
