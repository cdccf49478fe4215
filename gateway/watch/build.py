"""From the configuration to the parts of the watch: routes with their channels, the store, the detectors."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from gateway.config import NotifySettings, Settings
from gateway.errors import MenshenError, Problem, ProblemsFound
from gateway.watch.detector_config import DetectorConfig, load_detectors
from gateway.watch.finding import Severity
from gateway.watch.messages import Route
from gateway.watch.notify import AppriseChannel, Channel, SentNotes
from gateway.watch.store import Store
from gateway.watch.stream import Watcher

SENT_NAME = "messages.sent"
STORE_NAME = "incidents.sqlite3"


def routes(settings: Sequence[NotifySettings], file: str) -> dict[str, tuple[Route, Channel]]:
    """By name. Raises ProblemsFound where apprise does not know an address."""
    found: dict[str, tuple[Route, Channel]] = {}
    problems: list[Problem] = []
    for one in settings:
        route = Route(
            one.name,
            Severity[one.severity.name],
            frozenset(one.departments),
            one.escalate_after_seconds,
            one.repeat_after_seconds,
            one.language.value,
        )
        try:
            found[one.name] = (route, AppriseChannel(one.url.reveal()))
        except ValueError as error:
            remedy = "see https://appriseit.com/services/; several addresses need several routes"
            problems.append(Problem(file, 0, f"notify {one.name}: {error}", remedy))
    if problems:
        raise ProblemsFound(problems)
    return found


async def store(settings: Settings) -> Store:
    """Raises StoreUnavailable."""
    watch = settings.watch
    dsn = watch.store_dsn.reveal() if watch.store_dsn is not None else ""
    return await Store.open(settings.gateway.state_dir / STORE_NAME, dsn, watch.join_window_seconds)


def notes(settings: Settings) -> SentNotes:
    """Raises WatchUnavailable."""
    try:
        return SentNotes(settings.gateway.state_dir / SENT_NAME)
    except OSError as error:
        raise WatchUnavailable(f"the notes of sent messages cannot be used: {error}") from error


def watcher(settings: Settings) -> Watcher:
    """Raises ProblemsFound and CheckpointUnreadable."""
    try:
        return Watcher(settings.trail.path, settings.gateway.state_dir / "watch", detectors(settings))
    except OSError as error:
        raise WatchUnavailable(f"the watch's memory cannot be used: {error}") from error


def detectors(settings: Settings) -> DetectorConfig:
    """As the bundle's folder has them now. Raises ProblemsFound."""
    return load_detectors(settings.policy.path)


def began(settings: Settings, now: str) -> str:
    """When this gateway began to watch, as records spell times. Detectors learn from what is older and tell none of it:
    nobody wants to be called for last month. Raises WatchUnavailable."""
    file = settings.gateway.state_dir / "watch" / "began"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError), open(file, "x", encoding="utf-8") as new:
            new.write(now)
        # Empty: the gateway died while it wrote. Then everything is told, which is the safer mistake.
        return file.read_text("utf-8").strip()
    except OSError as error:
        raise WatchUnavailable(f"the watch's memory cannot be used: {error}") from error


class WatchUnavailable(MenshenError):
    """The watch cannot begin."""

    sqlstate = "58030"
