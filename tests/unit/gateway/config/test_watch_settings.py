"""[watch] and [[notify]]: what is read, and that every mistake is told without showing an address."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load
from gateway.errors import ProblemsFound

BASE = """\
[[listen]]
port = 6432
[databases.crm]
dsn = "postgresql://u:p@h/crm"
"""


def read(folder: Path, text: str, **environ: str) -> object:
    path = folder / "menshen.toml"
    path.write_text(BASE + text, "utf-8")
    return load(path, environ)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ProblemsFound) as found:
        read(folder, text)
    assert "secret" not in str(found.value)
    return [problem.message for problem in found.value.problems]


def test_read(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("json://h/secret\n")
    (tmp_path / "url").chmod(0o600)
    settings = read(
        tmp_path,
        '[watch]\nbypass_allowed = ["backup", "replica"]\n[[notify]]\nname = "a"\nurl_file = "url"\n'
        'departments = ["销售"]\nseverity = "high"\n',
    )
    assert settings.watch.bypass_allowed == ("backup", "replica")  # type: ignore[attr-defined]
    route = settings.notify[0]  # type: ignore[attr-defined]
    assert (route.url.reveal(), route.departments, route.severity.value) == ("json://h/secret", ("销售",), "high")


def test_defaults_and_environment(tmp_path: Path) -> None:
    settings = read(
        tmp_path, "", MENSHEN__NOTIFY__0__NAME="a", MENSHEN__NOTIFY__0__URL="json://h",
        MENSHEN__WATCH__BYPASS_ALLOWED="one, two",
    )  # fmt: skip
    assert settings.watch.enabled  # type: ignore[attr-defined]
    assert settings.watch.bypass_allowed == ("one", "two")  # type: ignore[attr-defined]
    assert settings.notify[0].name == "a"  # type: ignore[attr-defined]


def test_every_mistake_is_told(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        '[watch]\nstore_dsn = "mysql://secret"\n[[notify]]\nname = "a"\nurl = "secret"\n[[notify]]\nname = "a"\nurl = "x://a y://b"\n',
    )
    assert len(found) == 4
    assert problems(tmp_path, '[[notify]]\nname = "a b"\nurl = "json://h"\n') == [
        "notify[0].name must be letters, digits, - and _"
    ]
    assert "list of texts" in problems(tmp_path, "[watch]\nbypass_allowed = [1]\n")[0]
    assert "list of texts" in problems(tmp_path, '[watch]\nbypass_allowed = "a"\n')[0]


def test_nobody_who_is_told_at_once_is_a_warning(tmp_path: Path) -> None:
    settings = read(tmp_path, '[[notify]]\nname = "a"\nurl = "json://h"\nescalate_after_seconds = 5\n')
    assert "escalation" in settings.warnings[0].message  # type: ignore[attr-defined]
