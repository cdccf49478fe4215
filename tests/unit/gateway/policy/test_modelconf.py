from __future__ import annotations

from gateway.policy.modelconf import STOCK, read_model


def test_the_stock_model_is_read_with_its_lines() -> None:
    definitions, reader = read_model(STOCK)
    assert reader.problems == []
    assert definitions["matchers", "m"].line == STOCK.split("\n").index("[matchers]") + 2


def test_a_definition_may_run_over_lines_and_stand_among_comments() -> None:
    text = STOCK.replace(" && (p.obj", " \\\n  && (p.obj").replace("[matchers]", "# why\n; so\n\n[matchers]")
    definitions, reader = read_model(text)
    assert reader.problems == []
    assert "\\" not in definitions["matchers", "m"].value


def test_unknown_definitions_are_told() -> None:
    messages = [problem.message for problem in read_model(STOCK + "m2 = true\n")[1].problems]
    assert messages == ["unknown definition `m2` in [matchers]"]


def test_an_empty_file_lacks_everything() -> None:
    assert len(read_model("")[1].problems) == 7
