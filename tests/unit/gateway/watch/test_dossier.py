"""The report: what the law asks for, in both languages, with nothing that a browser could run."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gateway.watch.dossier import Material, document, html
from gateway.watch.incidents import Action, changed, opened
from tests.support.findings import AT, finding

LATER = "2026-03-02T12:30:00.000000Z"


def material(**changes: object) -> Material:
    incident, first = opened(7, finding(**changes), AT)
    incident, second = changed(incident, Action.CONTAIN, who="zhou", why="<b>stolen</b>", at=AT)
    return Material(
        incident, [first, second], [], 2, ["crm.customers/1", "crm.customers/2"],
        title=lambda name, language: {"zh": "电话", "en": "Phone"}[language],
    )  # fmt: skip


@pytest.mark.parametrize(("language", "title"), [("en", "Phone"), ("zh", "电话")])
def test_what_the_law_asks_for(language: str, title: str) -> None:
    report = document(material(), LATER, language)
    json.dumps(report)
    assert report["who"]["account"] == "crm_app"
    assert report["what"] == [{"class": "contact.phone", "title": title, "disclosure": "partial"}]
    assert report["subjects"] == {
        "count": 2, "listed": 2, "shown": ["crm.customers/1", "crm.customers/2"], "complete": True,
    }  # fmt: skip
    assert [one["what"] for one in report["measures"]] == ["contain"]
    assert report["clock"]["since_seconds"] == 9000
    assert [(one["hours"], one["passed"]) for one in report["clock"]["deadlines"]] == [(1, True), (4, False)]
    page = html(report)
    assert title in page
    assert "&lt;b&gt;stolen" in page
    assert "<b>" not in page
    assert f'lang="{language}"' in page
    assert "src=" not in page
    assert "href=" not in page


def test_an_incomplete_list_says_so() -> None:
    report = document(material(subject_count=500), LATER)
    assert not report["subjects"]["complete"]
    assert report["subjects"]["count"] == 500
    assert "not complete" in html(report)


def test_what_was_withheld_is_not_reported_as_disclosed() -> None:
    shown = document(material(classes=(("contact.phone", "partial"), ("birth", "withheld"))), LATER)["what"]
    assert [one["class"] for one in shown] == ["contact.phone"]


def test_a_chinese_timeline_tells_findings_in_chinese() -> None:
    one = replace(material(), findings=[{"id": finding().id, "summary_zh": finding().summary_zh}])
    assert "一次取走" in document(one, LATER, "zh")["timeline"][0]["why"]
    assert "12,000 rows" in document(one, LATER, "en")["timeline"][0]["why"]
    assert document(one, LATER, "zh")["timeline"][1]["why"] == "<b>stolen</b>"


def test_what_is_not_personal_is_no_kind_of_personal_information() -> None:
    shown = document(material(classes=(("contact.phone", "partial"), ("public", "clear"))), LATER)["what"]
    assert [one["class"] for one in shown] == ["contact.phone"]


@pytest.mark.parametrize(("language", "harm"), [("en", "Possible harm"), ("zh", "可能造成的危害")])
def test_the_persons_come_last_so_that_the_report_can_be_read(language: str, harm: str) -> None:
    page = html(document(material(), LATER, language))
    assert page.index(harm) < page.index("crm.customers/1") < page.index("crm.customers/2")


def test_the_clock_of_a_report_made_early() -> None:
    assert document(material(), AT)["clock"]["since_seconds"] == 0
