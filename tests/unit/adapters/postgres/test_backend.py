from __future__ import annotations

import asyncio

import pytest

from adapters.postgres.backend import Backend, Dsn, parse_dsn
from gateway.errors import UpstreamUnavailable


@pytest.mark.parametrize(
    ("text", "dsn"),
    [
        ("postgresql://u:p%40ss@h:5433/d?sslmode=require", Dsn((("h", 5433),), "u", "d", "p@ss", "require")),
        ("postgres://u@h", Dsn((("h", 5432),), "u", "u")),
        ("postgresql://u@a:1,b/d", Dsn((("a", 1), ("b", 5432)), "u", "d")),
        ("postgresql://u@[::1]:7/d", Dsn((("::1", 7),), "u", "d")),
        ("postgresql:///d?host=/run/postgresql&user=u&port=6", Dsn((("/run/postgresql", 6),), "u", "d")),
        ("postgresql://u@%2Frun%2Fpg/d", Dsn((("/run/pg", 5432),), "u", "d")),
    ],
)
def test_dsn(text: str, dsn: Dsn) -> None:
    assert parse_dsn(text) == dsn


@pytest.mark.parametrize(
    "text", ["mysql://u:sesame@h/d", "postgresql://u:sesame@h:port/d", "postgresql://u:sesame@h:0/d",
             "postgresql://u:sesame@h/d?sslmode=maybe", "sesame"],
)  # fmt: skip
def test_mistakes_do_not_repeat_the_dsn(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(?!.*sesame)"):
        parse_dsn(text)


def test_password_is_not_shown() -> None:
    assert "sesame" not in repr(parse_dsn("postgresql://u:sesame@h/d"))


async def test_places_are_limited_and_given_back() -> None:
    backend = Backend("app", Dsn((("h", 1),), "u", "d"), size=1, timeout=1, wait=0.05)
    await backend.acquire()
    with pytest.raises(UpstreamUnavailable) as found:
        await backend.acquire()
    assert found.value.sqlstate == "53300"
    waiting = asyncio.ensure_future(backend.acquire())
    await asyncio.sleep(0)
    assert (backend.open, backend.waiting) == (1, 1)
    backend.release()
    await waiting
    assert (backend.open, backend.waiting) == (1, 0)
