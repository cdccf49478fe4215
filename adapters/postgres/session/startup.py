"""Startup parameters: what is the gateway's, what the database may have, what is refused.

PostgreSQL documentation, "StartupMessage": `options` holds command-line switches, split at blanks with `\\` as escape.
A restricted persona may set what changes neither how its statements are read nor who it is; an unrestricted one may set
what the database itself accepts. Replication connections stream raw changes past every veil: never.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adapters.postgres.session.encodings import is_utf8
from adapters.postgres.sql.allow import SETTINGS, search_path_is_plain
from gateway.errors import Denied, MenshenError, Unsupported

PURPOSE: Final = "menshen.purpose"
ACTOR: Final = "menshen.actor"

_HINT: Final = "Connect without this parameter; what the gateway lets through is in its compatibility notes."


class InvalidLoginError(MenshenError):
    """The startup message cannot lead to a session: SQLSTATE class 28."""

    sqlstate = "28000"


@dataclass(frozen=True, slots=True)
class Startup:
    """A startup message, read."""

    user: str
    database: str
    purpose: str | None
    actor: str | None
    settings: Mapping[str, str]
    """Run-time parameters by their names as given, those of `options` included; without the gateway's own."""
    switches: tuple[str, ...] = ()
    """Words of `options` that set no parameter."""

    @property
    def application(self) -> str:
        return self.settings.get("application_name", "")

    @property
    def search_path(self) -> tuple[str, ...] | None:
        value = next((v for k, v in self.settings.items() if k.lower() == "search_path"), None)
        return None if value is None else split_search_path(value)


def read(parameters: Mapping[str, str]) -> Startup:
    """Raises InvalidLoginError without a user, Denied for replication."""
    given = dict(parameters)
    user = given.pop("user", "")
    if not user:
        raise InvalidLoginError("no PostgreSQL user name specified in startup packet")
    database = given.pop("database", "") or user
    replication = given.pop("replication", "")
    if replication and replication.lower() not in ("false", "off", "no", "0", "f", "n"):
        raise Denied(
            "replication connections do not pass through the gateway",
            hint="They carry raw changes past every rule; replicate from the database itself.",
        )
    settings, switches = read_options(given.pop("options", ""))
    # In PostgreSQL the packet's own parameters win over those of options (process_startup_options).
    settings.update(given)
    own = {name: settings.pop(name) for name in list(settings) if name.lower() in (PURPOSE, ACTOR)}
    lowered = {name.lower(): value for name, value in own.items()}
    return Startup(user, database, lowered.get(PURPOSE) or None, lowered.get(ACTOR) or None, settings, tuple(switches))


def read_options(text: str) -> tuple[dict[str, str], list[str]]:
    """`-c name=value`, `-cname=value` and `--name=value`; what is none of these comes back as words."""
    settings: dict[str, str] = {}
    other: list[str] = []
    words = iter(split_options(text))
    for word in words:
        if word == "-c":
            assignment = next(words, "")
        elif word.startswith(("-c", "--")) and len(word) > 2:
            assignment = word[2:]
        else:
            other.append(word)
            continue
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            other += [word, assignment] if word == "-c" else [word]
            continue
        settings[name.replace("-", "_")] = value
    return settings, other


def split_options(text: str) -> list[str]:
    """PostgreSQL's pg_split_opts: blanks part words, a backslash takes the next character as it is."""
    words: list[str] = []
    word: list[str] | None = None
    characters = iter(text)
    for character in characters:
        if character.isspace():
            if word is not None:
                words.append("".join(word))
            word = None
            continue
        word = [] if word is None else word
        word.append(next(characters, "") if character == "\\" else character)
    if word is not None:
        words.append("".join(word))
    return words


def admit(startup: Startup, *, unrestricted: bool) -> dict[str, str]:
    """The startup parameters for the database. Raises Denied or Unsupported for what a restricted persona asks."""
    settings = dict(startup.settings)
    if unrestricted:
        if startup.switches:
            settings["options"] = " ".join(_escape(word) for word in startup.switches)
        return settings
    if startup.switches:
        raise Denied(f"startup option {startup.switches[0]!r} is not allowed", hint=_HINT)
    for name, value in settings.items():
        setting = SETTINGS.get(name.lower())
        if name.lower() == "client_encoding":
            if is_utf8(value):
                continue
            raise Unsupported(
                f'client encoding "{value}" is not supported by the gateway',
                hint="Use client_encoding=UTF8: statements are judged as UTF-8.",
            )
        if setting is None or not setting.accepts(value):
            raise Denied(f'startup parameter "{name}" is not allowed, or not with this value', hint=_HINT)
    if not search_path_is_plain(startup.search_path or ()):
        raise Denied("search_path may not name pg_temp, nor other schemas before pg_catalog", hint=_HINT)
    # The database's or the role's default may be another one.
    settings = {name: value for name, value in settings.items() if name.lower() != "client_encoding"}
    return {**settings, "client_encoding": "UTF8"}


def _escape(word: str) -> str:
    """An empty word can only be the last one: a backslash with nothing behind it."""
    if not word:
        return "\\"
    return "".join(f"\\{c}" if c.isspace() or c == "\\" else c for c in word)


def split_search_path(value: str) -> tuple[str, ...]:
    """The names of a search_path value: commas part them, double quotes keep their case and may hold commas."""
    names: list[str] = []
    position = 0
    while position < len(value):
        if value[position].isspace() or value[position] == ",":
            position += 1
        elif value[position] == '"':
            name, position = _quoted(value, position + 1)
            names.append(name)
        else:
            end = value.find(",", position)
            end = len(value) if end < 0 else end
            names.append(value[position:end].strip().lower())
            position = end
    return tuple(names)


def _quoted(value: str, position: int) -> tuple[str, int]:
    end = value.find('"', position)
    while 0 <= end < len(value) - 1 and value[end + 1] == '"':
        end = value.find('"', end + 2)
    end = len(value) if end < 0 else end
    return value[position:end].replace('""', '"'), end + 1
