"""Masks by name: what a bundle may say, and which written values are masks coming back."""

from __future__ import annotations

import pytest

from gateway.model import Mask
from gateway.policy.masks import DEFAULTS, MASKS, looks_masked, validate


@pytest.mark.parametrize("name", MASKS)
def test_every_mask_is_valid_without_options(name: str) -> None:
    assert validate(Mask(name)) is None


@pytest.mark.parametrize(
    "mask",
    [
        Mask("bucket", (("width", 5000),)),
        Mask("amount", (("width", 1),)),
        Mask("ip", (("keep", 24),)),
        Mask("email", (("domain", "hide"),)),
        Mask("constant", (("value", "已隐藏"),)),
        Mask("constant", (("value", -1),)),
    ],
)
def test_good_options(mask: Mask) -> None:
    assert validate(mask) is None


@pytest.mark.parametrize(
    ("mask", "problem"),
    [
        (Mask("fone"), "did you mean 'phone'?"),
        (Mask("qqq"), "the masks are name, phone"),
        (Mask("phone", (("keep", 3),)), "has no option 'keep'; it has none"),
        (Mask("bucket", (("wide", 3),)), "has no option 'wide'; its options: width"),
        (Mask("bucket", (("width", 0),)), "a whole number from 1 to"),
        (Mask("bucket", (("width", True),)), "a whole number from 1 to"),
        (Mask("bucket", (("width", "10"),)), "a whole number from 1 to"),
        (Mask("ip", (("keep", 8),)), "one of 16, 24"),
        (Mask("ip", (("keep", "16"),)), "one of 16, 24"),
        (Mask("email", (("domain", "no"),)), "one of keep, hide"),
        (Mask("constant", (("value", ""),)), "1 to 200 characters"),
        (Mask("constant", (("value", "a\0"),)), "1 to 200 characters"),
        (Mask("constant", (("value", 1.5),)), "a text or a whole number"),  # type: ignore[arg-type]
    ],
)
def test_bad_masks_are_told_with_what_would_be_good(mask: Mask, problem: str) -> None:
    assert problem in (validate(mask) or "")


def test_defaults_are_masks_over_their_family() -> None:
    for family, mask in DEFAULTS.items():
        assert validate(mask) is None
        assert family in MASKS[mask.name].types


# A text that a mask shows whole or cut, as `masked output`, is an example of the mask itself.
SHOWN = [
    (name, example.options, example.masked)
    for name, info in MASKS.items()
    for example in info.examples
    if example.masked and example.type in ("text", "varchar(20)", "char(18)", "char(20)") and "text" in info.types
]


@pytest.mark.parametrize(("name", "options", "masked"), SHOWN)
def test_what_a_mask_shows_is_recognized(name: str, options: tuple[tuple[str, str | int], ...], masked: str) -> None:
    assert looks_masked(Mask(name, options), masked)


RAW = [
    (name, example.options, example.raw)
    for name, info in MASKS.items()
    for example in info.examples
    if example.raw and "*" not in example.raw
]


@pytest.mark.parametrize(("name", "options", "raw"), RAW)
def test_data_is_not_taken_for_a_mask(name: str, options: tuple[tuple[str, str | int], ...], raw: str) -> None:
    assert not looks_masked(Mask(name, options), raw)


@pytest.mark.parametrize(
    ("mask", "value"),
    [
        (Mask("phone"), "139****5678"),
        (Mask("phone"), " 139＊＊＊＊5678 "),
        (Mask("phone"), "138*"),
        (Mask("name"), "欧阳**"),
        (Mask("email"), "z***@example.com"),
        (None, "***"),
        (Mask("text"), "***"),
        (Mask("phone"), "***"),
        (Mask("phone"), "p_37f27eeedf3e40aea875a80a"),
        (None, "p_37f27eee"),
        (Mask("address"), "北京市朝阳区**"),
        (Mask("constant", (("value", "已隐藏"),)), "已隐藏"),
        (Mask("constant", (("value", 7),)), "7"),
    ],
)
def test_masks_coming_back(mask: Mask | None, value: str) -> None:
    assert looks_masked(mask, value)


@pytest.mark.parametrize(
    ("mask", "value"),
    [
        (Mask("phone"), ""),
        (Mask("phone"), "13812345678"),
        (Mask("email"), "a*b@example.com"),
        (Mask("text"), "a *** b"),
        (Mask("text"), "**"),
        (None, "138****5678"),
        (None, "p_value"),
        (Mask("address"), "北京市朝阳区建国路88号*"),
        (Mask("constant", (("value", "已隐藏"),)), "已"),
    ],
)
def test_what_may_be_data_is_let_through(mask: Mask | None, value: str) -> None:
    assert not looks_masked(mask, value)
