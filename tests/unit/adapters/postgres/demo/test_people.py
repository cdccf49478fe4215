"""Generated people: the same for the same seed, well-formed, and nobody's."""

from __future__ import annotations

import ipaddress
import re
from datetime import date, timedelta

import pytest

from adapters.postgres.demo.people import (
    MOBILE_PREFIXES,
    NULL,
    STORIES,
    Company,
    card_number,
    resident_number,
)

TODAY = date(2026, 3, 1)
NAME, GENDER, PHONE, EMAIL, ID_CARD, PASSPORT, BIRTH, ADDRESS = range(1, 9)
IP, CREATED, ACTIVE = 14, 16, 17


@pytest.fixture(scope="module")
def company() -> Company:
    return Company(7, 3000, TODAY)


def test_the_same_seed_gives_the_same_rows(company: Company) -> None:
    again = Company(7, 3000, TODAY)
    for table, rows in company.tables.items():
        assert list(rows()) == list(again.tables[table]()), table


def test_a_table_is_the_same_each_time_it_is_taken(company: Company) -> None:
    for table, rows in company.tables.items():
        assert list(rows()) == list(rows()), table


def test_another_seed_gives_other_people(company: Company) -> None:
    other = Company(8, 3000, TODAY)
    assert [c.name for c in company.customers] != [c.name for c in other.customers]


def test_a_larger_company_begins_with_the_smaller(company: Company) -> None:
    assert [c.row for c in Company(7, 4000, TODAY).customers[:3000]] == [c.row for c in company.customers]


def test_no_text_breaks_copy_and_all_fits(company: Company) -> None:
    for rows in company.tables.values():
        for row in rows():
            for text in row:
                assert text == NULL or not re.search(r"[\t\n\r\\]", text)
    for row in (c.row for c in company.customers):
        assert len(row[NAME]) <= 60
        assert len(row[PHONE]) <= 20
        assert len(row[EMAIL]) <= 120
        assert len(row[PASSPORT]) <= 12
        assert len(row[ADDRESS]) <= 200


def test_resident_numbers_have_the_right_check_digit() -> None:
    # The standard's own example (GB 11643-1999, appendix A): 11010519491231002X; here with the county 99.
    weights = [2 ** (17 - place) % 11 for place in range(18)]
    for serial in range(100):
        number = resident_number("1101", date(1949, 12, 31), serial)
        digits = [10 if c == "X" else int(c) for c in number]
        assert sum(w * d for w, d in zip(weights, digits, strict=True)) % 11 == 1
        assert number[4:6] == "99"


def test_the_resident_number_agrees_with_birth_and_sex(company: Company) -> None:
    seen = 0
    for row in (c.row for c in company.customers):
        if row[ID_CARD] != NULL and row[BIRTH] != NULL:
            seen += 1
            assert row[ID_CARD][6:14] == row[BIRTH].replace("-", "")
            assert int(row[ID_CARD][16]) % 2 == (1 if row[GENDER] == "M" else 0)
    assert seen > 2000


def test_card_numbers_pass_luhn() -> None:
    for number in (0, 1, 12345, 10**12 - 1):
        digits = [int(d) for d in reversed(card_number(number))]
        assert len(digits) == 19
        assert sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)) % 10 == 0


def test_phones_belong_to_nobody_and_are_distinct(company: Company) -> None:
    mobiles = [c.phone for c in company.customers if c.phone.isdigit()]
    assert len(mobiles) > 2400
    assert len(set(mobiles)) == len(mobiles)
    assert {m[:3] for m in mobiles} == set(MOBILE_PREFIXES)
    assert all(len(m) == 11 for m in mobiles)


def test_addresses_of_machines_and_mail_are_for_documentation(company: Company) -> None:
    documentation = [
        ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
    ]
    for row in (c.row for c in company.customers):
        address = ipaddress.ip_address(row[IP])
        assert any(address in network for network in documentation if network.version == address.version)
        assert row[EMAIL] == NULL or re.fullmatch(r"[a-z.]+\d+@example\.(com|net)", row[EMAIL])


def test_the_first_customers_tell_their_story(company: Company) -> None:
    limit = (TODAY - timedelta(days=3 * 366)).isoformat()
    consents = {int(row[1]): row for row in company.tables["crm.consents"]() if row[2] == "campaign"}
    for customer, story in zip(company.customers, STORIES, strict=False):
        assert (customer.row[ACTIVE] < limit) == story.expired
        assert (customer.id in consents) == (story.consent != "never")
        if customer.id in consents:
            assert (consents[customer.id][5] != NULL) == (story.consent == "withdrawn")
    assert company.customers[5].row[ID_CARD] == NULL


def test_there_are_compound_surnames_minorities_and_foreigners(company: Company) -> None:
    names = " ".join(c.name for c in company.customers)
    assert "欧阳" in names
    assert "·" in names
    assert "O'Connor" in names


def test_a_withdrawal_is_not_before_its_consent(company: Company) -> None:
    for row in company.tables["crm.consents"]():
        assert row[5] == NULL or row[5] >= row[4]
