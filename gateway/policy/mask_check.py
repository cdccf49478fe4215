"""The check of a mask's name and options, wherever masks are described."""

from __future__ import annotations

import importlib

from gateway.model import Mask


def validate(mask: Mask) -> str | None:
    """What is wrong with a mask of a bundle; None where it is good."""
    try:
        masks = importlib.import_module("gateway.policy.masks")
    except ModuleNotFoundError:
        return None
    answer = masks.validate(mask)
    return answer if answer is None else str(answer)
