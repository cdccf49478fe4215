"""Who may log in, and whose sessions end."""

from __future__ import annotations

import pytest

from gateway.watch.containment import Containment, Suspended
from gateway.watch.store import Suspension


def test_a_suspended_account_is_refused_with_the_incident() -> None:
    ended: list[tuple[str, str | None, str]] = []
    containment = Containment(lambda *each: ended.append(each) or 2)  # type: ignore[func-returns-value]
    containment.check("crm_app", None)
    assert containment.use([Suspension("crm_app", "", 12), Suspension("crm_app", "", 14)]) == 2
    assert ended == [("crm_app", None, 'account "crm_app" is suspended because of incident INC-12')]
    with pytest.raises(Suspended, match="INC-12") as refused:
        containment.check("crm_app", "anybody")
    assert refused.value.sqlstate == "28000"
    containment.check("other", None)
    assert containment.principals == 1
    containment.use([])
    containment.check("crm_app", None)


def test_a_drill_holds_only_its_own_sessions() -> None:
    containment = Containment()
    containment.use([Suspension("crm_app", "drill:d1", 3)])
    containment.check("crm_app", None)
    containment.check("crm_app", "agent 7")
    with pytest.raises(Suspended):
        containment.check("crm_app", "drill:d1")
    assert containment.principals == 0
