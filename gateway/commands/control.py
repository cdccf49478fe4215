"""The commands' way to the running gateway: its control API, with the token of the configuration."""

from __future__ import annotations

import getpass
import json
import urllib.error
import urllib.request
from typing import Any

from gateway.config import Settings
from gateway.errors import MenshenError

_SECONDS = 30.0


class ControlRefused(MenshenError):
    """The gateway did not do what was asked, or does not answer."""


class ControlClient:
    """Blocking calls; each raises ControlRefused with what the gateway says."""

    def __init__(self, settings: Settings) -> None:
        token = settings.http.control_token
        if token is None:
            raise ControlRefused("the control API is off", hint="set http.control_token_file, and restart the gateway")
        host = settings.http.host
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what is listened on, not a bind
        self._base = f"http://{f'[{host}]' if ':' in host else host}:{settings.http.port}"
        self._token = token

    def get(self, path: str) -> Any:
        return json.loads(self.text(path))

    def text(self, path: str) -> str:
        return self._call("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return json.loads(self._call("POST", path, json.dumps(body).encode()))

    def _call(self, method: str, path: str, body: bytes | None) -> str:
        request = urllib.request.Request(self._base + path, method=method, data=body)  # noqa: S310 - http, as above
        request.add_header("Authorization", f"Bearer {self._token.reveal()}")
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                text: str = answer.read().decode()
                return text
        except urllib.error.HTTPError as error:
            raise _refused(error.code, error.read()) from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            raise ControlRefused(
                f"the gateway does not answer at {self._base}: {reason}",
                hint="Is it running? See http.host and http.port.",
            ) from None


def _refused(status: int, body: bytes) -> ControlRefused:
    try:
        error = json.loads(body)["error"]
        return ControlRefused(str(error["message"]), hint=str(error.get("remedy", "")))
    except (ValueError, KeyError, TypeError):
        return ControlRefused(f"the gateway answers with HTTP status {status}")


def who_am_i() -> str:
    """The user of this machine who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
