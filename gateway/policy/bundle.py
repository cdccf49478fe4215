"""A policy bundle: the files of one folder, read strictly, with every mistake told at once.

`read_files` is the only code in this package that touches a disk. `compile_bundle` takes texts and gives a Bundle, so
that a plan, a replay or a test can judge a bundle that lies nowhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from gateway.errors import Problem, ProblemsFound
from gateway.model import Mask, Principal
from gateway.policy import modelconf, yamlfile
from gateway.policy.catalog_file import FILE as CATALOG
from gateway.policy.catalog_file import Catalog, read_catalog
from gateway.policy.crosscheck import Parts, crosscheck
from gateway.policy.matcher import Kind
from gateway.policy.principals_file import FILE as PRINCIPALS
from gateway.policy.principals_file import read_principals
from gateway.policy.purposes_file import FILE as PURPOSES
from gateway.policy.purposes_file import purpose_forest, read_purposes
from gateway.policy.reader import Reader
from gateway.policy.rules import ModelError, RuleBook, check_matcher, is_stock, matcher_kind
from gateway.policy.rules_file import FILE as RULES
from gateway.policy.rules_file import read_rules
from gateway.policy.terms import Purpose
from gateway.policy.trees import Forest

REQUIRED = (modelconf.FILE, RULES, CATALOG, PURPOSES, PRINCIPALS)
OPTIONAL = ("detectors.yaml",)
TESTS = "tests"
MAX_FILE = 16 * 1024 * 1024
MAX_TESTS = 500
SLOW_RULES = 1000
Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle without mistakes."""

    digest: str
    catalog: Catalog
    purposes: Mapping[str, Purpose]
    principals: Mapping[str, Principal]
    """With their effective roles."""
    book: RuleBook
    warnings: tuple[Problem, ...]


def read_files(folder: Path) -> tuple[Files, list[Problem]]:
    """The bundle's files by relative name, and what is missing, unreadable or too big."""
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    if not folder.is_dir():
        return files, [Problem(str(folder), 0, "there is no such folder", "set `policy.path` to the bundle's folder")]
    names = [*REQUIRED, *(name for name in OPTIONAL if (folder / name).exists())]
    tests = sorted(path.relative_to(folder).as_posix() for path in (folder / TESTS).glob("*.yaml"))
    if len(tests) > MAX_TESTS:
        problems.append(Problem(TESTS, 0, f"more than {MAX_TESTS} files", "merge some of them"))
    for name in (*names, *tests[:MAX_TESTS]):
        try:
            if (folder / name).stat().st_size > MAX_FILE:
                problems.append(Problem(name, 0, f"bigger than {MAX_FILE} bytes", "split the bundle"))
            else:
                files[name] = (folder / name).read_bytes()
        except FileNotFoundError:
            problems.append(Problem(name, 0, "the file is missing", "add it; see docs/policy.md"))
        except OSError as error:
            problems.append(Problem(name, 0, f"cannot be read: {error.strerror}", "check its permissions"))
    return files, problems


def digest_of(files: Files) -> str:
    """SHA-256 over names and contents, sorted by name, with their lengths so that nothing can move between them."""
    total = hashlib.sha256()
    for name in sorted(files):
        raw = name.encode()
        total.update(len(raw).to_bytes(4, "big") + raw + len(files[name]).to_bytes(8, "big") + files[name])
    return total.hexdigest()


