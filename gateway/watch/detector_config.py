"""policies/detectors.yaml: which detectors run, how severe they are, what they leave alone, their thresholds.

    timezone: Asia/Shanghai
    public: [public]
    detectors:
      volume: {severity: high, floor: 5000, except: {principals: [backup_job]}}
      honey:  {severity: critical, contain: true}

An absent file, an absent detector and an absent setting mean the default. All mistakes are told at once, with file,
line and remedy.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from collections.abc import Mapping as Document
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.errors import Problem, ProblemsFound
from gateway.policy.reader import Reader, did_you_mean
from gateway.policy.yamlfile import Mapping, Scalar, Sequence
from gateway.watch.detectors import DETECTORS, Detector, Options, Setting
from gateway.watch.detectors.base import Value
from gateway.watch.finding import Severity

FILE = "detectors.yaml"
COMMON = ("enabled", "severity", "contain", "again_after", "except")
_KEY = re.compile(r"[0-9]{1,19}|[0-9a-f]{16}")
_SEVERITIES = tuple(str(severity) for severity in Severity)


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """What the file says, defaults filled in."""

    timezone: str = "Asia/Shanghai"
    """Office hours are meant in it."""
    public: frozenset[str] = frozenset({"public"})
    """Data classes that are not personal."""
    options: dict[str, Options] = field(
        default_factory=lambda: {name: Options(one.about.severity) for name, one in DETECTORS.items()}
    )

    def build(self) -> list[Detector]:
        """A fresh detector for each one that is enabled."""
        return [DETECTORS[name](options) for name, options in self.options.items() if options.enabled]


# -- JSON -------------------------------------------------------------------------------------------------------------
def to_document(config: DetectorConfig) -> dict[str, Any]:
    """As JSON-ready values; `from_document` gives it back."""
    options = {
        name: {
            "severity": int(one.severity),
            "enabled": one.enabled,
            "contain": one.contain,
            "except_principals": sorted(one.except_principals),
            "except_purposes": sorted(one.except_purposes),
            "again_after": one.again_after,
            "values": {key: list(value) if isinstance(value, tuple) else value for key, value in one.values.items()},
        }
        for name, one in config.options.items()
    }
    return {"timezone": config.timezone, "public": sorted(config.public), "options": options}


def from_document(document: Document[str, Any]) -> DetectorConfig:
    """Detectors that this version does not know are left out, those that the document does not know have defaults.
    Raises KeyError, TypeError, ValueError where it is something else."""
    default = DetectorConfig()
    known = {
        name: Options(
            Severity(one["severity"]),
            one["enabled"],
            one["contain"],
            frozenset(one["except_principals"]),
            frozenset(one["except_purposes"]),
            one["again_after"],
            {key: tuple(value) if isinstance(value, list) else value for key, value in one["values"].items()},
        )
        for name, one in document["options"].items()
        if name in DETECTORS
    }
    return DetectorConfig(document["timezone"], frozenset(document["public"]), {**default.options, **known})


# -- the file ---------------------------------------------------------------------------------------------------------
def load_detectors(folder: Path) -> DetectorConfig:
    """The configuration of a bundle's folder; the defaults where it has none. Raises `ProblemsFound`."""
    try:
        text = (folder / FILE).read_bytes().decode()
    except FileNotFoundError:
        return DetectorConfig()
    except OSError as error:
        raise ProblemsFound([Problem(FILE, 0, f"cannot be read: {error.strerror}", "check its permissions")]) from error
    except UnicodeDecodeError as error:
        raise ProblemsFound([Problem(FILE, 0, "is not UTF-8", "save the file as UTF-8 text")]) from error
    config, problems = read_detectors(text)
    if any(problem.severity == "error" for problem in problems):
        raise ProblemsFound(problems)
    return config


def check_detectors(
    folder: Path, *, principals: Collection[str], purposes: Collection[str], classes: Collection[str]
) -> list[Problem]:
    """Every problem of the bundle's file; a name that the bundle does not know is a warning."""
    try:
        text = (folder / FILE).read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text:
        try:
            load_detectors(folder)
        except ProblemsFound as found:
            return list(found.problems)
        return []
    config, problems = read_detectors(text)
    lines = text.splitlines()

    def warn(name: str, what: str, known: Collection[str]) -> None:
        line = next((number for number, one in enumerate(lines, 1) if name in one), 0)
        remedy = did_you_mean(name, known, "mend the name, or remove it")
        problems.append(Problem(FILE, line, f"`{name}` is no {what} of this bundle", remedy, "warning"))

    for detector, options in config.options.items():
        for name in sorted(options.except_principals - set(principals)):
            warn(name, f"principal ({detector} leaves it alone)", principals)
        for name in sorted(options.except_purposes - set(purposes)):
            warn(name, f"purpose ({detector} leaves it alone)", purposes)
    for name in sorted(config.public - {"public"} - set(classes)):
        warn(name, "data class", classes)
    return problems


