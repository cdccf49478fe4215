"""The book of masks is complete: for people, and for the tests on the database."""

from __future__ import annotations

import pytest

from gateway.policy.maskbook import BOOK
from gateway.policy.maskinfo import MaskInfo

ISSUE = {
    "name", "phone", "email", "id_number", "passport", "bank_card", "address", "birth", "amount", "bucket", "ip",
    "plate", "text", "constant", "pseudonym", "withheld",
}  # fmt: skip


def test_the_masks_that_were_asked_for_exist_once() -> None:
    assert sorted(info.name for info in BOOK) == sorted(ISSUE)


@pytest.mark.parametrize("info", BOOK, ids=lambda info: info.name)
def test_a_mask_is_described_in_both_languages(info: MaskInfo) -> None:
    for words in (info.title, info.shows):
        assert set(words) == {"en", "zh"}
        assert all(words.values())
        assert any("\u4e00" <= c <= "\u9fff" for c in words["zh"]) or info.name == "withheld"


@pytest.mark.parametrize("info", BOOK, ids=lambda info: info.name)
def test_options_have_good_defaults(info: MaskInfo) -> None:
    for option in info.options:
        assert option.problem(option.default) is None


STRUCTURED = [i for i in BOOK if "text" in i.types and i.name not in ("constant", "pseudonym")]


@pytest.mark.parametrize("info", STRUCTURED, ids=lambda info: info.name)
def test_examples_cover_what_goes_wrong(info: MaskInfo) -> None:
    raws = [example.raw for example in info.examples]
    assert None in raws
    assert "" in raws
    assert any(raw and len(raw) == 1 for raw in raws), "one character"
    assert any(raw and len(raw) > 250 for raw in raws), "over-long"
    assert any(raw and "😀" in raw for raw in raws), "emoji"
    assert any(raw and any(c in "０１２３４５６７８９＠" for c in raw) for raw in raws), "full-width"


@pytest.mark.parametrize("info", STRUCTURED, ids=lambda info: info.name)
def test_no_example_shows_the_whole_value(info: MaskInfo) -> None:
    for example in info.examples:
        if example.raw and example.type == "text":
            assert example.raw not in (example.masked or "")
