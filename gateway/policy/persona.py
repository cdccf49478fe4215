"""From a principal and a purpose to a persona: may this department pursue it, and what does the persona hold?"""

from __future__ import annotations

from gateway.errors import Denied, PurposeRefused
from gateway.model import Act, Persona, Principal
from gateway.policy.bundle import Bundle
from gateway.policy.matcher import Kind
from gateway.policy.terms import ANY, Purpose
from gateway.policy.veil import has_row_predicate

_BUDGET = 300_000
"""Rules looked at while proving that a persona with another matcher is unrestricted: a few seconds of Casbin."""
_EXTENDED_COST = 30
"""A question over filtered rules costs as much as looking at so many rules."""


def make_persona(bundle: Bundle, principal: Principal, purpose: str | None) -> Persona:
    """Raises PurposeRefused, or Denied for a principal that the bundle in force does not know.

    Roles, department and attributes are those of the bundle in force, whatever `principal` was logged in with.
    """
    current = bundle.principals.get(principal.name)
    if current is None:
        raise Denied(
            f'principal "{principal.name}" is not in the policy in force',
            hint="Ask the security team to add it to principals.yaml.",
        )
    if purpose is not None:
        _check_purpose(bundle, current, purpose)
    persona = Persona(
        principal=current.name,
        department=current.department,
        roles=current.roles,
        purpose=purpose,
        attributes=tuple(sorted(current.attributes.items())),
    )
    if purpose is not None and _unrestricted(bundle, persona, bundle.purposes[purpose]):
        return Persona(
            persona.principal, persona.department, persona.roles, purpose, persona.attributes, unrestricted=True
        )
    return persona


def _check_purpose(bundle: Bundle, principal: Principal, purpose: str) -> None:
    allowed = sorted(name for name, one in bundle.purposes.items() if principal.department in one.departments)
    known = bundle.purposes.get(purpose)
    if known is not None and principal.department in known.departments:
        return
    may = ", ".join(f"'{name}'" for name in allowed) or "none"
    if known is None:
        message = f'unknown purpose "{purpose}"'
    else:
        message = f'department "{principal.department}" may not pursue purpose "{purpose}"'
    raise PurposeRefused(message, hint=f"Purposes of your department: {may}. SET menshen.purpose = '…'.")


def _unrestricted(bundle: Bundle, persona: Persona, purpose: Purpose) -> bool:
    """Every act on everything, no deny anywhere, and no row predicate that would bind it."""
    if not _holds_everything(bundle, persona, purpose.name):
        return False
    return not any(has_row_predicate(bundle, persona, table) for table in bundle.catalog.tables.values())


def _holds_everything(bundle: Bundle, persona: Persona, purpose: str) -> bool:
    book = bundle.book

    def holds(obj: str) -> bool:
        return all(book.decide(persona.principal, purpose, obj, act).allowed for act in Act)

    if not holds(ANY):
        return False
    if book.kind is Kind.STOCK:
        # A rule for `*` matches every object, so only a deny could take something away.
        return not book.may_be_denied(persona.principal, purpose)
    # With another matcher `*` need not stand for the rest: ask for all of it, or give up (which restricts).
    objects = {*bundle.catalog.classes, *(name for edge in bundle.catalog.objects() for name in edge)}
    looked_at = len(book.rules) if book.kind is Kind.OTHER else _EXTENDED_COST
    if len(objects) * len(Act) * looked_at > _BUDGET:
        return False
    return all(holds(obj) for obj in objects)
