"""Every mistake is told at once, at its own line, with a remedy; a good bundle loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.errors import ProblemsFound
from gateway.policy import bundle as module
from gateway.policy.policy import load
from tests.unit.gateway.policy.bundles import GOOD, VERIFIER, encoded, errors, problems, spoiled, texts
from tests.unit.gateway.policy.mistakes import MISTAKES, WARNINGS, C, M, P, R, W


def line_in(file: str, old: str, new: str, where: str | int) -> int:
    """Where a mistake must be told: a line's number, or the only line with this text once the mistake is made."""
    if isinstance(where, int):
        return where
    lines = [at for at, line in enumerate(spoiled(file, old, new)[file].split("\n"), start=1) if where in line]
    assert len(lines) == 1, f"{where!r} stands in lines {lines}"
    return lines[0]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_at_its_line_with_a_remedy(name: str) -> None:
    file, old, new, where, message, remedy = MISTAKES[name]
    found = [p for p in errors(spoiled(file, old, new)) if p.file == file and message in p.message]
    assert found, [str(p) for p in errors(spoiled(file, old, new))]
    assert found[0].line == line_in(file, old, new, where)
    assert remedy in found[0].remedy
    assert found[0].remedy


@pytest.mark.parametrize("name", WARNINGS)
def test_a_doubt_is_told_and_stops_nothing(name: str) -> None:
    file, old, new, where, message = WARNINGS[name]
    found = [p for p in problems(spoiled(file, old, new)) if message in p.message]
    assert [p.severity for p in found] == ["warning"], [str(p) for p in problems(spoiled(file, old, new))]
    assert found[0].line == line_in(file, old, new, where)
    assert found[0].remedy


def test_the_good_bundle_has_no_problem() -> None:
    assert problems(GOOD) == ()


def test_mistakes_in_several_files_are_told_at_once() -> None:
    files = texts(
        rules=GOOD[R].replace("lookup", "look"),
        catalog=GOOD[C].replace("balance: sensitive", "balance: sensitiv"),
        purposes=GOOD[W].replace("basis: legal_obligation", "basis: legal"),
        principals=GOOD[P].replace("kind: job", "kind: jbo"),
        model=GOOD[M].replace("g3(r.purpose", "g4(r.purpose"),
    )
    assert {problem.file for problem in errors(files)} == set(GOOD)


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_file_is_told_without_echoes(name: str) -> None:
    found = errors({key: text for key, text in GOOD.items() if key != name})
    assert [(p.file, p.message) for p in found if p.file == name] == [(name, "the file is missing")]
    assert not [p for p in found if p.file == R != name], [str(p) for p in found]


@pytest.mark.parametrize("name", [C, W, P])
def test_broken_yaml_is_told_without_echoes(name: str) -> None:
    found = errors({**GOOD, name: "a: [1\nb: 2\n"})
    assert [p.file for p in found if p.file != name] == []
    assert "not YAML" in found[0].message


def test_text_that_is_not_utf8_or_has_a_nul_is_told() -> None:
    files = encoded(GOOD)
    raw = {**files, C: "classes:\n  公开".encode("gbk"), W: b"purposes:\n\n\x00"}
    with pytest.raises(ProblemsFound) as found:
        module.compile_bundle(raw, check_mask=lambda _: None)
    told = {(p.file, p.line, p.message) for p in found.value.problems}
    assert {(C, 2, "not UTF-8"), (W, 3, "a NUL character")} <= told


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    files = {name: ("\ufeff" + text).replace("\n", "\r\n") for name, text in GOOD.items() if name != M}
    assert problems({**files, M: GOOD[M]}) == ()


def test_a_password_in_the_place_of_a_verifier_is_never_quoted() -> None:
    for problem in errors(spoiled(P, VERIFIER, "hunter2-the-password")):
        assert "hunter2" not in str(problem)


def test_many_rules_and_an_uncommon_matcher_are_warned_about() -> None:
    many = "\n".join(f"p, support, tickets, contact, clear, allow  # {n}" for n in range(1001))
    files = texts(model=GOOD[M].replace("m = ", 'm = r.obj != "x" && '), rules=GOOD[R] + many)
    assert [p.file for p in problems(files) if "asked over all 10" in p.message] == [M]


def test_a_class_called_public_does_not_open_the_schema_public() -> None:
    """PostgreSQL's own `public` would otherwise be readable to whoever may read the class."""
    catalog = GOOD[C] + "  # more\n"
    catalog = catalog.replace("  crm.客户:", "  public.people: {columns: {name: contact}}\n  crm.客户:")
    files = texts(catalog=catalog, rules=GOOD[R] + "p, *, campaign, public, clear, deny\n")
    assert ["means the class here" in p.message for p in problems(files) if "public" in p.message] == [True]


# -- folders ----------------------------------------------------------------------------------------------------------
def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_a_folder_is_loaded_with_its_digest(tmp_path: Path) -> None:
    first = load(write(tmp_path, dict(GOOD))).digest
    assert re.fullmatch(r"[0-9a-f]{64}", first)
    assert load(tmp_path).digest == first
    write(tmp_path, {"tests/a.yaml": "cases: []\n"})
    second = load(tmp_path).digest
    write(tmp_path, {"README.md": "not part of it"})
    assert load(tmp_path).digest == second != first


def test_other_yaml_of_a_folder_must_be_yaml(tmp_path: Path) -> None:
    write(tmp_path, {**GOOD, "tests/bad.yaml": "a: 1\nb: [\n", "detectors.yaml": "x: &a 1\ny: *a\n"})
    with pytest.raises(ProblemsFound) as found:
        load(tmp_path)
    assert [p.file for p in found.value.problems] == ["detectors.yaml", "tests/bad.yaml"]


def test_a_folder_that_is_not_there_or_has_too_much_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProblemsFound, match="no such folder"):
        load(tmp_path / "nothing")
    write(tmp_path, dict(GOOD))
    monkeypatch.setattr(module, "MAX_FILE", 100)
    with pytest.raises(ProblemsFound, match="bigger than 100 bytes"):
        load(tmp_path)


def test_the_digest_tells_names_and_contents_apart() -> None:
    assert module.digest_of({"a": b"bc"}) != module.digest_of({"ab": b"c"})
    assert module.digest_of({"a": b"1", "b": b"2"}) == module.digest_of({"b": b"2", "a": b"1"})