def compile_bundle(
    files: Files, problems: list[Problem] | None = None, *, check_mask: Callable[[Mask], str | None]
) -> Bundle:
    """Raises ProblemsFound with every mistake, warnings included, those of `problems` too."""
    found = list(problems or [])
    told = {problem.file for problem in found}
    found += [_missing(name) for name in REQUIRED if name not in files and name not in told]
    texts = _decode(files, found)
    model_text = texts.get(modelconf.FILE, modelconf.STOCK)
    model_reader, matcher_line = _read_model(model_text)
    parts = _read_parts(texts, check_mask, stock=is_stock(model_text))
    crosscheck(parts)
    _check_speed(model_reader, matcher_line, model_text, len(parts.rules.rules))
    for reader in (model_reader, parts.catalog_reader, parts.purposes_reader, parts.principals_reader):
        found += reader.problems
    found += parts.rules_reader.problems
    for name, text in texts.items():
        if name not in REQUIRED:
            found += _only_yaml(name, text)
    if any(problem.severity == "error" for problem in found):
        raise ProblemsFound(found)
    book = _book(model_text, parts)
    principals = {name: replace(one, roles=book.roles.above(name) - {name}) for name, one in parts.principals.items()}
    return Bundle(
        digest=digest_of(files),
        catalog=parts.catalog,
        purposes=MappingProxyType(dict(parts.purposes)),
        principals=MappingProxyType(principals),
        book=book,
        warnings=tuple(sorted(found)),
    )


def _book(model_text: str, parts: Parts) -> RuleBook:
    rules = parts.rules
    try:
        return RuleBook(model_text, rules.rules, rules.grants, parts.purpose_forest, parts.objects)
    except ModelError as error:
        raise ProblemsFound([Problem(modelconf.FILE, 0, str(error), "see the model in docs/policy.md")]) from None


def _check_speed(reader: Reader, line: int, model_text: str, rules: int) -> None:
    if line and rules > SLOW_RULES and matcher_kind(model_text) is Kind.OTHER:
        message = f"with this matcher Casbin is asked over all {rules} rules, which takes long at a persona's first use"
        reader.warning(line, message, "begin the matcher with the stock conditions, and add yours with `&&`")


def _read_model(text: str) -> tuple[Reader, int]:
    """The reader, and the line of the matcher."""
    definitions, reader = modelconf.read_model(text)
    matcher = definitions.get(("matchers", "m"))
    if matcher and not any(problem.severity == "error" for problem in reader.problems):
        trouble = check_matcher(text)
        if trouble:
            reader.error(matcher.line, trouble, "see the model in docs/policy.md")
    return reader, matcher.line if matcher else 0


def _read_parts(texts: Mapping[str, str], check_mask: Callable[[Mask], str | None], *, stock: bool) -> Parts:
    catalog, catalog_reader = read_catalog(texts.get(CATALOG, ""), check_mask)
    purposes, purpose_lines, purposes_reader = read_purposes(texts.get(PURPOSES, ""))
    purposes_reader.unreadable |= PURPOSES not in texts
    known = None if purposes_reader.unreadable else purposes
    principals, principal_lines, principals_reader = read_principals(texts.get(PRINCIPALS, ""), known)
    rules, rules_reader = read_rules(texts.get(RULES, ""))
    for name, reader in ((CATALOG, catalog_reader), (PRINCIPALS, principals_reader), (RULES, rules_reader)):
        reader.unreadable |= name not in texts
    return Parts(
        catalog=catalog,
        catalog_reader=catalog_reader,
        purposes=purposes,
        purpose_lines=purpose_lines,
        purposes_reader=purposes_reader,
        purpose_forest=purpose_forest(purposes),
        principals=principals,
        principal_lines=principal_lines,
        principals_reader=principals_reader,
        rules=rules,
        rules_reader=rules_reader,
        roles=Forest.of((grant.member, grant.role) for grant in rules.grants),
        objects=Forest.of(catalog.objects()),
        stock=stock,
    )


def _decode(files: Files, found: list[Problem]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, raw in files.items():
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            found.append(Problem(name, line, "not UTF-8", "save the file as UTF-8"))
            continue
        if "\0" in text:
            line = text[: text.index("\0")].count("\n") + 1
            found.append(Problem(name, line, "a NUL character", "save the file as UTF-8 text"))
            continue
        texts[name] = text
    return texts


def _missing(name: str) -> Problem:
    return Problem(name, 0, "the file is missing", "add it; see docs/policy.md")


def _only_yaml(name: str, text: str) -> list[Problem]:
    try:
        yamlfile.parse(text)
    except yamlfile.YamlError as error:
        return [Problem(name, error.line, error.message, error.remedy)]
    return []
