"""The lines that problems name are the lines where the keys stand."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from gateway.config.lines import key_lines, line_of

TEXT = '''\
top = 1
[gateway]
# workers = 9
workers = 2
"node" = "x" # [not.a.table]
limits.max_connections = 7
[[listen]]
port = 1

[[listen]]
host = """
port = 99
[nothing]
"""
list = [
  "port = 3",  # a = 1
  ["[x]"],
]
port = 2
tls = {cert = "a", key = "b"}
[databases."客户.库"]
dsn = 'x = "[y]"'
[databases.crm.pool]
size = 3
'''


def test_every_key_is_found_at_its_line() -> None:
    tomllib.loads(TEXT)
    lines = key_lines(TEXT)
    assert lines["top",] == 1
    assert lines["gateway", "workers"] == 4
    assert lines["gateway", "node"] == 5
    assert lines["gateway", "limits", "max_connections"] == 6
    assert lines["listen", 0, "port"] == 8
    assert lines["listen", 1] == 10
    assert lines["listen", 1, "port"] == 19
    assert lines["databases", "客户.库", "dsn"] == 22
    assert lines["databases", "crm", "pool", "size"] == 24
    assert ("nothing",) not in lines
    assert ("x",) not in lines


def test_a_key_of_an_inline_table_is_on_the_line_of_the_table() -> None:
    assert line_of(key_lines(TEXT), ("listen", 1, "tls", "cert")) == 20


def test_a_key_that_is_absent_gets_the_line_of_its_table() -> None:
    assert line_of(key_lines(TEXT), ("databases", "crm", "dsn")) == 23
    assert line_of(key_lines(TEXT), ("http", "port")) == 0


@given(st.text(alphabet="[]{}\"'=#\\.ab \n\t门", max_size=200))
def test_no_text_makes_it_fail(text: str) -> None:
    count = len(text.splitlines())
    assert all(1 <= line <= count for line in key_lines(text).values())
