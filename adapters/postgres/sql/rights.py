"""What the judge asks about a persona, and how it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.postgres.catalog import Relation
from adapters.postgres.sql.veil import RenderedVeil
from gateway.model import Act, Denial, Persona


@dataclass(frozen=True, slots=True)
class Rights:
    """What the judge asks about a persona; bound to one bundle and one catalogue."""

    persona: Persona
    veil: Callable[[Relation], RenderedVeil | None]
    """None: the relation is not reachable for this persona."""
    refusal: Callable[[Relation], Denial]
    """Why it is not."""
    allows: Callable[[str, Act], bool]
    functions: Mapping[str, str]
    """Listed functions of users → the class whose `call` is needed."""
    as_strict: Callable[[str, str], bool]
    """Whether a value of the second class may be written where the first stands."""
    denies_withheld: Callable[[str], bool]
    """Whether reading a withheld column of this class is an error instead of NULL."""


class DeniedError(Exception):
    """The statement is refused; `judge` turns it into a verdict."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(denial.message)
        self.denial = denial


def deny(reason: str, message: str, hint: str = "", position: int = -1) -> DeniedError:
    """`position`: 0-based, in the client's text."""
    return DeniedError(Denial(message, hint, position=position + 1, reason=reason))


def purpose_of(rights: Rights) -> str:
    """The purpose, as a part of a message."""
    return f"for purpose {rights.persona.purpose}" if rights.persona.purpose else "without a purpose"
