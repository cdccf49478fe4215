"""The members of a record, as one table: what builders write, readers filter by and `docs/trail.md` prints.

A record is one JSON object on one line. A member that says nothing (no actor, no lookup) is left out. New members may
come in later versions: a reader ignores what it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One member: its name, JSON type, the part of the record that it belongs to, and what it says."""

    name: str
    type: str
    part: str
    """`chain`, `time`, `session`, `plan`, `answer` or `event`."""
    meaning: str


FIELDS: tuple[Field, ...] = (
    Field("prev", "string", "chain", "SHA-256 (hex) of the line before; see the format for the first"),
    Field("seq", "integer", "chain", "number of the record in its chain, from 1, without gaps"),
    Field("at", "string", "time", "UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ`, when the record was made"),
    Field("event", "string", "time", "`statement`, or what happened: see the list of events"),
    Field("phase", "string", "answer", "`single`; or `open` before a long answer's first byte, `close` after its last"),
    Field("id", "integer", "answer", "number of the statement in its session; joins `open` and `close`"),
    Field("rows", "integer", "answer", "rows of the answer so far"),
    Field("bytes", "integer", "answer", "bytes of the answer so far, as sent by the database"),
    Field("duration_us", "integer", "answer", "microseconds from the statement's arrival to its last byte"),
    Field("overhead_us", "integer", "answer", "microseconds of these that the gateway itself spent"),
    Field("sqlstate", "string", "answer", "`00000`, or the SQLSTATE that the client got"),
    Field("lookup_values", "array", "answer", "`[parameter, keyed hash]` of each looked-up value from Bind"),
    Field("subjects", "object", "answer", "whose data was in the answer: by table, a set of keys"),
    Field("unattributed", "object", "answer", "`rows` whose subject is not known, and the `reason`"),
    Field("node", "string", "session", "the machine that the gateway runs on"),
    Field("worker", "integer", "session", "the worker process on that node"),
    Field("session", "string", "session", "the client connection, unique on the node"),
    Field("principal", "string", "session", "the authenticated identity"),
    Field("actor", "string", "session", "the end user that the application named for the session; claimed, not proved"),
    Field("department", "string", "session", "the principal's department"),
    Field("roles", "array", "session", "the effective roles, sorted"),
    Field("client", "string", "session", "address of the client"),
    Field("application", "string", "session", "`application_name`; claimed, not proved"),
    Field("database", "string", "session", "the database, by the gateway's name for it"),
    Field("kind", "string", "plan", "`SELECT`, `INSERT`, `COPY`, …"),
    Field("statement", "string", "plan", "the normalized text, without any literal; cut at 8,192 characters"),
    Field("fingerprint", "string", "plan", "libpg_query's fingerprint: equal for statements of equal shape"),
    Field("purpose", "string", "plan", "the declared purpose"),
    Field("statement_actor", "string", "plan", "the end user that the statement's own comment names; beats `actor`"),
    Field("relations", "array", "plan", "`schema.table` of every relation, sorted"),
    Field("classes", "object", "plan", "data class → the disclosure that it got"),
    Field("lookups", "array", "plan", "raw comparisons allowed: `column`, `class`, `hash` or `parameter`"),
    Field("verdict", "string", "plan", "`allow`, `veil` or `deny`"),
    Field("reason", "string", "plan", "a short word: why it was denied"),
    Field("rules", "array", "plan", "the rules that decided, as `rules.csv:<line>`"),
    Field("bundle", "string", "plan", "digest of the policy bundle in force"),
    Field("digest", "string", "event", "of the bundle, or of the catalogue, that is in force from then on"),
    Field("signed", "boolean", "event", "whether a signature over the bundle was verified"),
    Field("user", "string", "event", "the name that a failed login claimed"),
    Field("backend_role", "string", "event", "the role of a connection that is not the gateway's"),
    Field("backend_pid", "integer", "event", "its process of the database"),
    Field("backend_start", "string", "event", "when it began, as the database says it"),
    Field("incident", "integer", "event", "number of the incident that changed, or that a message is about"),
    Field("change", "integer", "event", "number of the change; a change that was recorded twice has the same"),
    Field("state", "string", "event", "the incident's state from then on"),
    Field("severity", "string", "event", "`info`, `low`, `medium`, `high` or `critical`"),
    Field("detector", "string", "event", "what found it"),
    Field("finding", "string", "event", "the finding that opened or joined"),
    Field("by", "string", "event", "who did it; `menshen` where nobody did"),
    Field("why", "string", "event", "the reason that was given"),
    Field("message", "string", "event", "reference of a message: incident, kind, route"),
    Field("drill", "string", "event", "id of the drill that it belongs to"),
    Field("detail", "string", "event", "what happened, in words without any data value"),
)  # fmt: skip

EVENTS: dict[str, str] = {
    "statement": "a statement was judged and answered",
    "login": "a client was authenticated",
    "login_failed": "a client was not; the same for a wrong name and a wrong password",
    "logout": "a client connection ended",
    "policy_loaded": "a bundle is in force from now on",
    "policy_refused": "a bundle was refused, the last good one stays in force",
    "detectors_loaded": "another configuration of the detectors is in force from now on",
    "detectors_refused": "detectors.yaml was refused, the last good one stays in force",
    "catalogue_refreshed": "the catalogue of the database was read again",
    "gateway_started": "a gateway serves from now on",
    "gateway_stopped": "a gateway stopped serving in an orderly way",
    "backend_seen": "the database has a connection that is not the gateway's",
    "incident_changed": "an incident was opened, or changed in the way that `detail` names",
    "notification_sent": "a message about an incident was taken by its channel",
    "notification_given_up": "a message could not be sent for three days",
    "honey_planted": "planted customers were told to the detectors",
    "drill_started": "a drill was announced: `detail` is its kind",
    "drill_ended": "a drill is over, its incidents are closed",
    "watch_behind": "detectors are behind: by how many `seconds`",
    "clock_jumped": "the clock of the gateway jumped",
    "trail_opened": "a writer took this chain: first record of every segment that a start makes",
    "trail_closed": "the writer left this chain in an orderly way",
    "trail_torn": "the start found half a line at the end, and put it aside: names both files",
    "trail_damaged": "the start found records that do not fit the chain or the signed head: names the place",
    "trail_key_changed": "this chain was signed with another key so far: verify with both public keys",
    "trail_recovered": "records could not be written for a while: since when, why, how many were refused",
}
"""The values of `event`. More may come in later versions."""
