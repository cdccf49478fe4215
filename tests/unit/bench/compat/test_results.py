from __future__ import annotations

from pathlib import Path

import pytest

from bench.compat.results import FAILED, PASSED, SKIPPED, Outcome, compare, read_junit, report

XML = """<testsuites><testsuite>
<testcase classname="a" name="good"/>
<testcase classname="a" name="bad"><failure message="first line&#10;second"/></testcase>
<testcase classname="a" name="left out"><skipped message="no server"/></testcase>
<testcase classname="a" name="torn"/>
<testcase classname="a" name="torn"><error message="clean-up failed"/></testcase>
</testsuite></testsuites>"""


def test_junit_is_read_and_the_worse_report_of_a_test_counts(tmp_path: Path) -> None:
    file = tmp_path / "x.xml"
    file.write_text(XML)
    assert read_junit(file) == {
        "a::good": Outcome(PASSED),
        "a::bad": Outcome(FAILED, "first line"),
        "a::left out": Outcome(SKIPPED, "no server"),
        "a::torn": Outcome(FAILED, "clean-up failed"),
    }
    file.write_text("no report")
    with pytest.raises(ValueError, match="JUnit"):
        read_junit(file)


def test_only_what_passes_direct_can_be_broken() -> None:
    good, bad, out = Outcome(PASSED), Outcome(FAILED, "why"), Outcome(SKIPPED)
    direct = {"same": good, "broken": good, "skipped": good, "gone": good, "mended": bad, "both": bad}
    through = {"same": good, "broken": bad, "skipped": out, "mended": good, "both": bad}
    found = compare(direct, through)
    assert (set(found.broken), set(found.mended)) == ({"broken"}, {"mended"})
    assert set(found.missing) == {"skipped", "gone"}
    text = report("driver", direct, through)
    assert "1 pass direct, fail through Menshen\n  broken\n      why" in text
