"""What the settings must fulfil together."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load
from gateway.config.checks import is_loopback
from gateway.errors import Problem, ProblemsFound

DATABASE = '[databases.crm]\ndsn = "postgresql://h/d"\n'
LISTEN = "[[listen]]\nport = 6432\n"


def judge(folder: Path, text: str) -> list[Problem]:
    file = folder / "menshen.toml"
    file.write_text(text)
    try:
        return list(load(file, {}).warnings)
    except ProblemsFound as found:
        return list(found.problems)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (DATABASE, 0, "no [[listen]]"),
        (LISTEN, 0, "no [databases.NAME]"),
        (DATABASE + LISTEN + LISTEN, 6, "already used by listen[0].port"),
        (DATABASE + "[[listen]]\nport = 8080\n", 4, "already used by http.port"),
        (LISTEN + '[databases.crm]\ndsn = "mysql://u:hush@h/d"\n', 4, "no PostgreSQL address"),
        (LISTEN + '[databases.crm]\ndsn = "postgresql://h:port/d"\n', 4, "no PostgreSQL address"),
        (LISTEN + DATABASE + "pool.size = 1\n[gateway]\nworkers = 2\n", 5, "2 workers cannot divide"),
        (LISTEN + DATABASE + "pool.per_principal = 1\n[gateway]\nworkers = 2\n", 5, "2 workers cannot divide"),
        (LISTEN + DATABASE + '[policy]\npublic_key = "k"\n', 6, "policy.public_key is not in this version"),
        (LISTEN + DATABASE + '[policy]\nshadow = "s"\n', 6, "policy.shadow is not in this version"),
        (LISTEN + DATABASE + '[policy]\npseudonym_key = "short"\n', 6, "shorter than 32"),
        (LISTEN + DATABASE + '[http]\ncontrol_token = "short"\n', 6, "shorter than 16"),
        (LISTEN + DATABASE + '[trail]\nsigning_key_file = "gone.pem"\n', 6, "there is no file"),
        (DATABASE + '[[listen]]\ntls = {cert = "menshen.toml"}\n', 4, "one of cert and key"),
        (DATABASE + '[[listen]]\ntls = {mode = "require"}\n', 4, "no certificate"),
        (DATABASE + '[[listen]]\ntls = {client_ca = "menshen.toml"}\n', 4, "client_ca and no certificate"),
        (DATABASE + '[[listen]]\ntls = {cert = "menshen.toml", key = "gone.pem"}\n', 4, "there is no file"),
    ],
)
def test_errors(tmp_path: Path, text: str, line: int, message: str) -> None:
    (problem,) = judge(tmp_path, text)
    assert (problem.severity, problem.line) == ("error", line)
    assert message in problem.message
    assert "hush" not in str(problem)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (DATABASE + '[[listen]]\nhost = "0.0.0.0"\n', 4, "without TLS"),
    ],
)
def test_warnings_do_not_stop_a_start(tmp_path: Path, text: str, line: int, message: str) -> None:
    (problem,) = judge(tmp_path, text)
    assert (problem.severity, problem.line) == ("warning", line)
    assert message in problem.message


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("db", False)],
)
def test_which_addresses_are_local(host: str, local: bool) -> None:
    assert is_loopback(host) is local
