"""What is no query: transactions, settings, cursors, PREPARE, COPY, EXPLAIN, and the little DDL that is judged.

`analyse` is the entrance for a statement of any kind.
"""

from __future__ import annotations

from collections.abc import Callable

from adapters.postgres.plan import (
    CatalogueChanged,
    CursorDeclared,
    Deallocated,
    Discarded,
    Prepared,
    SetActor,
    SetPurpose,
    SetSearchPath,
    Transaction,
    Verb,
)
from adapters.postgres.sql import allow
from adapters.postgres.sql.analysis import Analysis, World
from adapters.postgres.sql.casts import note_casts
from adapters.postgres.sql.conjuncts import constants
from adapters.postgres.sql.expressions import type_name, walk
from adapters.postgres.sql.facts import CopyOut, Facts, RelationUse, TargetUse, Written
from adapters.postgres.sql.parse import Node, Statement, Text, strings
from adapters.postgres.sql.queries import select
from adapters.postgres.sql.scope import Level
from adapters.postgres.sql.statements import statement
from adapters.postgres.sql.writes import WRITERS

_COMPUTING = frozenset(
    {"SelectStmt", *WRITERS, "PrepareStmt", "ExecuteStmt", "DeclareCursorStmt", "ExplainStmt", "CopyStmt"}
)
"""Statements with expressions in them."""

KINDS = {
    "SelectStmt": "SELECT",
    "InsertStmt": "INSERT",
    "UpdateStmt": "UPDATE",
    "DeleteStmt": "DELETE",
    "MergeStmt": "MERGE",
    "CopyStmt": "COPY",
    "VariableSetStmt": "SET",
    "VariableShowStmt": "SHOW",
    "DeclareCursorStmt": "DECLARE CURSOR",
    "FetchStmt": "FETCH",
    "ClosePortalStmt": "CLOSE",
    "PrepareStmt": "PREPARE",
    "ExecuteStmt": "EXECUTE",
    "DeallocateStmt": "DEALLOCATE",
    "DiscardStmt": "DISCARD",
    "ExplainStmt": "EXPLAIN",
    "ListenStmt": "LISTEN",
    "UnlistenStmt": "UNLISTEN",
    "NotifyStmt": "NOTIFY",
    "LockStmt": "LOCK",
    "TruncateStmt": "TRUNCATE",
    "DoStmt": "DO",
    "CallStmt": "CALL",
    "CreateTableAsStmt": "CREATE TABLE AS",
    "VacuumStmt": "VACUUM",
    "ConstraintsSetStmt": "SET",
    "GrantStmt": "GRANT",
    "GrantRoleStmt": "GRANT",
    "CreateStmt": "CREATE TABLE",
    "IndexStmt": "CREATE INDEX",
    "AlterTableStmt": "ALTER TABLE",
    "DropStmt": "DROP",
    "CreateSchemaStmt": "CREATE SCHEMA",
}
TRANSACTIONS = {
    "TRANS_STMT_BEGIN": "BEGIN",
    "TRANS_STMT_START": "BEGIN",
    "TRANS_STMT_COMMIT": "COMMIT",
    "TRANS_STMT_ROLLBACK": "ROLLBACK",
    "TRANS_STMT_SAVEPOINT": "SAVEPOINT",
    "TRANS_STMT_RELEASE": "RELEASE",
    "TRANS_STMT_ROLLBACK_TO": "ROLLBACK",
}
VERBS = {
    "TRANS_STMT_COMMIT": Verb.COMMIT,
    "TRANS_STMT_ROLLBACK": Verb.ROLLBACK,
    "TRANS_STMT_SAVEPOINT": Verb.SAVEPOINT,
    "TRANS_STMT_RELEASE": Verb.RELEASE,
    "TRANS_STMT_ROLLBACK_TO": Verb.ROLLBACK_TO,
}
COPY_OPTIONS = frozenset(
    {
        "format",
        "delimiter",
        "null",
        "default",
        "header",
        "quote",
        "escape",
        "force_quote",
        "force_not_null",
        "force_null",
        "on_error",
        "log_verbosity",
        "reject_limit",
        "encoding",
        "oids",
    }
)
UTF8 = allow.SETTINGS["client_encoding"].values


