"""The demo's state: secrets stay private and stay the same, an edited bundle is left alone."""

from __future__ import annotations

import stat
import tomllib
from base64 import b64decode
from pathlib import Path

import scramp
import yaml

from adapters.postgres.demo.state import Ports, Secrets, State, shipped_policies, verifier, with_verifiers


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_bundle_is_found_in_a_checkout() -> None:
    assert (shipped_policies() / "model.conf").is_file()


def test_passwords_are_made_once_and_kept_private(tmp_path: Path) -> None:
    first = State(tmp_path)
    assert first.write_bundle()
    again = State(tmp_path)
    assert again.secrets == first.secrets
    assert set(first.secrets.principals) >= {"crm_app", "campaign_job", "bi_reader", "dba_chen"}
    assert len(set(first.secrets.principals.values())) == len(first.secrets.principals)
    for name in ("secrets.json", "policies/principals.yaml"):
        assert _mode(tmp_path / name) == 0o600
    text = (tmp_path / "policies" / "principals.yaml").read_text()
    assert not any(password in text for password in first.secrets.principals.values())


def test_the_second_start_writes_the_same_bundle(tmp_path: Path) -> None:
    State(tmp_path).write_bundle()
    before = {f.name: f.read_bytes() for f in (tmp_path / "policies").iterdir()}
    assert State(tmp_path).write_bundle()
    assert {f.name: f.read_bytes() for f in (tmp_path / "policies").iterdir()} == before


def test_an_edited_bundle_is_left_alone(tmp_path: Path) -> None:
    State(tmp_path).write_bundle()
    rules = tmp_path / "policies" / "rules.csv"
    rules.write_text("# mine\n")
    assert not State(tmp_path).write_bundle()
    assert rules.read_text() == "# mine\n"


def test_broken_secrets_are_made_anew(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{half")
    assert Secrets.read(tmp_path / "secrets.json").superuser


def test_verifiers_are_added_beside_the_comments() -> None:
    passwords = {"a": "known"}
    before = """# why
principals:
  a: {department: it, kind: job}  # first
  乙:
    department: it
  c:
    verifier: old # mine
    kind: job
"""
    text = with_verifiers(before, passwords)
    assert "# why" in text
    assert "# first" in text
    document = yaml.safe_load(text)["principals"]
    assert document["a"]["verifier"] == verifier("known")
    assert document["乙"] == {"department": "it", "verifier": verifier(passwords["乙"])}
    assert document["c"] == {"kind": "job", "verifier": verifier(passwords["c"])}


def test_a_client_with_the_password_passes_a_server_with_the_verifier() -> None:
    iterations, salt, stored, server_key = _parts("pässwort")
    server = scramp.ScramMechanism("SCRAM-SHA-256").make_server(lambda _: (salt, stored, server_key, iterations))
    client = scramp.ScramClient(["SCRAM-SHA-256"], "crm_app", "pässwort")
    server.set_client_first(client.get_client_first())
    client.set_server_first(server.get_server_first())
    server.set_client_final(client.get_client_final())
    client.set_server_final(server.get_server_final())


def _parts(password: str) -> tuple[int, bytes, bytes, bytes]:
    method, middle, keys = verifier(password).split("$")
    assert method == "SCRAM-SHA-256"
    iterations, salt = middle.split(":")
    stored, server_key = keys.split(":")
    return int(iterations), b64decode(salt), b64decode(stored), b64decode(server_key)


def test_the_configuration_is_toml_with_absolute_paths(tmp_path: Path) -> None:
    state = State(tmp_path / '数据 "x"')
    state.write_config(Ports(1, 2, 3), "json://127.0.0.1:4/page")
    assert _mode(state.config) == 0o600
    tree = tomllib.loads(state.config.read_text())
    assert tree["listen"] == [{"protocol": "postgres", "host": "127.0.0.1", "port": 2}]
    assert tree["policy"]["path"] == str(state.policies)
    assert tree["databases"]["crm"]["dsn"].endswith("@127.0.0.1:1/crm")
    assert tree["notify"] == [{"name": "oncall", "url": "json://127.0.0.1:4/page", "severity": "low"}]
