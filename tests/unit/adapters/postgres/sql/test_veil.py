"""Veils as SQL: the derived table, its pieces, and the predicates."""

from __future__ import annotations

import pytest

from adapters.postgres.sql.masks import ColumnType, PseudonymKeys
from adapters.postgres.sql.parse import Text
from adapters.postgres.sql.veil import RenderedVeil, render
from gateway.model import ColumnVeil, Consent, Disclosure, Mask, Retention, RowPredicate, RowRule, TableName, Veil

KEYS = PseudonymKeys(bytes(range(32)))
TABLE = TableName("crm", '客"户')
INT, TEXT = ColumnType("integer", "int4"), ColumnType("text", "text")
AT = {base: ColumnType(sql, base) for sql, base in (("date", "date"), ("timestamp", "timestamp"))}
AT["timestamptz"] = ColumnType("timestamp with time zone", "timestamptz")
COLUMNS = {"id": INT, "电话": TEXT, "created": AT["timestamptz"], "region": TEXT}


def clear(name: str) -> ColumnVeil:
    return ColumnVeil(name, "public", Disclosure.CLEAR)


def veiled(
    *columns: ColumnVeil, rows: tuple[RowPredicate, ...] = (), types: dict[str, ColumnType] | None = None
) -> RenderedVeil:
    return render(Veil(TABLE, columns, rows), COLUMNS if types is None else types, KEYS)


ALL_CLEAR = tuple(clear(name) for name in COLUMNS)
PHONE = ColumnVeil("电话", "contact.phone", Disclosure.PARTIAL, Mask("text"))
RULE = RowRule("support", "region = :principal.region", (("region", "north"),))


def test_a_clear_veil_without_predicates_is_trivial() -> None:
    assert veiled(*ALL_CLEAR).trivial
    assert not veiled(*ALL_CLEAR[:-1]).trivial
    assert not veiled(*ALL_CLEAR, rows=(RULE,)).trivial
    assert not veiled(ALL_CLEAR[0], PHONE, *ALL_CLEAR[2:]).trivial


def test_the_derived_table_lists_visible_columns_in_the_order_of_the_database() -> None:
    veil = veiled(PHONE, clear("region"), clear("id"))
    assert [column.name for column in veil.columns] == ["id", "电话", "region"]
    masked = veil.by_name["电话"].expression()
    assert veil.derived() == f'(SELECT "id", {masked} AS "电话", "region" FROM "crm"."客""户")'


def test_the_derived_table_takes_what_a_relation_reference_can_have() -> None:
    veil = veiled(clear("id"), rows=(RULE,))
    text = veil.derived(
        only=True,
        tablesample="TABLESAMPLE SYSTEM (10)",
        system_columns=("xmin",),
        where=('"电话" = $1',),
        fence=True,
        extra=('1 AS "g"',),
    )
    assert text == (
        '(SELECT "id", "xmin", 1 AS "g" FROM ONLY "crm"."客""户" TABLESAMPLE SYSTEM (10)'
        ' WHERE ("region" OPERATOR(pg_catalog.=) \'north\') AND ("电话" = $1) OFFSET 0)'
    )
    assert Text(f"SELECT * FROM {text} x").statements


def test_a_prefix_reaches_every_column() -> None:
    veil = veiled(PHONE, rows=(RULE, Retention("created", "1 year 6 months")))
    column = veil.by_name["电话"]
    assert column.raw('"c".') == '"c"."电话"'
    assert column.expression('"c".').count('"c"."电话"') == column.expression().count('"电话"')
    assert '"c"."region"' in (veil.predicate('"c".') or "")
    assert '"c"."created"' in (veil.predicate('"c".') or "")
    assert veiled(PHONE).predicate() is None


def test_a_column_that_the_database_lacks_is_left_out_and_an_unclassified_one_stays_invisible() -> None:
    veil = veiled(clear("id"), clear("gone"))
    assert [column.name for column in veil.columns] == ["id"]
    assert not veil.trivial


@pytest.mark.parametrize("base", AT)
def test_retention_is_counted_in_utc(base: str) -> None:
    veil = veiled(clear("at"), rows=(Retention("at", "3 years"),), types={"at": AT[base]})
    inner = (
        "pg_catalog.timestamp_mi_interval(pg_catalog.timezone('UTC',pg_catalog.statement_timestamp()),"
        "'3 years'::pg_catalog.interval)"
    )
    limit = f"pg_catalog.timezone('UTC',{inner})" if base == "timestamptz" else inner
    assert veil.predicate() == f'("at" OPERATOR(pg_catalog.>=) {limit})'


@pytest.mark.parametrize(
    "rule", [Retention("gone", "3 years"), Retention("id", "3 years"), Retention("created", "3' x")]
)
def test_retention_that_cannot_be_rendered_hides_every_row(rule: Retention) -> None:
    assert veiled(clear("id"), rows=(rule,)).predicate() == "false"


def consent(withdrawn: str | None = "withdrawn") -> Consent:
    table = TableName("crm", "consents")
    return Consent(table, "customer", "id", "purpose", "given", withdrawn, ("campaign", "广告"))


def test_consent_refers_to_the_outer_row_whatever_it_is_called() -> None:
    veil = veiled(clear("id"), rows=(consent(),))
    assert '"menshen:consent"."customer" OPERATOR(pg_catalog.=) "crm"."客""户"."id"' in (veil.predicate() or "")
    assert '"menshen:consent"."customer" OPERATOR(pg_catalog.=) "c"."id"' in (veil.predicate('"c".') or "")
    own = veil.predicate('"menshen:consent".') or ""
    assert '"menshen:consent2"."customer" OPERATOR(pg_catalog.=) "menshen:consent"."id"' in own
    assert """ANY ('{"campaign","广告"}')""" in own
    assert "withdrawn" not in (veiled(clear("id"), rows=(consent(None),)).predicate() or "")


def test_consent_over_a_missing_key_hides_every_row() -> None:
    assert veiled(rows=(consent(),), types={"other": INT}).predicate() == "false"


def test_a_veil_with_a_pseudonym_is_secret() -> None:
    assert veiled(ColumnVeil("电话", "c", Disclosure.PSEUDONYM)).secret
    assert veiled(ColumnVeil("电话", "c", Disclosure.PARTIAL, Mask("pseudonym"))).secret
    assert not veiled(ColumnVeil("created", "c", Disclosure.PSEUDONYM)).secret
    assert not veiled(PHONE).secret


def test_withheld_is_null_of_the_columns_type() -> None:
    veil = veiled(ColumnVeil("created", "c", Disclosure.WITHHELD))
    assert veil.derived() == '(SELECT (NULL::timestamp with time zone) AS "created" FROM "crm"."客""户")'
