"""The tables of the store, in SQL that SQLite and PostgreSQL both know. Every statement may run again."""

from __future__ import annotations

from typing import Final

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS incidents (number BIGINT PRIMARY KEY, key TEXT NOT NULL, state TEXT NOT NULL,
       severity BIGINT NOT NULL, drill TEXT NOT NULL, last_at TEXT NOT NULL, document TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS incidents_by_state ON incidents (state, number)",
    """CREATE TABLE IF NOT EXISTS findings (id TEXT PRIMARY KEY, number BIGINT NOT NULL, at TEXT NOT NULL,
       key TEXT NOT NULL, record TEXT NOT NULL, document TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS findings_by_key ON findings (key, number)",
    "CREATE INDEX IF NOT EXISTS findings_by_record ON findings (record)",
    "CREATE INDEX IF NOT EXISTS findings_by_incident ON findings (number, at)",
    """CREATE TABLE IF NOT EXISTS incident_subjects (number BIGINT NOT NULL, subject TEXT NOT NULL,
       PRIMARY KEY (number, subject))""",
    """CREATE TABLE IF NOT EXISTS changes (id BIGINT PRIMARY KEY, number BIGINT NOT NULL, at TEXT NOT NULL,
       kind TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, state TEXT NOT NULL, finding TEXT NOT NULL,
       recorded BIGINT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS changes_by_incident ON changes (number, id)",
    "CREATE INDEX IF NOT EXISTS changes_to_record ON changes (recorded, id)",
    """CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, number BIGINT NOT NULL, route TEXT NOT NULL,
       kind TEXT NOT NULL, severity BIGINT NOT NULL, state TEXT NOT NULL, due BIGINT NOT NULL, made BIGINT NOT NULL,
       attempts BIGINT NOT NULL, lease BIGINT NOT NULL, owner TEXT NOT NULL, finished BIGINT NOT NULL,
       error TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS messages_due ON messages (route, state, due)",
    # What was handed over together, under which key: a repeat after a crash is the same sending, not another one.
    "CREATE TABLE IF NOT EXISTS sendings (message TEXT PRIMARY KEY, key TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS sendings_by_key ON sendings (key)",
    """CREATE TABLE IF NOT EXISTS suspensions (principal TEXT NOT NULL, actor TEXT NOT NULL, number BIGINT NOT NULL,
       at TEXT NOT NULL, PRIMARY KEY (principal, actor, number))""",
    """CREATE TABLE IF NOT EXISTS drills (id TEXT PRIMARY KEY, kind TEXT NOT NULL, principal TEXT NOT NULL,
       until BIGINT NOT NULL, document TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS honey (place TEXT PRIMARY KEY, key TEXT NOT NULL, hashes TEXT NOT NULL,
       planted_at TEXT NOT NULL, who TEXT NOT NULL)""",
)
