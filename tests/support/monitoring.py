"""Prometheus, Alertmanager and a receiver of webhooks as tests need them: real processes on free ports, the shipped files."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from adapters.postgres.demo.embedded import free_port

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "dashboards" / "prometheus"
ALERTMANAGER = ROOT / "dashboards" / "alertmanager"


def found(*names: str) -> str:
    """The first of the programs that is there; empty where none is."""
    return next((path for path in map(shutil.which, names) if path), "")


def wait_for(what: Callable[[], Any], *, timeout: float, why: str, every: float = 0.1) -> Any:
    """Until `what` gives something true, which is returned."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if result := what():
            return result
        time.sleep(every)
    raise AssertionError(f"not within {timeout} s: {why}")


class Server:
    """A process that is ready when `path` answers with 200; a context manager."""

    def __init__(self, folder: Path, ready: str) -> None:
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        raise NotImplementedError

    def __enter__(self) -> Any:
        log = self.folder / "log"
        with log.open("wb") as out:
            self._process = subprocess.Popen(self.command(), stdout=out, stderr=out, cwd=self.folder)
        try:
            wait_for(lambda: get(self.url + self._ready)[0] == 200, timeout=20, why=f"{self.url} is ready")
        except AssertionError:
            self.__exit__()
            raise AssertionError(log.read_text("utf-8", "replace")) from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()


def get(url: str) -> tuple[int, str]:
    """Status and text; 0 where nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


class Prometheus(Server):
    """The shipped configuration and rules; only targets, addresses and (with `interval`) intervals differ."""

    def __init__(self, folder: Path, targets: list[str], *, alertmanager: str = "", interval: str = "") -> None:
        super().__init__(folder, "/-/ready")
        tree = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))
        jobs = [job for job in tree["scrape_configs"] if job["job_name"] == "menshen"]
        jobs[0]["static_configs"] = [{"targets": targets}]
        tree["scrape_configs"] = jobs
        tree["alerting"] = {
            "alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}] if alertmanager else []
        }
        if interval:
            tree["global"] = {"scrape_interval": interval, "evaluation_interval": interval}
            jobs[0]["scrape_interval"] = jobs[0]["scrape_timeout"] = interval
        (folder / "rules").mkdir(exist_ok=True)
        for file in (PROMETHEUS / "rules").glob("*.yml"):
            rules = yaml.safe_load(file.read_text("utf-8"))
            for group in rules["groups"] if interval else ():
                group["interval"] = interval
            (folder / "rules" / file.name).write_text(yaml.safe_dump(rules, allow_unicode=True), "utf-8")
        (folder / "prometheus.yml").write_text(yaml.safe_dump(tree), "utf-8")

    def command(self) -> list[str]:
        return [
            found("prometheus"),
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
            # What fires while the Alertmanager is not yet known is sent again soon, not in a minute.
            "--rules.alert.resend-delay=5s",
        ]

    def ask(self, expr: str) -> list[dict[str, Any]]:
        """An instant query; an error of Prometheus is one of the test."""
        return self._api("query", {"query": expr})

    def ask_range(self, expr: str, seconds: float = 20.0) -> list[dict[str, Any]]:
        now = time.time()
        window = {"start": f"{now - seconds:.3f}", "end": f"{now:.3f}", "step": "1"}
        return self._api("query_range", {"query": expr, **window})

    def _api(self, path: str, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
        status, text = get(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        document = json.loads(text)
        if status != 200 or document["status"] != "success":
            raise AssertionError(f"{parameters['query']}: {document.get('error', text)}")
        result: list[dict[str, Any]] = document["data"]["result"]
        return result


class Alertmanager(Server):
    """The shipped routes and messages; each receiver is one webhook here, at `receiver`/NAME."""

    def __init__(self, folder: Path, receiver: str) -> None:
        super().__init__(folder, "/-/ready")
        tree = yaml.safe_load((ALERTMANAGER / "alertmanager.yml").read_text("utf-8"))
        tree["global"] = {"resolve_timeout": "5m"}
        tree["templates"] = [str(ALERTMANAGER / "templates" / "*.tmpl")]
        for each in tree["receivers"]:
            name = each["name"]
            each.clear()
            each.update(name=name, webhook_configs=[{"url": f"{receiver}/{name}", "send_resolved": True}])
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(tree), "utf-8")

    def command(self) -> list[str]:
        return [
            found("alertmanager", "prometheus-alertmanager"),
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]


class Receiver:
    """Takes webhooks, and keeps when and what: `(monotonic time, receiver's name, document)`."""

    def __init__(self) -> None:
        self.got: list[tuple[float, str, dict[str, Any]]] = []
        got = self.got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                got.append((time.monotonic(), self.path.strip("/"), json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def alerts(self, alertname: str, receiver: str = "oncall") -> list[tuple[float, dict[str, Any]]]:
        return [
            (at, alert)
            for at, name, document in list(self.got)
            if name == receiver
            for alert in document["alerts"]
            if alert["labels"]["alertname"] == alertname
        ]


class Exposition:
    """Serves a text as /metrics: a stand-in for what no workload of a test produces."""

    def __init__(self, text: Callable[[], bytes]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = text()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.target = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Exposition:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
