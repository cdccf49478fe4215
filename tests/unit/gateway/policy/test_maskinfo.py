from __future__ import annotations

import pytest

from gateway.policy.maskinfo import MaskOption


@pytest.mark.parametrize(
    ("option", "value", "good"),
    [
        (MaskOption("n", 1, "", 1, 9), 9, True),
        (MaskOption("n", 1, "", 1, 9), 10, False),
        (MaskOption("n", 1, "", 1, 9), True, False),
        (MaskOption("c", "a", "", choices=("a", 1)), 1, True),
        (MaskOption("c", "a", "", choices=("a", 1)), True, False),
        (MaskOption("t", "x", ""), "字", True),
        (MaskOption("t", "x", ""), None, False),
        (MaskOption("t", "x", ""), "x" * 201, False),
    ],
)
def test_values_of_options(option: MaskOption, value: object, good: bool) -> None:
    assert (option.problem(value) is None) is good
