"""One event is one line, whatever is in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from gateway.log import configure, event, failed


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(fmt: str, message: str, **fields: object) -> str:
    stream = io.StringIO()
    configure(fmt, "info", stream)
    event(logging.getLogger("gateway.x"), logging.INFO, "thing_done", message, **fields)
    event(logging.getLogger("gateway.x"), logging.DEBUG, "detail", "not shown")
    return stream.getvalue()


def test_json_is_one_object_on_a_line() -> None:
    text = logged("json", "done 100% 门", database="crm")
    assert text.count("\n") == 1
    document = json.loads(text)
    assert (document["event"], document["message"], document["database"]) == ("thing_done", "done 100% 门", "crm")
    assert document["level"] == "info"


def test_a_line_for_people_stays_a_line() -> None:
    text = logged("human", "done", name="a\nb\x1b[31m")
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert "name=a\\nb\\x1b[31m" in text


def test_casbin_and_access_logs_are_silent() -> None:
    stream = io.StringIO()
    configure("human", "debug", stream)
    logging.getLogger("casbin").info("request: 13800138000")
    logging.getLogger("casbin.enforcer").info("request: 13800138000")
    logging.getLogger("aiohttp.access").info("GET /")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("fmt", ["json", "human"])
def test_a_defect_shows_the_way_and_not_the_words_of_the_exception(fmt: str) -> None:
    stream = io.StringIO()
    configure(fmt, "info", stream)
    quoted = "13800138000"
    try:
        int(f"value {quoted}")
    except ValueError as exc:
        failed(logging.getLogger("gateway.x"), "it broke", exc)
    text = stream.getvalue()
    assert quoted not in text
    assert "ValueError" in text
    assert "test_a_defect_shows_the_way" in text
