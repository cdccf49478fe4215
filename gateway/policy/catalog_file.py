"""catalog.yaml: the data map."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gateway.model import Mask, TableName
from gateway.policy.classes_file import read_classes
from gateway.policy.reader import Reader
from gateway.policy.tables_file import read_functions, read_tables
from gateway.policy.terms import PUBLIC, DataClass, GovernedTable
from gateway.policy.yamlfile import Mapping, Node

FILE = "catalog.yaml"


@dataclass(slots=True)
class Catalog:
    classes: dict[str, DataClass] = field(default_factory=dict)
    tables: dict[TableName, GovernedTable] = field(default_factory=dict)
    open_schemas: frozenset[str] = frozenset()
    functions: dict[str, str] = field(default_factory=dict)

    def objects(self) -> Iterator[tuple[str, str]]:
        """(object, wider object) pairs: column → table → schema, column → class → parent class.

        A schema that is called as a class is (PostgreSQL's own `public`) cannot stand for its tables in a rule: there
        the name means the class, and its tables get no edge to it. Otherwise `public, clear` would open the schema.
        """
        for name, one in self.classes.items():
            if one.parent is not None:
                yield name, one.parent
        for table, governed in self.tables.items():
            if table.schema not in self.classes:
                yield str(table), table.schema
            for column, data_class in governed.columns.items():
                yield f"{table}.{column}", str(table)
                yield f"{table}.{column}", data_class

    def open_objects(self, table: TableName, column: str) -> Iterator[tuple[str, str]]:
        """The same for a column of an opened schema, whose columns only the database knows."""
        if table.schema not in self.classes:
            yield str(table), table.schema
        yield f"{table}.{column}", str(table)
        yield f"{table}.{column}", PUBLIC


def read_catalog(text: str, check_mask: Callable[[Mask], str | None]) -> tuple[Catalog, Reader]:
    """The catalogue, as far as it could be read, and the reader with its problems."""
    reader = Reader(FILE)
    top = reader.document(text, ("classes", "tables", "functions"))
    nodes = {entry.key: entry.value for entry in top}
    classes = read_classes(reader, nodes.get("classes"), check_mask)
    tables = read_tables(reader, nodes.get("tables"), classes)
    functions = read_functions(reader, nodes.get("functions"), classes)
    catalog = Catalog(classes, tables.tables, frozenset(tables.open_schemas), functions)
    _check_names(reader, catalog, nodes.get("classes"))
    return catalog, reader


def _check_names(reader: Reader, catalog: Catalog, node: Node | None) -> None:
    """A rule's object must mean one thing: no class may be called as a schema, a table or a column is."""
    taken = {str(table): "table" for table in catalog.tables}
    taken |= {f"{table}.{column}": "column" for table, one in catalog.tables.items() for column in one.columns}
    taken |= {table.schema: "schema" for table in catalog.tables}
    taken |= dict.fromkeys(catalog.open_schemas, "schema")
    for name in catalog.classes:
        line = _line_of(node, name)
        schema = name.split(".")[0]
        if name == PUBLIC and taken.get(name) == "schema":
            continue  # see Catalog.objects
        if name in taken:
            remedy = "rename the class; a rule's object must mean one thing"
            reader.error(line, f"class `{name}` is called as a {taken[name]} is", remedy)
        elif schema in catalog.open_schemas and "." in name:
            remedy = "rename the class; a table of that schema may be called so"
            reader.error(line, f"class `{name}` is spelled as a table of the opened schema `{schema}`", remedy)


def _line_of(node: Node | None, name: str) -> int:
    return node.line_of(name) if isinstance(node, Mapping) else 0
