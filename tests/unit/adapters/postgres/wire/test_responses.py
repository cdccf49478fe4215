from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.wire import responses

CODES = st.sampled_from("SVCMDHPpqWstcdnFLR")
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.tuples(CODES, VALUES)))
def test_errors_survive(fields: list[tuple[str, str]]) -> None:
    assert responses.decode_error(responses.encode_error(fields)[5:]) == fields


@given(st.binary(max_size=20).map(lambda b: b.replace(b"\0", b"")))
def test_other_encodings_keep_their_bytes(value: bytes) -> None:
    body = b"M" + value + b"\0\0"
    assert responses.encode_error(responses.decode_error(body))[5:] == body


def test_error_response_has_what_clients_need() -> None:
    message = responses.error_response("不行", "42501", hint="ask", position=3)
    assert dict(responses.decode_error(message[5:])) == {
        "S": "ERROR", "V": "ERROR", "C": "42501", "M": "不行", "H": "ask", "P": "3",
    }  # fmt: skip
    assert responses.sqlstate_of(message[5:]) == "42501"


@given(st.binary(max_size=40))
def test_sqlstate_of_anything(body: bytes) -> None:
    assert isinstance(responses.sqlstate_of(body), str)


def test_rows_of_tags() -> None:
    tags = {b"SELECT 5\0": 5, b"INSERT 0 3\0": 3, b"COPY 12\0": 12, b"BEGIN\0": 0, b"CREATE TABLE\0": 0, b"\0": 0}
    assert {tag: responses.rows_of_tag(tag) for tag in tags} == tags


def test_parameters_and_keys() -> None:
    assert responses.decode_parameter_status(responses.parameter_status("a", "门")[5:]) == ("a", "门")
    assert responses.decode_key(responses.key_data(2**31 + 1, b"abcd")[5:]) == (2**31 + 1, b"abcd")
