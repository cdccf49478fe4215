"""What the demo keeps between runs, under its state folder: secrets, its copy of the bundle, its configuration.

The files with secrets are ours alone (0600). They hold passwords in clear, since the demo prints them on the lines to
paste; they are made at the first run and never leave the machine.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path

import scramp
import yaml

_PLACES = ("policies", "../../../policies")
"""Beside this module in an installed wheel, at the root of the repository in a checkout."""


@dataclass
class Secrets:
    """The passwords of one demo, and the digest of the bundle as the demo last wrote it."""

    superuser: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    owner: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    principals: dict[str, str] = field(default_factory=dict)
    bundle: str = ""

    @classmethod
    def read(cls, file: Path) -> Secrets:
        """The secrets in `file`; new ones where there is none, or one that cannot be read."""
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            return cls(found["superuser"], found["owner"], dict(found["principals"]), found["bundle"])
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def write(self, file: Path) -> None:
        private_text(file, json.dumps(asdict(self), indent=1))


@dataclass(frozen=True)
class Ports:
    database: int
    gateway: int
    http: int


class State:
    """The state folder, made where it does not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.secrets = Secrets.read(self._secrets_file)

    @property
    def _secrets_file(self) -> Path:
        return self.folder / "secrets.json"

    @property
    def data(self) -> Path:
        """PostgreSQL's files."""
        return self.folder / "pgdata"

    @property
    def policies(self) -> Path:
        """The demo's own copy of the bundle."""
        return self.folder / "policies"

    @property
    def config(self) -> Path:
        return self.folder / "menshen.toml"

    def _control_token(self) -> Path:
        """The file that opens the control API (incidents, drills) to this user's commands; made once."""
        file = self.folder / "control-token"
        if not file.exists():
            private_text(file, secrets.token_urlsafe(32) + "\n")
        return file

    def save(self) -> None:
        self.secrets.write(self._secrets_file)

    def write_bundle(self, source: Path | None = None) -> bool:
        """Copy the bundle with verifiers of the demo's passwords; False: it was edited here, and is left as it is."""
        if self.policies.is_dir() and self.secrets.bundle and _digest(self.policies) != self.secrets.bundle:
            return False
        write_bundle(source or shipped_policies(), self.policies, self.secrets.principals)
        self.secrets.bundle = _digest(self.policies)
        self.save()
        return True

    def write_config(self, ports: Ports, pager: str) -> None:
        """menshen.toml with every path absolute, so that commands find it from anywhere.

        `pager`: the address that stands for whoever is on call."""
        place = f"127.0.0.1:{ports.database}/crm"
        private_text(
            self.config,
            f"""# Written by `menshen demo` at each start; copy it to make your own.
[gateway]
workers = 1
state_dir = {_toml(self.folder / "gateway")}

[log]
level = "warning"

[policy]
path = {_toml(self.policies)}

[trail]
path = {_toml(self.folder / "trail")}
durability = "write"

[http]
host = "127.0.0.1"
port = {ports.http}
control_token_file = {_toml(self._control_token())}

[[listen]]
protocol = "postgres"
host = "127.0.0.1"
port = {ports.gateway}

[databases.crm]
dsn = "postgresql://menshen:{self.secrets.owner}@{place}"
mode = "inline"

[[notify]]
name = "oncall"
url = "{pager}"
severity = "low"
""",
        )


def shipped_policies() -> Path:
    """The worked example bundle that came with the program."""
    here = Path(str(resources.files("adapters.postgres.demo")))
    for place in _PLACES:
        if (here / place / "rules.csv").is_file():
            return (here / place).resolve()
    raise FileNotFoundError("the worked example bundle (policies/) did not come with this installation of Menshen")


def write_bundle(source: Path, target: Path, passwords: dict[str, str]) -> None:
    """Copy the bundle at `source` to `target`, with a verifier for every principal.

    `passwords` is filled with a new password for each principal that has none in it yet.
    """
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(source.rglob("*")):
        copy = target / file.relative_to(source)
        if file.is_dir():
            copy.mkdir(exist_ok=True)
        elif file.relative_to(source) == Path("principals.yaml"):
            private_text(copy, with_verifiers(file.read_text(encoding="utf-8"), passwords))
        elif not file.name.startswith("."):
            copy.write_bytes(file.read_bytes())


def with_verifiers(principals: str, passwords: dict[str, str]) -> str:
    """principals.yaml with a `verifier` for each principal, comments kept; fills `passwords` as needed."""
    edits: list[tuple[int, int, str]] = []
    for name, entry in _entries(principals):
        made = f'"{verifier(passwords.setdefault(name, secrets.token_urlsafe(12)))}"'
        known = next((value for key, value in entry.value if key.value == "verifier"), None)
        start = entry.start_mark
        if known is not None:
            edits.append((known.start_mark.index, known.end_mark.index, made))
        elif entry.flow_style:
            edits.append((start.index + 1, start.index + 1, f"verifier: {made}, "))
        else:
            edits.append((start.index, start.index, f"verifier: {made}\n{' ' * start.column}"))
    # From the end, so that the places before it stay where they are.
    for begin, end, text in sorted(edits, reverse=True):
        principals = principals[:begin] + text + principals[end:]
    return principals


def _entries(principals: str) -> list[tuple[str, yaml.MappingNode]]:
    """Name and node of each principal that has at least one key."""
    root = yaml.compose(principals, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return []
    top = {key.value: value for key, value in root.value}
    return [
        (key.value, value)
        for key, value in top["principals"].value
        if isinstance(value, yaml.MappingNode) and value.value
    ]


def verifier(password: str, *, iterations: int = 4096) -> str:
    """`SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, as PostgreSQL stores it.

    The salt follows from the password, so that the bundle's digest stays the same from one start to the next. The
    demo's passwords are random, long and its own, for which a salt has nothing to hide.
    """
    salt = hashlib.sha256(f"menshen demo {password}".encode()).digest()[:16]
    made = scramp.ScramMechanism("SCRAM-SHA-256").make_auth_info(password, iteration_count=iterations, salt=salt)
    salt64, stored, server = (base64.b64encode(part).decode("ascii") for part in made[:3])
    return f"SCRAM-SHA-256${iterations}:{salt64}${stored}:{server}"


def private_text(file: Path, text: str) -> None:
    """Write `text` so that no other user of the machine can read it, not even for a moment."""
    fresh = file.with_name(file.name + ".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    fresh.replace(file)


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            total.update(f"{file.relative_to(folder)}\0".encode())
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _toml(path: Path) -> str:
    # A JSON string is a TOML basic string.
    return json.dumps(str(path), ensure_ascii=False)
