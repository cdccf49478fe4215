from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.session.startup import (
    InvalidLoginError,
    admit,
    read,
    read_options,
    split_options,
    split_search_path,
)
from gateway.errors import Denied, MenshenError


def test_the_gateways_own_parameters_are_taken_out() -> None:
    one = read({"user": "u", "options": r"-c menshen.purpose=billing -c menshen.actor=agent\ 7 -c work_mem=4MB"})
    assert (one.database, one.purpose, one.actor) == ("u", "billing", "agent 7")
    assert one.settings == {"work_mem": "4MB"}
    two = read({"user": "u", "database": "d", "menshen.purpose": "b", "options": "-c menshen.purpose=a"})
    assert (two.database, two.purpose) == ("d", "b")


@pytest.mark.parametrize(
    ("text", "settings", "other"),
    [
        ("-c a=1 -cb=2 --c-d=3", {"a": "1", "b": "2", "c_d": "3"}, []),
        (r"-c search_path=a,\ b", {"search_path": "a, b"}, []),
        ("-c a=b=c", {"a": "b=c"}, []),
        ("-d 5", {}, ["-d", "5"]),
        ("-c", {}, ["-c", ""]),
        ("-c nothing", {}, ["-c", "nothing"]),
        ("", {}, []),
    ],
)
def test_options(text: str, settings: dict[str, str], other: list[str]) -> None:
    assert read_options(text) == (settings, other)


@given(st.lists(st.text(min_size=1, max_size=8), max_size=5))
def test_split_options_reads_what_was_escaped(words: list[str]) -> None:
    text = " ".join("".join(f"\\{c}" for c in word) for word in words)
    assert split_options(text) == words


def test_no_user() -> None:
    with pytest.raises(InvalidLoginError):
        read({"database": "d"})


@pytest.mark.parametrize("value", ["true", "database", "on", "1", "yes", "anything"])
def test_replication(value: str) -> None:
    with pytest.raises(Denied):
        read({"user": "u", "replication": value})
    assert "replication" not in read({"user": "u", "replication": "false"}).settings


@pytest.mark.parametrize(
    "parameters",
    [
        {"role": "postgres"},
        {"SESSION_AUTHORIZATION": "postgres"},
        {"standard_conforming_strings": "off"},
        {"options": "-c row_security=off"},
        {"options": "-d 5"},
        {"client_encoding": "GBK"},
        {"client_encoding": "SQL_ASCII"},
        {"options": "-c client_encoding=latin1"},
        {"local_preload_libraries": "x"},
    ],
)
def test_restricted_personas_may_not(parameters: dict[str, str]) -> None:
    with pytest.raises(MenshenError) as found:
        admit(read({"user": "u", **parameters}), unrestricted=False)
    assert found.value.hint
    admit(read({"user": "u", **parameters}), unrestricted=True)


@pytest.mark.parametrize("value", ["crm, pg_catalog", "pg_temp, crm", "pg_temp_3"])
def test_a_restricted_search_path_keeps_built_in_names(value: str) -> None:
    with pytest.raises(MenshenError):
        admit(read({"user": "u", "search_path": value}), unrestricted=False)


def test_messages_of_the_server_s_inside_stay_inside() -> None:
    """At debug2 the server sends the texts that it parses: the veils, with the keys of pseudonyms."""
    with pytest.raises(MenshenError):
        admit(read({"user": "u", "client_min_messages": "debug2"}), unrestricted=False)


def test_restricted_personas_may() -> None:
    parameters = {"application_name": "a", "DateStyle": "ISO", "client_encoding": "'utf-8'", "TimeZone": "PRC"}
    settings = admit(read({"user": "u", **parameters}), unrestricted=False)
    assert settings == {"application_name": "a", "DateStyle": "ISO", "TimeZone": "PRC", "client_encoding": "UTF8"}


def test_unrestricted_keeps_switches() -> None:
    assert admit(read({"user": "u", "options": r"-d 5\ 6"}), unrestricted=True) == {"options": r"-d 5\ 6"}


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ('"$user", public', ("$user", "public")),
        ("Public,CRM", ("public", "crm")),
        ('"My, ""Schema""", x', ('My, "Schema"', "x")),
        ("", ()),
        ('"', ("",)),
    ],
)
def test_search_paths(value: str, names: tuple[str, ...]) -> None:
    assert split_search_path(value) == names


@given(st.text(max_size=30))
def test_search_path_of_anything_ends(value: str) -> None:
    split_search_path(value)
