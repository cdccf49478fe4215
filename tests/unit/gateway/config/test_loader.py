"""The file, the variables and the secret files together."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import Durability, Secret, load
from gateway.errors import ProblemsFound

GOOD = """\
[gateway]
workers = 1
state_dir = "var"
[[listen]]
port = 6432
[databases.crm]
dsn = "postgresql://menshen:s3cret@127.0.0.1/crm"
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "menshen.toml"
    file.write_text(text, "utf-8")
    return file


def problems(path: Path | None, **environ: str) -> list[str]:
    with pytest.raises(ProblemsFound) as caught:
        load(path, environ)
    return [str(p) for p in caught.value.problems]


def test_paths_are_relative_to_the_file_defaults_included(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, GOOD), {})
    assert loaded.gateway.state_dir == tmp_path / "var"
    assert loaded.trail.path == tmp_path / "var/trail"
    assert loaded.policy.path == tmp_path / "policies"
    assert loaded.trail.durability is Durability.WRITE
    assert "s3cret" not in repr(loaded)


def test_variables_win_over_the_file(tmp_path: Path) -> None:
    loaded = load(
        write(tmp_path, GOOD),
        {
            "MENSHEN__HTTP__PORT": "9090",
            "MENSHEN__DATABASES__CRM__DSN": "postgres://x@h/d",
            "MENSHEN__DATABASES__CRM__POOL__SIZE": "7",
            "MENSHEN__LISTEN__0__PORT": "7777",
            "MENSHEN__LISTEN__1__PORT": "7778",
            "MENSHEN__TRAIL__DURABILITY": "fsync",
            "MENSHEN_UNRELATED": "1",
        },
    )
    assert loaded.http.port == 9090
    assert loaded.databases["crm"].dsn == Secret("postgres://x@h/d")
    assert loaded.databases["crm"].pool.size == 7
    assert [listen.port for listen in loaded.listen] == [7777, 7778]
    assert loaded.trail.durability is Durability.FSYNC


def test_variables_alone_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load(None, {"MENSHEN__LISTEN__0__PORT": "1", "MENSHEN__DATABASES__CRM__DSN": "postgres://h/d"})
    assert loaded.source is None
    assert loaded.listen[0].port == 1


def test_without_anything_it_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gateway.config.loader.SEARCHED", (Path("menshen.toml"),))
    (text,) = problems(None)
    assert "looked for menshen.toml" in text
    assert "-c FILE" in text


def test_a_secret_comes_from_a_file_and_a_variable_wins_over_the_other_spelling(tmp_path: Path) -> None:
    secret = tmp_path / "dsn"
    secret.write_text("postgres://from-file@h/d\n")
    secret.chmod(0o600)
    text = '[[listen]]\nport = 1\n[databases.crm]\ndsn_file = "dsn"\n'
    loaded = load(write(tmp_path, text), {})
    assert loaded.databases["crm"].dsn.reveal() == "postgres://from-file@h/d"
    assert loaded.warnings == ()
    loaded = load(write(tmp_path, text), {"MENSHEN__DATABASES__CRM__DSN": "postgres://variable@h/d"})
    assert loaded.databases["crm"].dsn.reveal() == "postgres://variable@h/d"


