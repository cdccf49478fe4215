"""The demo's person on call: one line a message, none for a repeat, none for what is no message."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from adapters.postgres.demo.pager import Pager
from gateway.watch.finding import Severity
from gateway.watch.notify import AppriseChannel


async def test_a_message_of_the_gateway_is_said_once() -> None:
    said: list[str] = []
    with Pager(said.append) as pager:
        channel = AppriseChannel(pager.url)
        for key in ("INC-1/opened/oncall", "INC-1/opened/oncall", "INC-2/opened/oncall"):
            await channel.send("[HIGH] INC-1 门神\n says so", "body", Severity.HIGH, key, lambda: None)
    assert said == ["[HIGH] INC-1 门神 says so"] * 2


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"message": "untitled"}'])
def test_what_is_no_message_is_refused(body: bytes) -> None:
    said: list[str] = []
    with Pager(said.append) as pager:
        request = urllib.request.Request(f"http://127.0.0.1:{pager.port}/page", data=body)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
    assert (caught.value.code, said) == (400, [])
