"""The commands' way to the gateway: what it says comes through, what is wrong comes with a remedy, and no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.commands.control import ControlClient, ControlRefused, who_am_i
from gateway.config import load
from tests.support.controlapi import TOKEN, control_api


def test_documents_and_the_token_go_through(tmp_path: Path) -> None:
    with control_api(tmp_path, {"GET /v1/honey": {"honey": ["门"]}, "POST /v1/drills": {"id": "d1"}}) as api:
        client = ControlClient(load(api.config))
        assert client.get("/v1/honey") == {"honey": ["门"]}
        assert client.post("/v1/drills", {"kind": "蜜"}) == {"id": "d1"}
    assert api.asked == [("GET /v1/honey", None), ("POST /v1/drills", {"kind": "蜜"})]
    assert api.tokens == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("status", "body", "message", "hint"),
    [
        (409, b'{"error": {"message": "INC-1 is resolved", "remedy": "open another"}}', "INC-1 is resolved", "open another"),
        (403, b'{"error": {"message": "no"}}', "no", ""),
        (502, b"<html>", "the gateway answers with HTTP status 502", ""),
        (500, b"[]", "the gateway answers with HTTP status 500", ""),
    ],
)  # fmt: skip
def test_what_it_refuses_is_told_in_its_words(
    tmp_path: Path, status: int, body: bytes, message: str, hint: str
) -> None:
    with control_api(tmp_path, {"GET /v1/x": (status, body)}) as api, pytest.raises(ControlRefused) as refused:
        ControlClient(load(api.config)).get("/v1/x")
    assert (refused.value.message, refused.value.hint) == (message, hint)


def test_a_gateway_that_is_not_there(tmp_path: Path) -> None:
    with control_api(tmp_path, {}) as api:
        pass
    with pytest.raises(ControlRefused, match=f"does not answer at http://127.0.0.1:{api.port}") as refused:
        ControlClient(load(api.config)).get("/v1/x")
    assert "http.port" in refused.value.hint
    assert TOKEN not in str(refused.value)


def test_without_a_token_the_remedy_is_told(tmp_path: Path) -> None:
    with control_api(tmp_path, {}) as api:
        text = api.config.read_text("utf-8")
        api.config.write_text(text.replace(f'control_token = "{TOKEN}"\n', ""), "utf-8")
        with pytest.raises(ControlRefused, match="off") as refused:
            ControlClient(load(api.config))
    assert "control_token_file" in refused.value.hint


@pytest.mark.parametrize(("host", "asked"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]")])
def test_an_address_for_all_is_asked_on_this_machine(tmp_path: Path, host: str, asked: str) -> None:
    with control_api(tmp_path, {}) as api:
        api.config.write_text(api.config.read_text("utf-8").replace("[http]\n", f'[http]\nhost = "{host}"\n'), "utf-8")
        assert ControlClient(load(api.config))._base == f"http://{asked}:{api.port}"


def test_nobody_is_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid 12345")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert who_am_i() == "unknown"