def kind_of(statement_: Statement) -> str:
    """The statement's kind as metrics and records spell it: a bounded set."""
    if statement_.kind == "TransactionStmt":
        return TRANSACTIONS.get(statement_.node["kind"], "TRANSACTION")
    if statement_.kind in KINDS:
        return KINDS[statement_.kind]
    for word in ("Create", "Alter", "Drop", "Rename", "Define", "View", "Comment"):
        if statement_.kind.startswith(word):
            return "DDL"
    return "OTHER"


def analyse(text: Text, one: Statement, world: World, search_path: tuple[str, ...]) -> Facts:
    """The facts of one statement. RecursionError is the caller's to turn into a refusal."""
    facts = Facts(kind_of(one), one.start, one.end)
    a = Analysis(text, facts, world, search_path, statement)
    if one.kind == "SelectStmt":
        facts.combined = one.node["op"] != "SETOP_NONE"
        facts.outputs = select(a, one.node, None, pulled_up=False).origins
    elif one.kind in WRITERS:
        facts.outputs = WRITERS[one.kind](a, one.node, None).origins
    elif one.kind in UTILITIES:
        UTILITIES[one.kind](a, one.node)
    else:
        a.refuse(
            "statement",
            f"{facts.kind if facts.kind != 'OTHER' else one.kind} is not supported through the gateway "
            "for this persona",
            hint="Migrations and maintenance run as an unrestricted persona.",
        )
        if facts.kind == "DDL" or one.kind in ("CreateTableAsStmt", "GrantStmt", "IndexStmt"):
            facts.effects.append(CatalogueChanged())
    if one.kind in _COMPUTING:
        note_casts(a)
    for sources in a.leaky_sources:
        sources.propagate()
    a.raising.finish(facts.uses, facts.targets, bool(facts.catalogue))
    return facts


# -- transactions, settings -------------------------------------------------------------------------------------------
def _transaction(a: Analysis, body: Node) -> None:
    verb = VERBS.get(body["kind"])
    if verb is not None:
        a.facts.effects.append(Transaction(verb, body.get("savepoint_name", "")))
    elif body["kind"] not in TRANSACTIONS:
        a.refuse("statement", "two-phase commit is not supported through the gateway", sqlstate="0A000")


def _set(a: Analysis, body: Node) -> None:
    kind, name = body["kind"], body.get("name", "").lower()
    values = [v.get("A_Const", {}) for v in body.get("args", ())]
    if kind == "VAR_RESET_ALL":
        a.facts.effects.append(Discarded(False))
    elif kind == "VAR_SET_MULTI":
        if name not in ("transaction", "session characteristics"):
            a.refuse("setting", f"SET {name.upper()} is not supported", sqlstate="0A000")
    elif name.startswith("menshen."):
        _set_own(a, name, values, body)
    elif name not in allow.SETTINGS or not allow.SETTINGS[name].settable:
        a.refuse(
            "setting",
            f'parameter "{name}" may not be changed through the gateway',
            hint="It could change what statements mean, or who runs them.",
        )
    elif kind in ("VAR_SET_DEFAULT", "VAR_RESET"):
        if name == "search_path":
            a.facts.effects.append(SetSearchPath(None))
    elif kind == "VAR_SET_VALUE":
        _set_value(a, name, [v.get("sval", {}).get("sval", "") for v in values], body)
    else:
        a.refuse("setting", "SET … FROM CURRENT is not supported", sqlstate="0A000")


def _set_own(a: Analysis, name: str, values: list[Node], body: Node) -> None:
    if body.get("is_local"):
        a.refuse(
            "setting",
            f"SET LOCAL {name} is not supported: it is not transactional",
            hint=f"Use SET {name}, or the comment form.",
            sqlstate="0A000",
        )
        return
    value = values[0].get("sval", {}).get("sval") if len(values) == 1 else None
    if body["kind"] == "VAR_SET_VALUE" and value is None:
        a.refuse("setting", f"{name} takes one word in quotes", sqlstate="22023")
    elif name == "menshen.purpose":
        a.facts.effects.append(SetPurpose(value or None))
    elif name == "menshen.actor":
        a.facts.effects.append(SetActor(value or None))
    else:
        a.refuse(
            "setting",
            f'there is no setting "{name}"',
            hint="There are menshen.purpose and menshen.actor.",
            sqlstate="42704",
        )


