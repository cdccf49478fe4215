"""What a test needs beside Python: where it is missing the test is skipped, unless nothing may be left out."""

from __future__ import annotations

import os

import pytest


def need(there: object, what: str) -> None:
    """Skip the test where `there` is false; fail it instead where MENSHEN_TEST_ALL is set, as CI does."""
    if there:
        return
    if os.environ.get("MENSHEN_TEST_ALL"):
        pytest.fail(f"{what} is missing, and nothing may be left out: run scripts/services.sh")
    pytest.skip(f"{what} is missing: scripts/services.sh installs it")
