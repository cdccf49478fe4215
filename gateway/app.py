"""The composition root: settings and adapters become a running gateway."""

from __future__ import annotations

from gateway.config import Settings


def serve(settings: Settings, *, json_log: bool = False) -> int:
    """Run the gateway until a signal ends it; gives the exit code of the process."""
    raise NotImplementedError
