"""A small good bundle, and ways to spoil it: what the tests of this folder are made from."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateway.errors import Problem, ProblemsFound
from gateway.policy.bundle import compile_bundle
from gateway.policy.masks import validate
from gateway.policy.modelconf import STOCK
from gateway.policy.policy import Policy

SALT, KEY = "c2FsdHNhbHRzYWx0c2FsdA==", "A" * 43 + "="
VERIFIER = f"SCRAM-SHA-256$4096:{SALT}${KEY}:{KEY}"

CATALOG = """\
classes:
  personal: {title: {en: Personal information, zh: 个人信息}, level: 2}
  contact: {parent: personal, level: 3, mask: phone, withheld: deny}
  contact.phone: {parent: contact, title: 手机号}
  contact.email: {parent: contact, mask: email}
  sensitive: {parent: personal, level: 4}
  public: {level: 1}
tables:
  "*": deny
  "ref.*": allow
  crm.customers:
    owner: marketing
    subject: id
    retention: {after: created_at, keep: 3 years}
    consent: {table: crm.consents, subject: customer_id, purpose: purpose, given: granted_at, withdrawn: withdrawn_at}
    rows:
      support: "region = :principal.region"
    columns:
      id: public
      phone: contact.phone
      email: contact.email
      balance: sensitive
      region: public
      created_at: public
  crm.consents:
    subject: customer_id
    columns: {customer_id: public, purpose: public, granted_at: public, withdrawn_at: public}
  crm.客户:
    columns: {编号: public, 手机号: contact.phone}
functions:
  crm.get_phone: contact.phone
"""
PURPOSES = """\
purposes:
  service: {title: {en: Service, zh: 客户服务}, basis: contract}
  tickets: {parent: service, basis: contract, departments: [support]}
  marketing_all: {basis: consent, departments: [marketing]}
  campaign: {parent: marketing_all, basis: consent, departments: [marketing]}
  audit: {basis: legal_obligation, departments: [legal], retention: exempt}
  maintenance: {basis: contract, departments: [it], retention: exempt}
"""
PRINCIPALS = f"""\
principals:
  crm_app:
    department: support
    kind: application
    verifier: "{VERIFIER}"
    default_purpose: tickets
    attributes: {{region: north}}
  campaign_job: {{department: marketing, kind: job, certificate: campaign.example, default_purpose: campaign}}
  auditor: {{department: legal, kind: person, certificate: auditor.example}}
  dba: {{department: it, kind: person, certificate: dba.example, default_purpose: maintenance}}
"""
RULES = """\
# who, why, what, how
p, *, *, public, clear, allow
p, support, tickets, contact, partial, allow
p, support, tickets, contact.phone, lookup, allow
p, marketing, campaign, contact.email, clear, allow
p, marketing, *, sensitive, *, deny
p, admin, maintenance, *, *, allow
p, legal, audit, *, clear, allow

g, crm_app, support
g, campaign_job, marketing
g, dba, admin
g, auditor, legal
"""
GOOD: Mapping[str, str] = {
    "model.conf": STOCK,
    "catalog.yaml": CATALOG,
    "purposes.yaml": PURPOSES,
    "principals.yaml": PRINCIPALS,
    "rules.csv": RULES,
}


def policy(**changed: str) -> Policy:
    """The good bundle, with files replaced: `policy(rules=…, model=…)`."""
    return Policy(compile_bundle(encoded(texts(**changed)), check_mask=validate))


def texts(**changed: str) -> dict[str, str]:
    """The files of the good bundle, with some replaced by their names' stems."""
    stems = {name.split(".")[0]: name for name in GOOD}
    return {**GOOD, **{stems[stem]: text for stem, text in changed.items()}}


def encoded(files: Mapping[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in files.items()}


def spoiled(file: str, old: str, new: str) -> dict[str, str]:
    """The good bundle with one piece of text of one file replaced."""
    assert GOOD[file].count(old) == 1, f"{old!r} must stand once in {file}"
    return {**GOOD, file: GOOD[file].replace(old, new)}


def problems(files: Mapping[str, str]) -> tuple[Problem, ...]:
    """Every problem of a bundle, warnings included."""
    try:
        return compile_bundle(encoded(files), check_mask=validate).warnings
    except ProblemsFound as found:
        return found.problems


def errors(files: Mapping[str, str]) -> tuple[Problem, ...]:
    """The problems that stop a bundle; it must have some."""
    with pytest.raises(ProblemsFound) as found:
        compile_bundle(encoded(files), check_mask=validate)
    return tuple(problem for problem in found.value.problems if problem.severity == "error")


def line_of(file: str, text: str) -> int:
    """The 1-based line of the good file in which `text` stands once."""
    found = [at for at, line in enumerate(GOOD[file].split("\n"), start=1) if text in line]
    assert len(found) == 1, f"{text!r} stands in lines {found} of {file}"
    return found[0]
