from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.wire import requests
from gateway.errors import ProtocolViolation

NAME = st.binary(max_size=10).map(lambda b: b.replace(b"\0", b""))
FORMATS = st.lists(st.integers(0, 1), max_size=1).map(tuple)


@given(NAME, NAME, FORMATS, st.lists(st.none() | st.binary(max_size=20), max_size=5).map(tuple), FORMATS)
def test_bind_survives(portal: bytes, name: bytes, formats: tuple[int, ...], values: tuple[bytes | None, ...],
                       results: tuple[int, ...]) -> None:  # fmt: skip
    message = requests.Bind(portal, name, formats, values, results)
    assert requests.decode_bind(requests.encode_bind(message)[5:]) == message


@given(NAME, NAME, st.lists(st.integers(0, 2**32 - 1), max_size=4))
def test_parse_survives(name: bytes, text: bytes, oids: list[int]) -> None:
    types = len(oids).to_bytes(2, "big") + b"".join(oid.to_bytes(4, "big") for oid in oids)
    assert requests.decode_parse(requests.encode_parse(name, text, types)[5:]) == requests.Parse(name, text, types)
    assert requests.type_oids(types) == tuple(oids)


@given(NAME, st.integers(-(2**31), 2**31 - 1))
def test_small_messages_survive(name: bytes, limit: int) -> None:
    execute = requests.Execute(name, limit)
    assert requests.decode_execute(requests.encode_execute(execute)[5:]) == execute
    target = requests.Target(requests.PORTAL, name)
    assert requests.decode_target(requests.encode_close(target)[5:]) == target
    assert requests.decode_target(requests.encode_describe(target)[5:]) == target
    assert requests.decode_query(requests.encode_query(name)[5:]) == name


def test_formats_of_parameters() -> None:
    def bind(*formats: int) -> requests.Bind:
        return requests.Bind(b"", b"", formats, (b"a", b"b"), ())

    assert [bind().format_of(2), bind(1).format_of(2), bind(0, 1).format_of(2)] == [0, 1, 1]


@pytest.mark.parametrize(
    ("decode", "body"),
    [
        (requests.decode_parse, b"name"),
        (requests.decode_parse, b"\0select\0\0\1"),
        (requests.decode_parse, b"\0select\0\0\0more"),
        (requests.decode_bind, b"\0\0\0\0\0\1\xff\xff\xff\xfe\0\0"),
        (requests.decode_bind, b"\0\0\0\0\0\1\0\0\0\5abc\0\0"),
        (requests.decode_bind, b"\0\0\0\0\0\1\0\0\0\3abc"),
        (requests.decode_bind, b"\0\0\0\0\0\0\0\0\0"),
        (requests.decode_bind, b"\0\0\0\2\0\0\0\0\0\1\xff\xff\xff\xff\0\0"),
        (requests.decode_execute, b"\0\0\0"),
        (requests.decode_target, b"Xname\0"),
        (requests.decode_target, b"Sname"),
        (requests.decode_query, b"select 1"),
        (requests.decode_query, b"select 1\0select 2\0"),
        (requests.decode_function_call, b"\0\0"),
    ],
)
def test_malformed(decode: object, body: bytes) -> None:
    assert callable(decode)
    with pytest.raises(ProtocolViolation):
        decode(body)