def read_detectors(text: str) -> tuple[DetectorConfig, list[Problem]]:
    """The configuration, and every problem of the text."""
    reader = Reader(FILE)
    top = reader.document(text, ("timezone", "public", "detectors"))
    timezone = reader.text(top, "timezone", "the file") or "Asia/Shanghai"
    if not _is_zone(timezone):
        reader.error(top.line_of("timezone"), f"`{timezone}` is no time zone", "write one like Asia/Shanghai or UTC")
    public = reader.names(top, "public", "the file")
    entry = top.entries.get("detectors")
    options = {name: Options(one.about.severity) for name, one in DETECTORS.items()}
    for one in reader.mapping(entry.value if entry else None, "`detectors`"):
        if one.key not in DETECTORS:
            remedy = did_you_mean(one.key, DETECTORS, f"known detectors: {', '.join(DETECTORS)}")
            reader.error(one.line, f"there is no detector `{one.key}`", remedy)
            continue
        options[one.key] = _options(reader, one.key, one.value)
    config = DetectorConfig(timezone, frozenset(public) if public is not None else frozenset({"public"}), options)
    return config, reader.problems


def _options(reader: Reader, name: str, value: Scalar | Sequence | Mapping) -> Options:
    about = DETECTORS[name].about
    what = f"detector `{name}`"
    settings = {setting.name: setting for setting in about.settings}
    node = reader.mapping(value, what, (*COMMON, *settings))
    severity = reader.choice(node, "severity", what, _SEVERITIES)
    exceptions = node.entries.get("except")
    left = reader.mapping(exceptions.value if exceptions else None, f"`except` of {what}", ("principals", "purposes"))
    again = _value(reader, node, Setting("again_after", 6, "", "", 0, 8760), what)
    if name == "honey":
        _check_keys(reader, node, what)
    values = {key: found for key, one in settings.items() if (found := _value(reader, node, one, what)) is not None}
    return Options(
        severity=Severity[severity.upper()] if severity else about.severity,
        enabled=_flag(reader, node, "enabled", what, default=True),
        contain=_flag(reader, node, "contain", what, default=False),
        except_principals=frozenset(reader.names(left, "principals", f"`except` of {what}") or ()),
        except_purposes=frozenset(reader.names(left, "purposes", f"`except` of {what}") or ()),
        again_after=int(again) if isinstance(again, (int, float)) else 6,
        values=values,
    )


def _check_keys(reader: Reader, node: Mapping, what: str) -> None:
    """Keys stand as records hold them: nobody could be recognized by another spelling."""
    for key in reader.names(node, "keys", what) or ():
        if not _KEY.fullmatch(key):
            remedy = (
                "`menshen honey plant` keeps such keys; here write whole numbers, or hashes of 16 hexadecimal digits"
            )
            reader.error(node.line_of("keys"), f"`{key}` in `keys` of {what} is no whole number", remedy)


def _flag(reader: Reader, node: Mapping, key: str, what: str, *, default: bool) -> bool:
    found = reader.value(node, key, what)
    if found is None:
        return default
    if isinstance(found, Scalar) and isinstance(found.value, bool):
        return found.value
    reader.error(found.line, f"`{key}` of {what} is neither true nor false", f"write `{key}: true`")
    return default


def _value(reader: Reader, node: Mapping, setting: Setting, what: str) -> Value | None:
    """The value of one setting; None where it is absent or wrong."""
    if isinstance(setting.default, tuple):
        return reader.names(node, setting.name, what)
    if isinstance(setting.default, bool):
        has = setting.name in node.entries
        return _flag(reader, node, setting.name, what, default=setting.default) if has else None
    found = reader.value(node, setting.name, what)
    if found is None:
        return None
    value = found.value if isinstance(found, Scalar) else None
    whole = isinstance(setting.default, int)
    if isinstance(value, bool) or not isinstance(value, (int,) if whole else (int, float)):
        kind = "a whole number" if whole else "a number"
        reader.error(
            found.line, f"`{setting.name}` of {what} is not {kind}", f"write `{setting.name}: {setting.default}`"
        )
        return None
    if not setting.low <= value <= setting.high:
        message = f"`{setting.name}` of {what} is {value}"
        reader.error(found.line, message, f"choose {setting.low:,.0f} to {setting.high:,.0f}")
        return None
    return value


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