def _set_value(a: Analysis, name: str, values: list[str], body: Node) -> None:
    setting = allow.SETTINGS[name]
    if name == "search_path":
        _set_search_path(a, tuple(values), bool(body.get("is_local")))
    elif setting.values and not (len(values) == 1 and setting.accepts(values[0])):
        a.refuse(
            "setting",
            f"{setting.name} may only be {' or '.join(sorted(setting.values))} through the gateway",
            sqlstate="0A000",
        )


def _set_search_path(a: Analysis, schemas: tuple[str, ...], local: bool) -> None:
    if not allow.search_path_is_plain(schemas):
        a.refuse(
            "setting",
            "search_path may not put other schemas before pg_catalog, nor name pg_temp",
            hint="Leave pg_catalog out: it is searched first.",
        )
    a.facts.effects.append(SetSearchPath(schemas, local))


def _show(a: Analysis, body: Node) -> None:
    name = body["name"].lower()
    if name.startswith("menshen."):
        a.facts.shows = name
    elif name not in allow.SETTINGS:
        a.refuse("setting", f'parameter "{name}" is not shown through the gateway')


def _nothing(a: Analysis, body: Node) -> None:
    """Harmless: it touches no data and changes no meaning."""


def _discard(a: Analysis, body: Node) -> None:
    if body.get("target", "DISCARD_ALL") == "DISCARD_ALL":
        a.facts.effects.append(Discarded(True))


# -- prepared statements and cursors ----------------------------------------------------------------------------------
def _prepare(a: Analysis, body: Node) -> None:
    for argument in body.get("argtypes", ()):
        type_name(a, argument["TypeName"])
    a.facts.outputs = a.statement(body["query"], None, pulled_up=False).origins
    a.facts.effects.append(Prepared(body["name"]))


def _execute(a: Analysis, body: Node) -> None:
    walk(a, body.get("params", []), Level.below(None))
    a.facts.executes = body["name"]
    a.facts.arguments = tuple(_argument(node) for node in body.get("params", ()))


def _argument(node: Node) -> str | None:
    """The text of a constant argument."""
    found: list[str] = []
    constants(node, found, [])
    return found[0] if len(found) == 1 else None


def _deallocate(a: Analysis, body: Node) -> None:
    a.facts.effects.append(Deallocated(None if body.get("isall") else body.get("name")))


def _declare(a: Analysis, body: Node) -> None:
    a.facts.outputs = a.statement(body["query"], None, pulled_up=False).origins
    a.facts.effects.append(CursorDeclared(body["portalname"]))


def _fetch(a: Analysis, body: Node) -> None:
    a.facts.fetches = body["portalname"]


def _explain(a: Analysis, body: Node) -> None:
    a.facts.needs_clear = "EXPLAIN"
    ((kind, inner),) = body["query"].items()
    if kind not in ("SelectStmt", *WRITERS):
        a.refuse("statement", f"EXPLAIN of {KINDS.get(kind, kind)} is not supported", sqlstate="0A000")
        return
    a.statement({kind: inner}, None, pulled_up=False)


def _listen(a: Analysis, body: Node) -> None:
    a.refuse("statement", "LISTEN is not open to this persona: what triggers send along may hold data of any row")


# -- COPY -------------------------------------------------------------------------------------------------------------
def _copy(a: Analysis, body: Node) -> None:
    if body.get("is_program") or "filename" in body:
        a.refuse(
            "statement",
            "COPY to or from a file or program of the database server is not allowed",
            hint="Use COPY … TO STDOUT or FROM STDIN.",
        )
    for option in body.get("options", ()):
        definition = option["DefElem"]
        name = definition["defname"]
        if name not in COPY_OPTIONS:
            a.refuse("statement", f"COPY option {name} is not supported", sqlstate="0A000")
        elif name == "encoding" and definition["arg"].get("String", {}).get("sval", "").lower() not in UTF8:
            a.refuse("setting", "COPY works in UTF8 only", sqlstate="0A000")
    if "whereClause" in body:
        a.refuse("statement", "COPY … WHERE is not supported", sqlstate="0A000")
    if "query" in body:
        a.statement(body["query"], None, pulled_up=False)
        return
    relation = a.relation(body["relation"])
    if relation is None:
        return
    location = body["relation"].get("location", 0)
    visible = a.reachable(relation, location)
    columns = strings(body.get("attlist", ()))
    at = a.text.at(location)
    if body.get("is_from"):
        names = columns or tuple(c.name for c in relation.columns if not c.generated)
        target = TargetUse(relation, visible, relation.name.name, at, "insert")
        target.inserted = [Written(c) for c in names]
        a.facts.targets.append(target)
        return
    use = RelationUse(relation, visible, relation.name.name, False, at)
    use.columns.update(columns)
    use.everything = not columns
    a.facts.uses.append(use)
    generated = {c.name for c in relation.columns if c.generated}
    a.facts.copy_out = CopyOut(use, columns or tuple(c for c in visible if c not in generated))


