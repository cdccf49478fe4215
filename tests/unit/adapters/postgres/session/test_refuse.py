from __future__ import annotations

from adapters.postgres.session import refuse
from adapters.postgres.wire.responses import decode_error
from gateway.model import Denial


def test_response_carries_all_of_the_denial() -> None:
    denial = Denial("no", "ask", detail="why", position=4)
    fields = dict(decode_error(refuse.response(denial)[5:]))
    assert fields == {"S": "ERROR", "V": "ERROR", "C": "42501", "M": "no", "D": "why", "H": "ask", "P": "4"}


def test_only_the_meant_failure_is_replaced() -> None:
    denial = refuse.unknown_statement(b"s")
    assert refuse.is_ours("42883", denial)
    assert refuse.is_ours("26000", denial)
    for truth in ("25P02", "57014", "57P01", "53200"):
        assert not refuse.is_ours(truth, denial)


def test_what_is_sent_parses_and_names_a_function_that_cannot_be() -> None:
    text = refuse.REFUSED_QUERY[5:-1].decode()
    assert text.startswith("SELECT pg_catalog.")


def test_every_denial_says_what_to_do() -> None:
    for denial in (refuse.NO_TRAIL, refuse.STALE_PORTAL, refuse.NOT_UTF8, refuse.too_long(1), refuse.masked_write("c"),
                   refuse.too_many_statements(1)):  # fmt: skip
        assert denial.hint
        assert denial.reason
