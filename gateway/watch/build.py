"""From the configuration to the parts of the watch: routes with their channels, the store, the detectors."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.config import NotifySettings, Settings
from gateway.errors import MenshenError, Problem, ProblemsFound
from gateway.watch.detector_config import load_detectors
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
        return Watcher(settings.trail.path, settings.gateway.state_dir / "watch", load_detectors(settings.policy.path))
    except OSError as error:
        raise WatchUnavailable(f"the watch's memory cannot be used: {error}") from error


class WatchUnavailable(MenshenError):
    """The watch cannot begin."""

    sqlstate = "58030"
