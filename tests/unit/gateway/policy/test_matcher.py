from __future__ import annotations

import pytest

from gateway.policy.matcher import STOCK_CONJUNCTS, Kind, as_python, kind_of, names_of

STOCK = " && ".join(STOCK_CONJUNCTS)


@pytest.mark.parametrize(
    ("matcher", "kind"),
    [
        (STOCK, Kind.STOCK),
        (" && ".join(reversed(STOCK_CONJUNCTS)).replace("or", "||"), Kind.STOCK),
        (f"{STOCK} && (r_act == 'clear' || r_sub == 'x')", Kind.EXTENDED),
        (f"{STOCK} || r_sub == 'x'", Kind.OTHER),
        (f"{STOCK} && r_act == 'clear' || r_sub == 'x'", Kind.OTHER),
        (f"!({STOCK})", Kind.OTHER),
        (" && ".join(STOCK_CONJUNCTS[:3]), Kind.OTHER),
        (" && ".join([*STOCK_CONJUNCTS[:3], STOCK_CONJUNCTS[0]]), Kind.OTHER),
        (STOCK.replace('"*"', '" *"'), Kind.OTHER),
        (f"{STOCK} && eval(p_obj)", Kind.OTHER),
        ("(", Kind.OTHER),
        ("", Kind.OTHER),
    ],
)
def test_a_matcher_is_understood_by_its_leading_conditions(matcher: str, kind: Kind) -> None:
    assert kind_of(matcher) is kind


def test_the_replacements_are_casbins() -> None:
    assert as_python("!a && b != c || d") == "not a and b != c or d"


def test_names_are_told() -> None:
    assert names_of("g(r_sub, p_sub) && x.y > 1") == {"g", "r_sub", "p_sub", "x"}
