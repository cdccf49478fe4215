"""Casts that call a function of a user, most of all those that nobody asks for: of an argument, an operand, a value.

Types are not inferred here. A cast can only happen where a value of its user's type can be: in a column that goes into
an expression, by a type that is named, from a function that the policy lists. Such a statement needs the right to call
the function, as if it stood there; a function that the policy does not list refuses it.
"""

from __future__ import annotations

from collections.abc import Iterator

from adapters.postgres.catalog import Cast
from adapters.postgres.sql.analysis import Analysis
from adapters.postgres.sql.expressions import names_type
from adapters.postgres.sql.facts import Call


def note_casts(a: Analysis) -> None:
    """Note a call or a refusal for each cast of a user that may happen. Called when all of the statement was walked."""
    casts = [c for c in a.world.snapshot.user_casts if c.function and _may_happen(a, c)]
    if not casts:
        return
    oids, names = set(_column_types(a)), set(_named_types(a))
    anything = bool(a.facts.calls) or a.extension_called  # whose results and arguments are not looked at here
    for cast in casts:
        held = not oids.isdisjoint(cast.carrier_oids) or not names.isdisjoint(cast.carriers)
        if cast.carriers and not held and not anything:
            continue
        if cast.called in a.world.functions:
            a.facts.calls.append(Call(cast.called, a.facts.start, True))
        else:
            a.refuse(
                "cast",
                f"function {cast.called} of a user may be called here: it casts {cast.source} to {cast.target}",
                hint="Show the column as it is, or ask the security team to list the function in catalog.yaml.",
            )


def _may_happen(a: Analysis, cast: Cast) -> bool:
    """An explicit one needs its target to be named; that is refused where a value of any type is cast so, see
    `adapters.postgres.sql.expressions.type_name`."""
    if cast.context != "explicit":
        return True
    asked = cast.of_users_type or cast.called in a.world.functions
    return asked and any(names_type(a, names, cast.target) for names in a.named_types)


def _column_types(a: Analysis) -> Iterator[int]:
    """OIDs of the types of columns that go into an expression or are written."""
    for made_of in a.computed:
        for use, name in made_of.everything():
            yield from (column.type_oid for column in use.relation.columns if column.name == name)
    for target in a.facts.targets:
        written = {one.column for one in (*target.inserted, *target.updated)}
        yield from (column.type_oid for column in target.relation.columns if column.name in written)


def _named_types(a: Analysis) -> Iterator[str]:
    """Types that are named, where the search path finds them, and rows that are used as values."""
    for names in a.named_types:
        for schema in names[:-1] or a.search_path:
            yield f"{schema}.{names[-1]}"
    yield from (str(use.relation.name) for use in a.facts.everything_used() if use.whole_row)
