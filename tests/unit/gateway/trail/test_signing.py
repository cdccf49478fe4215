"""Keys: made once, kept secret, refused with all reasons at once."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from gateway.errors import ProblemsFound
from gateway.trail.signing import PRIVATE_NAME, PUBLIC_NAME, SigningKey, load_or_create, load_private, load_public


def test_the_first_start_makes_a_key_that_later_ones_read(tmp_path: Path) -> None:
    first = load_or_create(None, tmp_path / "state")
    assert load_or_create(None, tmp_path / "state").key_id == first.key_id
    assert stat.S_IMODE((tmp_path / "state" / PRIVATE_NAME).stat().st_mode) == 0o600
    public = load_public([tmp_path / "state" / PUBLIC_NAME])
    assert public.verify(first.key_id, first.sign(b"data"), b"data")
    assert not public.verify(first.key_id, first.sign(b"data"), b"other")
    assert not public.verify("unknown", first.sign(b"data"), b"data")
    assert sorted(os.listdir(tmp_path / "state")) == sorted([PRIVATE_NAME, PUBLIC_NAME])


def test_workers_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: load_or_create(None, tmp_path / "state").key_id, range(8)))
    assert len(set(keys)) == 1


def test_a_configured_key_is_used(tmp_path: Path) -> None:
    own = load_or_create(None, tmp_path / "elsewhere")
    assert load_or_create(tmp_path / "elsewhere" / PRIVATE_NAME, tmp_path / "state").key_id == own.key_id
    assert os.listdir(tmp_path / "state") == [PUBLIC_NAME]
    assert load_public([tmp_path / "state" / PUBLIC_NAME]).knows(own.key_id)


def test_the_public_key_of_an_earlier_key_stays(tmp_path: Path) -> None:
    old = load_or_create(None, tmp_path / "state")
    new = load_or_create(None, tmp_path / "elsewhere")
    load_or_create(tmp_path / "elsewhere" / PRIVATE_NAME, tmp_path / "state")
    assert load_public([tmp_path / "state" / PUBLIC_NAME]).knows(new.key_id)
    both = load_public((tmp_path / "state").glob("*.pub.pem"))
    assert both.knows(old.key_id)
    assert both.knows(new.key_id)


def test_wrong_private_keys_are_refused_with_a_remedy(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    with pytest.raises(ProblemsFound, match="openssl genpkey"):
        load_private(file)
    file.write_text("no key")
    file.chmod(0o600)
    with pytest.raises(ProblemsFound, match="not an unencrypted private key"):
        load_private(file)
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(generate_private_key(SECP256R1()).private_bytes(pem, form, serialization.NoEncryption()))
    with pytest.raises(ProblemsFound, match="not an Ed25519 key"):
        load_private(file)
    own = SigningKey.generate()
    file.write_bytes(own.private.private_bytes(pem, form, serialization.BestAvailableEncryption(b"secret")))
    with pytest.raises(ProblemsFound, match="not an unencrypted private key"):
        load_private(file)
    file.write_bytes(own.private.private_bytes(pem, form, serialization.NoEncryption()))
    file.chmod(0o644)
    with pytest.raises(ProblemsFound, match="chmod 600"):
        load_private(file)


def test_all_wrong_public_keys_are_told_at_once(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.pem", tmp_path / "bad.pem"
    good.write_bytes(SigningKey.generate().public_pem())
    bad.write_text("nothing")
    with pytest.raises(ProblemsFound) as refusal:
        load_public([bad, good, tmp_path / "absent.pem"])
    assert [Path(problem.file).name for problem in refusal.value.problems] == ["absent.pem", "bad.pem"]
