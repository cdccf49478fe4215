from __future__ import annotations

from gateway.model import ColumnVeil, Consent, Disclosure, Mask, Retention, RowRule, TableName
from gateway.policy.policy import Policy
from tests.unit.gateway.policy.bundles import CATALOG, PURPOSES, RULES, policy

CUSTOMERS, CONSENTS = TableName("crm", "customers"), TableName("crm", "consents")
COLUMNS = ("id", "phone", "email", "balance", "region", "created_at")
RETENTION = Retention("created_at", "3 years")


def veil_of(loaded: Policy, principal: str, purpose: str | None, table: TableName = CUSTOMERS, columns=COLUMNS):  # type: ignore[no-untyped-def]
    return loaded.veil(loaded.persona(loaded.principals[principal], purpose), table, columns)


def test_the_best_disclosure_wins_and_names_its_rules() -> None:
    veil = veil_of(policy(), "crm_app", "tickets")
    assert veil.columns[0] == ColumnVeil("id", "public", Disclosure.CLEAR, rules=("rules.csv:2",))
    assert veil.columns[1] == ColumnVeil(
        "phone", "contact.phone", Disclosure.PARTIAL, Mask("phone"), lookup=True, rules=("rules.csv:3",)
    )
    assert veil.columns[3] == ColumnVeil("balance", "sensitive", Disclosure.WITHHELD)
    assert (veil.subject, veil.governed, veil.delete) == ("id", True, False)


def test_a_denied_column_names_the_rule_that_denies() -> None:
    balance = veil_of(policy(), "campaign_job", "campaign").columns[3]
    assert (balance.disclosure, balance.rules) == (Disclosure.WITHHELD, ("rules.csv:6",))


def test_a_deny_of_clear_leaves_the_mask() -> None:
    rules = RULES + "p, support, *, contact, clear, allow\np, support, *, contact.phone, clear, deny\n"
    phone, email = veil_of(policy(rules=rules), "crm_app", "tickets").columns[1:3]
    assert (phone.disclosure, email.disclosure) == (Disclosure.PARTIAL, Disclosure.CLEAR)


def test_columns_come_in_the_databases_order_and_unknown_ones_stay_invisible() -> None:
    veil = veil_of(policy(), "crm_app", "tickets", columns=("region", "added_later", "id"))
    assert [column.column for column in veil.columns] == ["region", "id"]


def test_rows_are_bound_by_retention_consent_and_roles() -> None:
    loaded = policy()
    service, campaign = veil_of(loaded, "crm_app", "tickets"), veil_of(loaded, "campaign_job", "campaign")
    assert service.rows == (RETENTION, RowRule("support", "region = :principal.region", (("region", "north"),)))
    assert campaign.rows == (
        RETENTION,
        Consent(CONSENTS, "customer_id", "id", "purpose", "granted_at", "withdrawn_at", ("campaign", "marketing_all")),
    )
    assert veil_of(loaded, "auditor", "audit").rows == ()


def test_a_wider_purpose_on_another_basis_does_not_stand_for_consent() -> None:
    purposes = PURPOSES.replace("marketing_all: {basis: consent", "marketing_all: {basis: contract")
    consent = veil_of(policy(purposes=purposes), "campaign_job", "campaign").rows[1]
    assert consent.purposes == ("campaign",)


def test_row_rules_of_everyone_and_missing_attributes() -> None:
    expression = "id > :principal.floor AND region = :principal.department"
    catalog = CATALOG.replace("      support: ", f'      "*": "{expression}"\n      support: ')
    rows = veil_of(policy(catalog=catalog), "crm_app", "tickets").rows
    everyone = RowRule("*", expression, (("floor", None), ("department", "support")))
    assert rows[1] == everyone


def test_without_a_purpose_only_opened_schemas_are_reachable() -> None:
    loaded = policy()
    assert veil_of(loaded, "crm_app", None) is None
    cities = veil_of(loaded, "crm_app", None, TableName("ref", "cities"), ("name", "code"))
    assert [(c.data_class, c.disclosure) for c in cities.columns] == [("public", Disclosure.CLEAR)] * 2
    assert (cities.governed, cities.rows, cities.subject) == (False, (), None)


def test_a_governed_table_of_an_opened_schema_stays_governed() -> None:
    catalog = CATALOG.replace("  crm.客户:", "  ref.people: {columns: {name: sensitive, code: public}}\n  crm.客户:")
    people = TableName("ref", "people")
    assert veil_of(policy(catalog=catalog), "crm_app", None, people, ("name",)) is None
    veil = veil_of(policy(catalog=catalog), "crm_app", "tickets", people, ("name", "code"))
    assert [column.disclosure for column in veil.columns] == [Disclosure.WITHHELD, Disclosure.CLEAR]


def test_what_the_catalogue_does_not_know_is_not_reachable_even_for_everything() -> None:
    loaded = policy()
    assert veil_of(loaded, "dba", "maintenance", TableName("crm", "secret"), ("x",)) is None


def test_a_table_of_which_nothing_is_allowed_is_not_reachable() -> None:
    loaded = policy(rules=RULES.replace("p, *, *, public, clear, allow\n", ""))
    assert veil_of(loaded, "campaign_job", "campaign", CONSENTS, ("customer_id",)) is None
    assert veil_of(loaded, "crm_app", None, TableName("ref", "cities"), ("name",)) is None


def test_a_table_that_may_only_be_written_is_reachable() -> None:
    rules = RULES.replace("p, *, *, public, clear, allow\n", "p, support, tickets, crm.consents, insert, allow\n")
    veil = veil_of(policy(rules=rules), "crm_app", "tickets", CONSENTS, ("customer_id",))
    assert (veil.columns[0].insert, veil.columns[0].disclosure) == (True, Disclosure.WITHHELD)


def test_a_row_may_be_deleted_only_with_all_of_its_columns() -> None:
    some = RULES + "p, support, tickets, public, delete, allow\np, support, tickets, contact, delete, allow\n"
    assert not veil_of(policy(rules=some), "crm_app", "tickets").delete
    assert veil_of(policy(rules=some + "p, support, tickets, sensitive, delete, allow\n"), "crm_app", "tickets").delete
    # A column that this statement does not ask for goes with the row as well.
    assert not veil_of(policy(rules=some), "crm_app", "tickets", columns=("id",)).delete


def test_a_table_without_columns_is_judged_as_itself() -> None:
    assert veil_of(policy(), "dba", "maintenance", TableName("ref", "empty"), ()) is not None
    assert veil_of(policy(), "crm_app", "tickets", TableName("ref", "empty"), ()) is None
