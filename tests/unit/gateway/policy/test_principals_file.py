from __future__ import annotations

import base64

import pytest

from gateway.policy.principals_file import read_principals, verifier_trouble
from gateway.policy.terms import LegalBasis, Purpose
from tests.unit.gateway.policy.bundles import KEY, SALT, VERIFIER

TICKETS = {"tickets": Purpose("tickets", LegalBasis.CONTRACT, departments=frozenset({"support"}))}


def test_a_principal_is_read_with_its_attributes() -> None:
    text = f"""\
principals:
  客服系统:
    department: support
    kind: application
    verifier: "{VERIFIER}"
    default_purpose: tickets
    attributes: {{region: 北区, level: 3, senior: true, teams: [a, 7]}}
"""
    principals, lines, reader = read_principals(text, TICKETS)
    assert reader.problems == []
    one = principals["客服系统"]
    assert (one.department, one.kind, one.default_purpose, one.verifier) == (
        "support",
        "application",
        "tickets",
        VERIFIER,
    )
    assert dict(one.attributes) == {"region": "北区", "level": 3, "senior": True, "teams": ("a", "7")}
    assert lines == {"客服系统": 2}


@pytest.mark.parametrize(
    ("verifier", "says"),
    [
        (VERIFIER, None),
        ("md5" + "0" * 32, "not a SCRAM-SHA-256 verifier"),
        (f"SCRAM-SHA-256$1:{SALT}${KEY}:{KEY}", "iterations"),
        (f"SCRAM-SHA-256$99999999:{SALT}${KEY}:{KEY}", "iterations"),
        (f"SCRAM-SHA-256$4096:{SALT}${KEY}:{KEY[:-2]}", "base64"),
        (f"SCRAM-SHA-256$4096:{base64.b64encode(b'x').decode()}${KEY}:{KEY}", "salt"),
        (f"SCRAM-SHA-256$4096:{SALT}${SALT}:{KEY}", "32 bytes"),
    ],
)
def test_a_verifier_is_checked_by_its_parts(verifier: str, says: str | None) -> None:
    trouble = verifier_trouble(verifier)
    assert trouble is None if says is None else says in str(trouble)


def test_a_missing_purposes_file_says_nothing_of_default_purposes() -> None:
    text = "principals:\n  a: {department: d, kind: job, certificate: c, default_purpose: x}\n"
    assert read_principals(text, None)[2].problems == []
    assert len(read_principals(text, {})[2].problems) == 1
