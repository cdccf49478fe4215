"""What Menshen's own objects in a database are called. Pure.

Roles belong to the whole cluster, so their names hold the database's. A colon is in none of the names that people give,
and all names are quoted, so that nothing of ours collides with anything of theirs.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from gateway.model import Persona

HOME: Final = "menshen"
"""The schema of the version, of what was installed, and of the keys of pseudonyms."""
OWN_SCHEMA: Final = "^menshen(:|$)"
"""Matches the schemas that are Menshen's own."""
ROLE_MARK: Final = "menshen: role of database "
"""Begins the comment by which a role is known as ours; the database's name follows."""
_LIMIT: Final = 63
_HASH: Final = 12


def is_own_schema(name: str) -> bool:
    return re.match(OWN_SCHEMA, name) is not None


def owner_role(database: str) -> str:
    """The role that owns the views: it may read the tables, and nobody logs in as it."""
    return _fitting(f"menshen:{database}")


def persona_role(database: str, persona: Persona) -> str:
    """The role that a session of this persona logs in as."""
    return _fitting(f"menshen:{database}:{persona.principal}:{persona.purpose or ''}")


def persona_schema(persona: Persona, schema: str) -> str:
    """Where the persona's views of the tables of `schema` are."""
    return _fitting(f"menshen:{persona.principal}:{persona.purpose or ''}:{schema}")


def lookup_function(table: str, column: str) -> str:
    """The function that finds rows of a view by the raw value of a column that the view masks."""
    return _fitting(f"{table}?{column}")


def insert_view(table: str) -> str:
    """The view for INSERT where the persona may also UPDATE: ON CONFLICT DO UPDATE would reach rows that it hides."""
    return _fitting(f"{table}+")


def _fitting(name: str) -> str:
    """PostgreSQL cuts names at 63 bytes; a long one keeps its beginning and gets the hash of all of it."""
    raw = name.encode()
    if len(raw) <= _LIMIT:
        return name
    digest = hashlib.sha256(raw).hexdigest()[:_HASH]
    return raw[: _LIMIT - _HASH - 1].decode("utf-8", "ignore") + "~" + digest
