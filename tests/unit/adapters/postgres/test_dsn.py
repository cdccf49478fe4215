from __future__ import annotations

import pytest

from adapters.postgres.dsn import Attrs, Dsn, for_asyncpg, parse_dsn


@pytest.mark.parametrize(
    ("text", "dsn"),
    [
        ("postgresql://u:p%40ss@h:5433/d?sslmode=require", Dsn((("h", 5433),), "u", "d", "p@ss", "require")),
        ("postgres://u@h", Dsn((("h", 5432),), "u", "u")),
        ("postgresql://u@a:1,b/d", Dsn((("a", 1), ("b", 5432)), "u", "d")),
        ("postgresql://u@[::1]:7/d", Dsn((("::1", 7),), "u", "d")),
        ("postgresql:///d?host=/run/postgresql&user=u&port=6", Dsn((("/run/postgresql", 6),), "u", "d")),
        ("postgresql:///d?host=a,b&user=u&port=6,7", Dsn((("a", 6), ("b", 7)), "u", "d")),
        ("postgresql:///d?host=a,b&user=u&port=6", Dsn((("a", 6), ("b", 6)), "u", "d")),
        (
            "postgresql://u@a,b/d?target_session_attrs=prefer-standby",
            Dsn((("a", 5432), ("b", 5432)), "u", "d", attrs=Attrs.PREFER_STANDBY),
        ),
        ("postgresql://u@h/d?max_protocol_version=latest", Dsn((("h", 5432),), "u", "d", protocol=0x30002)),
        ("postgresql://u@%2Frun%2Fpg/d", Dsn((("/run/pg", 5432),), "u", "d")),
    ],
)
def test_dsn(text: str, dsn: Dsn) -> None:
    assert parse_dsn(text) == dsn


@pytest.mark.parametrize(
    "text", ["mysql://u:sesame@h/d", "postgresql://u:sesame@h:port/d", "postgresql://u:sesame@h:0/d",
             "postgresql://u:sesame@h/d?sslmode=maybe", "sesame",
             "postgresql://u:sesame@h/d?target_session_attrs=best", "postgresql://u:sesame@h/d?sslcert=x",
             "postgresql://u:sesame@h/d?max_protocol_version=4", "postgresql:///d?host=a,b&port=1,2,3"],
)  # fmt: skip
def test_mistakes_do_not_repeat_the_dsn(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(?!.*sesame)"):
        parse_dsn(text)


def test_password_is_not_shown() -> None:
    assert "sesame" not in repr(parse_dsn("postgresql://u:sesame@h/d"))


def test_asyncpg_is_not_told_what_it_does_not_know() -> None:
    text = "postgresql://u:p%40ss@a:1,b:2/d?sslmode=require&max_protocol_version=3.2&target_session_attrs=primary"
    assert for_asyncpg(text) == "postgresql://u:p%40ss@a:1,b:2/d?sslmode=require&target_session_attrs=primary"
    plain = "postgresql://u@h/d?host=%2Frun"
    assert for_asyncpg(plain) == plain
