from __future__ import annotations

import pytest

from gateway.policy.purposes_file import purpose_forest, read_purposes
from gateway.policy.terms import LegalBasis
from tests.unit.gateway.policy.bundles import PURPOSES


def test_purposes_are_read() -> None:
    purposes, lines, reader = read_purposes(PURPOSES)
    assert reader.problems == []
    assert purposes["tickets"].parent == "service"
    assert purposes["service"].title == {"en": "Service", "zh": "客户服务"}
    assert purposes["audit"].retention_exempt
    assert not purposes["tickets"].retention_exempt
    assert lines["service"] == 2
    assert purpose_forest(purposes).above("campaign") == {"campaign", "marketing_all"}


@pytest.mark.parametrize("basis", LegalBasis)
def test_consent_is_asked_on_its_basis_or_where_it_is_required(basis: LegalBasis) -> None:
    asked = read_purposes(f"purposes:\n  a: {{basis: {basis}, departments: d}}\n")[0]["a"]
    required = read_purposes(f"purposes:\n  a: {{basis: {basis}, departments: d, consent: required}}\n")[0]["a"]
    assert asked.consent == (basis is LegalBasis.CONSENT)
    assert required.consent
    assert asked.departments == {"d"}


def test_a_purpose_without_departments_may_group_others() -> None:
    text = "purposes:\n  a: {basis: contract}\n  b: {parent: a, basis: contract, departments: [d]}\n"
    assert read_purposes(text)[2].problems == []