def test_secret_files_that_cannot_serve(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    text = '[[listen]]\nport = 1\n[databases.a]\ndsn_file = "none"\n[databases.b]\ndsn_file = "empty"\n[databases.c]\n'
    text += 'dsn = "postgres://h/d"\ndsn_file = "empty"\n'
    found = problems(write(tmp_path, text))
    assert [p.split(": ")[0].rsplit(":", 1)[1] for p in found] == ["4", "6", "8"]
    assert "No such file" in found[0]
    assert "is empty" in found[1]
    assert "both dsn and dsn_file" in found[2]


def test_a_secret_file_that_everybody_reads_is_a_warning(tmp_path: Path) -> None:
    secret = tmp_path / "dsn"
    secret.write_text("postgres://h/d")
    secret.chmod(0o644)
    text = '[[listen]]\nport = 1\n[databases.crm]\ndsn_file = "dsn"\n'
    (warning,) = load(write(tmp_path, text), {}).warnings
    assert (warning.line, warning.severity) == (4, "warning")


def test_all_mistakes_at_once_with_line_and_remedy(tmp_path: Path) -> None:
    text = """\
[gateway]
wrokers = 2
[trail]
durability = "fsink"
[http]
port = 70000
[gatway]
[[listen]]
host = 5
[databases.crm]
mode = "inline"
"""
    found = problems(write(tmp_path, text))
    assert len(found) == 6
    assert ":2: error: unknown key 'gateway.wrokers'\n    remedy: did you mean 'workers'?" in found[0]
    assert ":4:" in found[1]
    assert "did you mean 'fsync'?" in found[1]
    assert ":6:" in found[2]
    assert "between 0 and 65535" in found[2]
    assert ":7:" in found[3]
    assert "did you mean 'gateway'?" in found[3]
    assert ":9:" in found[4]
    assert ":10:" in found[5]
    assert "set dsn (or dsn_file)" in found[5]


def test_a_mistake_in_a_variable_names_the_variable(tmp_path: Path) -> None:
    found = problems(
        write(tmp_path, GOOD),
        MENSHEN__HTTP__PORT="http",
        MENSHEN__HTPP__PORT="1",
        MENSHEN__LISTEN__5__PORT="1",
        MENSHEN____X="1",
        MENSHEN__GATEWAY__WORKERS__X="1",
    )
    assert len(found) == 5
    assert any("variable MENSHEN__HTTP__PORT: error: http.port must be a whole number" in p for p in found)


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    file = tmp_path / "menshen.toml"
    assert "cannot be read" in problems(file)[0]
    file.write_bytes(b"\xff\xfe")
    assert "UTF-8" in problems(file)[0]
    file.write_text("a = 1\nb = = 2\n")
    assert ":2: error: is not TOML" in problems(file)[0]


@pytest.mark.parametrize("bundle", ["canary", "torture"])
def test_the_shape_of_a_small_deployment_loads(tmp_path: Path, bundle: str) -> None:
    text = f"""\
# A comment
[gateway]
workers = 1
state_dir = "var"
[policy]
path = "policies"
[trail]
path = "var/trail"
durability = "write"
[http]
host = "127.0.0.1"
port = 8081
[[listen]]
protocol = "postgres"
host = "127.0.0.1"
port = 6432
[databases.{bundle}]
dsn = "postgresql://postgres@127.0.0.1:55431/{bundle}"
mode = "inline"
"""
    assert list(load(write(tmp_path, text), {}).databases) == [bundle]


_values = st.recursive(
    st.one_of(st.text(max_size=5), st.integers(-2, 70000), st.booleans(), st.floats(allow_nan=True)),
    lambda inner: st.dictionaries(st.sampled_from(["port", "dsn", "dsn_file", "mode", "pool", "x"]), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["MENSHEN__" + key for key in (
            "HTTP__PORT", "GATEWAY__WORKERS", "DATABASES__CRM__DSN", "DATABASES__CRM", "LISTEN__0__TLS__MODE", "LISTEN",
            "LISTEN__0", "LISTEN__X__PORT", "GATEWAY__LIMITS__MAX_CONNECTIONS", "POLICY__PSEUDONYM_KEY_FILE", "A",
        )]),
        st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    )
)  # fmt: skip
def test_whatever_the_environment_says_it_loads_or_tells_problems(tmp_path: Path, environ: dict[str, str]) -> None:
    with contextlib.suppress(ProblemsFound):
        loaded = load(write(tmp_path, GOOD), environ)
        assert loaded.listen
        assert loaded.databases


def test_the_process_environment_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("MENSHEN__")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MENSHEN__HTTP__PORT", "9191")
    assert load(write(tmp_path, GOOD)).http.port == 9191
