"""The worked example bundle says what the demo tells people to look for."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from adapters.postgres.demo.state import shipped_policies
from gateway.model import Consent, Disclosure, Retention, RowRule, TableName, Veil
from gateway.policy.policy import Policy, load

CUSTOMERS = TableName("crm", "customers")
CLEAR, PARTIAL, PSEUDONYM, WITHHELD = Disclosure.CLEAR, Disclosure.PARTIAL, Disclosure.PSEUDONYM, Disclosure.WITHHELD


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load(shipped_policies())


def _veil(policy: Policy, principal: str, purpose: str, table: TableName = CUSTOMERS) -> Veil:
    persona = policy.persona(policy.principals[principal], purpose)
    veil = policy.veil(persona, table, tuple(policy.tables[table].columns))
    assert veil is not None
    return veil


def test_it_loads_without_a_warning_but_for_the_missing_verifiers(policy: Policy) -> None:
    assert [w for w in policy.warnings if "neither a verifier" not in w.message] == []


@pytest.mark.parametrize(
    ("principal", "purpose", "shown"),
    [
        ("crm_app", "ticket_resolution", (CLEAR, PARTIAL, PARTIAL, PARTIAL, WITHHELD, WITHHELD)),
        ("campaign_job", "campaign", (CLEAR, WITHHELD, CLEAR, WITHHELD, PARTIAL, WITHHELD)),
        ("sales_wang", "order_fulfilment", (CLEAR, PARTIAL, WITHHELD, WITHHELD, WITHHELD, PARTIAL)),
        ("bi_reader", "analytics", (PSEUDONYM, PSEUDONYM, PSEUDONYM, PSEUDONYM, PARTIAL, PARTIAL)),
        ("dba_chen", "maintenance", (CLEAR, CLEAR, CLEAR, CLEAR, CLEAR, CLEAR)),
    ],
)
def test_five_identities_see_five_things(
    policy: Policy, principal: str, purpose: str, shown: tuple[Disclosure, ...]
) -> None:
    veil = _veil(policy, principal, purpose)
    by_name = {column.column: column for column in veil.columns}
    names = ("full_name", "phone", "email", "id_card", "birth", "balance")
    assert tuple(by_name[name].disclosure for name in names) == shown


def test_service_and_sales_find_a_customer_by_phone(policy: Policy) -> None:
    for principal, purpose in (("crm_app", "ticket_resolution"), ("sales_wang", "order_fulfilment")):
        assert [c.column for c in _veil(policy, principal, purpose).columns if c.lookup and c.column == "phone"]


def test_marketing_is_bound_by_consent_and_sales_by_region(policy: Policy) -> None:
    (consent,) = [r for r in _veil(policy, "campaign_job", "campaign").rows if isinstance(r, Consent)]
    assert consent.purposes == ("campaign",)
    (rule,) = [r for r in _veil(policy, "sales_wang", "order_fulfilment").rows if isinstance(r, RowRule)]
    assert rule.attributes == (("region", "310000"),)


def test_retention_binds_everybody_but_the_purposes_that_are_exempt(policy: Policy) -> None:
    exempt = {name for name, purpose in policy.purposes.items() if purpose.retention_exempt}
    assert exempt == {"records_disposal", "maintenance"}
    for principal, purpose in (("crm_app", "ticket_resolution"), ("dpo_zhou", "rights_request")):
        assert any(isinstance(r, Retention) for r in _veil(policy, principal, purpose).rows)
    assert not any(isinstance(r, Retention) for r in _veil(policy, "dpo_zhou", "records_disposal").rows)


def test_only_the_database_administrator_is_unrestricted(policy: Policy) -> None:
    for name, principal in policy.principals.items():
        assert principal.default_purpose
        assert policy.persona(principal, principal.default_purpose).unrestricted == (name == "dba_chen")


def test_every_table_and_column_of_the_demo_database_is_classified(policy: Policy) -> None:
    schema = resources.files("adapters.postgres.demo").joinpath("schema.sql").read_text(encoding="utf-8")
    found = {}
    for name, body in re.findall(r"CREATE TABLE (\S+) \((.*?)\n\);", schema, re.S):
        found[name.replace('"', "")] = [line.split()[0].strip('"') for line in body.strip().splitlines()]
    governed = {str(name): list(table.columns) for name, table in policy.tables.items()}
    assert {name: columns for name, columns in found.items() if not name.startswith("ref.")} == governed
    assert {name for name in found if name.startswith("ref.")} == {"ref.regions", "ref.products"}
    assert policy.open_schemas == {"ref"}


def test_every_class_has_a_chinese_and_an_english_title(policy: Policy) -> None:
    for name, one in policy.classes.items():
        assert set(one.title) == {"en", "zh"}, name