# -- DDL --------------------------------------------------------------------------------------------------------------
def _schemas(a: Analysis, *schemas: str) -> None:
    a.facts.ddl = (*a.facts.ddl, *(s or (a.search_path[0] if a.search_path else "public") for s in schemas))
    a.facts.effects.append(CatalogueChanged())


def _create_table(a: Analysis, body: Node) -> None:
    relation = body["relation"]
    _schemas(a, relation.get("schemaname", ""))
    if relation.get("relpersistence") == "t":
        a.refuse("statement", "temporary tables are not supported: a copy of data would leave the rules")
    for member in ("inhRelations", "partbound", "partspec", "ofTypename", "constraints"):
        if member in body:
            a.refuse("statement", f"CREATE TABLE with {member} needs an unrestricted persona")
    for element in body.get("tableElts", ()):
        ((kind, inner),) = element.items()
        if kind == "ColumnDef":
            _column_definition(a, inner)
        elif kind != "Constraint" or inner.get("contype") not in ("CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_FOREIGN"):
            a.refuse("statement", f"CREATE TABLE with {kind} needs an unrestricted persona")


def _column_definition(a: Analysis, body: Node) -> None:
    type_name(a, body["typeName"])
    for constraint in body.get("constraints", ()):
        inner = constraint["Constraint"]
        if inner["contype"] == "CONSTR_GENERATED":
            a.refuse("statement", "generated columns need an unrestricted persona")
        walk(a, inner.get("raw_expr"), Level.below(None))


def _create_index(a: Analysis, body: Node) -> None:
    _schemas(a, body["relation"].get("schemaname", ""))
    plain = all("name" in p["IndexElem"] for p in body.get("indexParams", ()))
    if "whereClause" in body or not plain:
        a.refuse("statement", "an index on expressions or with a condition needs an unrestricted persona")


ALTERATIONS = frozenset({"AT_AddColumn", "AT_DropColumn", "AT_SetNotNull", "AT_DropNotNull", "AT_DropConstraint"})


def _alter_table(a: Analysis, body: Node) -> None:
    _schemas(a, body["relation"].get("schemaname", ""))
    for command in body["cmds"]:
        inner = command["AlterTableCmd"]
        if inner["subtype"] not in ALTERATIONS:
            a.refuse("statement", f"ALTER TABLE {inner['subtype']} needs an unrestricted persona")
        elif inner["subtype"] == "AT_AddColumn":
            _column_definition(a, inner["def"]["ColumnDef"])


def _drop(a: Analysis, body: Node) -> None:
    if body["removeType"] not in ("OBJECT_TABLE", "OBJECT_INDEX"):
        a.refuse("statement", "this DROP needs an unrestricted persona")
    for one in body["objects"]:
        names = strings(one.get("List", {}).get("items", ()))
        _schemas(a, names[-2] if len(names) > 1 else "")


def _create_schema(a: Analysis, body: Node) -> None:
    _schemas(a, body.get("schemaname", ""))
    if "schemaElts" in body or "authrole" in body:
        a.refuse("statement", "CREATE SCHEMA with contents or an owner needs an unrestricted persona")


UTILITIES: dict[str, Callable[[Analysis, Node], None]] = {
    "TransactionStmt": _transaction,
    "VariableSetStmt": _set,
    "VariableShowStmt": _show,
    "ConstraintsSetStmt": _nothing,
    "DiscardStmt": _discard,
    "PrepareStmt": _prepare,
    "ExecuteStmt": _execute,
    "DeallocateStmt": _deallocate,
    "DeclareCursorStmt": _declare,
    "FetchStmt": _fetch,
    "ClosePortalStmt": _nothing,
    "ExplainStmt": _explain,
    "NotifyStmt": _nothing,
    "UnlistenStmt": _nothing,
    "ListenStmt": _listen,
    "CopyStmt": _copy,
    "CreateStmt": _create_table,
    "IndexStmt": _create_index,
    "AlterTableStmt": _alter_table,
    "DropStmt": _drop,
    "CreateSchemaStmt": _create_schema,
}
