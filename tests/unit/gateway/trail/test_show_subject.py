"""Sightings as lines for people."""

from __future__ import annotations

from gateway.trail.show_subject import sighting_lines
from gateway.trail.subject_query import Sighting


def sighting(*, certain: bool = True, actor: str = "li.na", reason: str = "") -> Sighting:
    return Sighting(
        "2026-03-02T09:00:00.000000Z", certain, "crm_app", actor, "support", "ticket_resolution", ("crm.customers",),
        {"contact.phone": "partial"}, 3, reason, "n-1", 7,
    )  # fmt: skip


def test_lines_and_the_sum() -> None:
    lines = list(sighting_lines([sighting(), sighting(), sighting(certain=False, reason="aggregate")]))
    assert "crm_app/li.na  ticket_resolution  saw  crm.customers  contact.phone=partial" in lines[0]
    assert "may have seen (3 rows: aggregate)" in lines[2]
    assert lines[4] == "2 answers showed this subject; 1 more may have"
    assert lines[5].split() == ["2", "crm_app/li.na", "for", "ticket_resolution"]
    assert lines[6] == "  contact.phone: partial"


def test_names_that_clients_chose_steer_no_terminal() -> None:
    assert all(line.isprintable() for line in sighting_lines([sighting(actor="\x1b[2Jx")]))


def test_nobody() -> None:
    assert list(sighting_lines([])) == ["nobody saw this subject"]
