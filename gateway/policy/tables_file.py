"""`tables` and `functions` of catalog.yaml: which columns hold what, whose they are, how long, on whose consent."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from types import MappingProxyType

from gateway.model import TableName
from gateway.policy import interval, rowrules
from gateway.policy.reader import Reader, did_you_mean, shown
from gateway.policy.terms import ANY, PUBLIC, ConsentTerms, DataClass, GovernedTable, RetentionTerms
from gateway.policy.yamlfile import Entry, Mapping, Node, Scalar

KEYS = ("owner", "subject", "retention", "consent", "rows", "columns", "title", "description")
SYSTEM_SCHEMAS = frozenset({"pg_catalog", "information_schema", "pg_toast"})


@dataclass(slots=True)
class Tables:
    tables: dict[TableName, GovernedTable] = field(default_factory=dict)
    open_schemas: dict[str, int] = field(default_factory=dict)
    """Schema → line."""
    consent_lines: dict[TableName, dict[str, int]] = field(default_factory=dict)
    """Table → key of its `consent` → line."""


def read_tables(reader: Reader, node: Node | None, classes: MappingABC[str, DataClass]) -> Tables:
    found = Tables()
    for entry in reader.mapping(node, "`tables`"):
        if entry.key == ANY or entry.key.endswith(".*"):
            _wildcard(reader, entry, found)
        elif name := table_name(reader, entry):
            found.tables[name] = _Table(reader, entry, name, classes).read(found)
    for table in found.tables.values():
        _check_consent(reader, table, found)
    for schema, line in found.open_schemas.items():
        if schema in SYSTEM_SCHEMAS:
            reader.error(line, f"the system schema `{schema}` cannot be opened", "remove the line")
    return found


def read_functions(reader: Reader, node: Node | None, classes: MappingABC[str, DataClass]) -> dict[str, str]:
    """`functions: {crm.get_phone: contact.phone}`: the class whose `call` a call needs."""
    found: dict[str, str] = {}
    for entry in reader.named(node, "`functions`"):
        if len(entry.key.split(".")) != 2:
            reader.error(entry.line, f"`{entry.key}` does not name a function", "write `schema.function`")
        elif (name := _class_of(reader, entry, f"function `{entry.key}`", classes)) is not None:
            found[entry.key] = name
    return found


def table_name(reader: Reader, entry: Entry) -> TableName | None:
    parts = entry.key.split(".")
    if len(parts) == 2 and all(reader.good_name(part, entry.line, "part of a table's name") for part in parts):
        return TableName(parts[0], parts[1])
    if len(parts) != 2:
        reader.error(entry.line, f"`{shown(entry.key)}` does not name a table", "write `schema.table`; no other dots")
    return None


def _wildcard(reader: Reader, entry: Entry, found: Tables) -> None:
    word = entry.value.value if isinstance(entry.value, Scalar) else None
    schema = entry.key.removesuffix(".*")
    if word not in ("allow", "deny"):
        reader.error(entry.value.line, f"`{entry.key}` is neither `allow` nor `deny`", f'write `"{entry.key}": deny`')
    elif entry.key == ANY:
        if word == "allow":
            reader.error(
                entry.value.line, "every schema is opened at once",
                'open the schemas without personal data one by one: `"ref.*": allow`',
            )  # fmt: skip
    elif "." in schema or not reader.good_name(schema, entry.line, "schema"):
        reader.error(entry.line, f"`{shown(entry.key)}` does not name a schema", 'write `"schema.*": allow`')
    elif word == "allow":
        found.open_schemas[schema] = entry.line


def _class_of(reader: Reader, entry: Entry, what: str, classes: MappingABC[str, DataClass]) -> str | None:
    name = entry.value.text if isinstance(entry.value, Scalar) else ""
    if name in classes:
        return name
    if not name or (isinstance(entry.value, Scalar) and entry.value.value is None):
        reader.error(entry.line, f"{what} has no class", f"give it one, such as `{PUBLIC}` where it is not personal")
    else:
        remedy = did_you_mean(name, classes, "declare it under `classes`")
        reader.error(entry.value.line, f"{what} has an unknown class `{shown(name)}`", remedy)
    return None


class _Table:
    """Reads one table's entry."""

    def __init__(self, reader: Reader, entry: Entry, name: TableName, classes: MappingABC[str, DataClass]) -> None:
        self._reader = reader
        self._entry = entry
        self._name = name
        self._what = f"table `{name}`"
        self._classes = classes
        self._columns: dict[str, str] = {}
        self._listed: tuple[str, ...] = ()

    def read(self, found: Tables) -> GovernedTable:
        reader, what = self._reader, self._what
        node = reader.mapping(self._entry.value, what, KEYS)
        self._read_columns(node)
        rows, lines = self._rows(node)
        return GovernedTable(
            name=self._name,
            columns=MappingProxyType(self._columns),
            owner=reader.text(node, "owner", what),
            subject=self._column(node, "subject", what),
            retention=self._retention(node),
            consent=self._consent(node, found),
            rows=MappingProxyType(rows),
            title=reader.title(node, what),
            line=self._entry.line,
            rows_lines=MappingProxyType(lines),
        )

    def _read_columns(self, node: Mapping) -> None:
        reader = self._reader
        columns = reader.mapping(reader.value(node, "columns", self._what), f"`columns` of {self._what}")
        self._listed = tuple(columns.entries)
        for entry in columns:
            if "." in entry.key:
                reader.error(entry.line, f"column `{shown(entry.key)}` has a dot in its name", "rename the column")
            elif (name := _class_of(reader, entry, f"column `{self._name}.{entry.key}`", self._classes)) is not None:
                self._columns[entry.key] = name
        if not columns.entries:
            reader.error(self._entry.line, f"{self._what} lists no columns", "add `columns: {name: class}`")

    def _column(self, node: Mapping, key: str, what: str, *, needed: bool = False) -> str | None:
        """The text of `key`, which must be a column that the table lists."""
        column = self._reader.text(node, key, what)
        if column is None:
            if needed and key not in node.entries:
                self._reader.error(node.line, f"{what} lacks `{key}`", f"add `{key}: <column>`")
            return None
        if column in self._listed:
            return column
        remedy = did_you_mean(column, self._listed, "list it under `columns`")
        self._reader.error(node.line_of(key), f"`{key}` of {what} is no column of the table: `{shown(column)}`", remedy)
        return None

    def _retention(self, node: Mapping) -> RetentionTerms | None:
        reader, what = self._reader, f"retention of {self._what}"
        value = reader.value(node, "retention", self._what)
        if value is None:
            return None
        terms = reader.mapping(value, what, ("after", "keep"))
        after = self._column(terms, "after", what, needed=True)
        text = reader.text(terms, "keep", what)
        if text is None:
            if "keep" not in terms.entries:
                reader.error(terms.line, f"{what} lacks `keep`", "add `keep: 3 years`")
            return None
        keep = interval.normalize(text)
        if keep is None:
            reader.error(terms.line_of("keep"), f"`keep: {shown(text)}` is no interval", "write `3 years`, `180 days`")
        return RetentionTerms(after, keep) if after and keep else None

    def _consent(self, node: Mapping, found: Tables) -> ConsentTerms | None:
        reader, what = self._reader, f"consent of {self._what}"
        value = reader.value(node, "consent", self._what)
        if value is None:
            return None
        if "subject" not in node.entries:
            reader.error(node.line_of("consent"), f"{self._what} has a consent but no `subject`", "add `subject: id`")
        terms = reader.mapping(value, what, ("table", "subject", "purpose", "given", "withdrawn"))
        found.consent_lines[self._name] = {entry.key: entry.line for entry in terms}
        words = {key: reader.text(terms, key, what) for key in ("table", "subject", "purpose", "given")}
        for key, word in words.items():
            if word is None and key not in terms.entries:
                reader.error(terms.line, f"{what} lacks `{key}`", f"add `{key}: …`")
        withdrawn = reader.text(terms, "withdrawn", what)
        parts = (words["table"] or "").split(".")
        if words["table"] is not None and len(parts) != 2:
            reader.error(terms.line_of("table"), f"`table` of {what} does not name a table", "write `schema.table`")
        subject, purpose, given = words["subject"], words["purpose"], words["given"]
        if len(parts) != 2 or subject is None or purpose is None or given is None:
            return None
        return ConsentTerms(TableName(parts[0], parts[1]), subject, purpose, given, withdrawn)

    def _rows(self, node: Mapping) -> tuple[dict[str, str], dict[str, int]]:
        reader = self._reader
        rules: dict[str, str] = {}
        lines: dict[str, int] = {}
        for entry in reader.mapping(reader.value(node, "rows", self._what), f"`rows` of {self._what}"):
            text = entry.value.value if isinstance(entry.value, Scalar) else None
            what = f"row rule of {self._what} for `{shown(entry.key)}`"
            if not isinstance(text, str) or not text.strip():
                reader.error(entry.line, f"{what} is not text", 'write `role: "region = :principal.region"`')
                continue
            for message, remedy in rowrules.mistakes(text, self._listed):
                reader.error(entry.value.line, f"{what}: {message}", remedy)
            rules[entry.key] = text.strip()
            lines[entry.key] = entry.value.line
        return rules, lines


def _check_consent(reader: Reader, table: GovernedTable, found: Tables) -> None:
    terms = table.consent
    if terms is None:
        return
    what = f"consent of table `{table.name}`"
    lines, kept = found.consent_lines[table.name], found.tables.get(terms.table)
    if kept is None:
        remedy = did_you_mean(str(terms.table), map(str, found.tables), "describe it under `tables`")
        reader.error(lines["table"], f"{what} is kept in `{terms.table}`, which the catalogue does not know", remedy)
        return
    named = {"subject": terms.subject, "purpose": terms.purpose, "given": terms.given, "withdrawn": terms.withdrawn}
    for key, column in named.items():
        if column is not None and column not in kept.columns:
            remedy = did_you_mean(column, kept.columns, f"list it under `columns` of `{terms.table}`")
            reader.error(lines[key], f"`{key}` of {what} is no column of `{terms.table}`: `{shown(column)}`", remedy)
