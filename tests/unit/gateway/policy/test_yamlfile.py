from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.yamlfile import Mapping, Scalar, Sequence, YamlError, parse


def test_every_key_and_value_has_its_line() -> None:
    root = parse("a: 1\n\nb:\n  - x\n  - {手机号: 值}\n")
    assert isinstance(root, Mapping)
    assert [(entry.key, entry.line) for entry in root] == [("a", 1), ("b", 3)]
    listed = root.entries["b"].value
    assert isinstance(listed, Sequence)
    assert [item.line for item in listed.items] == [4, 5]
    inner = listed.items[1]
    assert isinstance(inner, Mapping)
    assert inner.entries["手机号"].value == Scalar("值", 5, "值")
    assert (root.line_of("b"), root.line_of("absent")) == (3, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-5", -5), ("1.5", 1.5), ("true", True), ("False", False), ("~", None), ("null", None), ("", None),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("0x10", "0x10"), ("1_000", "1_000"), ("1e3", "1e3"),
        ("2026-01-01", "2026-01-01"), ("12:30", "12:30"), ('"1"', "1"), ("'true'", "true"), ("|\n 1", "1"),
        ("9" * 40, "9" * 40), ("客户", "客户"),
    ],
)  # fmt: skip
def test_only_plain_words_are_more_than_text(text: str, value: object) -> None:
    root = parse(text)
    assert isinstance(root, Scalar)
    assert (root.value, type(root.value)) == (value, type(value))


def test_a_key_is_what_is_written() -> None:
    root = parse("007: a\n7: b\ntrue: c\n")
    assert isinstance(root, Mapping)
    assert list(root.entries) == ["007", "7", "true"]


def test_a_key_that_stands_twice_keeps_its_first_value_and_is_told() -> None:
    root = parse("a: 1\na: 2\na: 3\n")
    assert isinstance(root, Mapping)
    assert root.entries["a"].value == Scalar(1, 1, "1")
    assert [entry.line for entry in root.duplicates] == [2, 3]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: &x 1\nb: *x\n", 2, "alias"),
        ("a: !!python/object:os.system x\n", 1, "tag"),
        ("a:\n  !secret {b: 1}\n", 2, "tag"),
        ("a: !x [1]\n", 1, "tag"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("? [a]\n: 1\n", 1, "used as a key"),
        ("a: {b: 1\n\nc: 2\n", 3, "not YAML"),
        ("a: 'b\n", 2, "not YAML"),
        ("[" * 100 + "]" * 100, 1, "nested deeper"),
        ("- " * 100_000, 1, "nested deeper"),
        ("a: \x01\n", 0, "not YAML"),
    ],
)
def test_what_is_not_strict_yaml_is_refused(text: str, line: int, says: str) -> None:
    with pytest.raises(YamlError) as found:
        parse(text)
    assert says in found.value.message
    assert found.value.line == line
    assert found.value.remedy


def test_an_exponential_document_is_refused_at_once() -> None:
    lines = ["a0: &a0 x"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(YamlError, match="alias"):
        parse("\n".join(lines))


@given(st.text(alphabet="ab:-[]{}\"'#&*!|>? \n\t中,", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(YamlError):
        parse(text)
