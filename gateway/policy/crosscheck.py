"""What only shows when the files are read together: rules that can never match, roles nobody holds, and the like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.model import Principal, TableName
from gateway.policy import rowrules
from gateway.policy.catalog_file import Catalog
from gateway.policy.reader import Reader, did_you_mean, shown
from gateway.policy.rules_file import Rules
from gateway.policy.terms import ANY, PUBLIC, LegalBasis, Purpose, Rule
from gateway.policy.trees import MAX_LEVELS, Forest


@dataclass(slots=True)
class Parts:
    """The files of a bundle, read one by one; the readers collect what is found here."""

    catalog: Catalog
    catalog_reader: Reader
    purposes: Mapping[str, Purpose]
    purpose_lines: Mapping[str, int]
    purposes_reader: Reader
    purpose_forest: Forest
    principals: Mapping[str, Principal]
    principal_lines: Mapping[str, int]
    principals_reader: Reader
    rules: Rules
    rules_reader: Reader
    roles: Forest
    objects: Forest
    stock: bool


def crosscheck(parts: Parts) -> None:
    """Adds problems to the readers of `parts`."""
    roles = {grant.role for grant in parts.rules.grants}
    holders = _holders(parts)
    people = not (parts.principals_reader.unreadable or parts.rules_reader.unreadable)
    _check_roles(parts)
    if people:
        _check_grants(parts, roles)
        _check_subjects(parts, roles, holders)
        _check_row_rules(parts, roles, holders)
        _check_departments(parts)
    if not parts.purposes_reader.unreadable:
        _check_purposes(parts, holders)
    if not parts.catalog_reader.unreadable:
        _check_objects(parts)
    if parts.stock:
        _check_shadows(parts)
    _check_consent(parts)
    _check_groups(parts)


def _holders(parts: Parts) -> dict[str, list[Principal]]:
    """Role → the principals that hold it; a principal holds its own name."""
    found: dict[str, list[Principal]] = {}
    for name, principal in parts.principals.items():
        for role in parts.roles.above(name):
            found.setdefault(role, []).append(principal)
    return found


# -- grants -----------------------------------------------------------------------------------------------------------
def _check_grants(parts: Parts, roles: set[str]) -> None:
    reader, principals = parts.rules_reader, parts.principals
    subjects = {rule.sub for rule in parts.rules.rules}
    for grant in parts.rules.grants:
        if grant.role in principals:
            message = f"principal `{grant.role}` is granted as if it were a role"
            reader.error(grant.line, message, "grant a role; a principal and a role never share a name")
        if grant.role == ANY or grant.member == ANY:
            reader.error(grant.line, "`*` in a `g` line", "write `*` as the subject of a rule instead")
        elif grant.member not in principals and grant.member not in roles | subjects:
            remedy = did_you_mean(grant.member, [*principals, *roles], "declare it in principals.yaml")
            reader.error(grant.line, f"`{shown(grant.member)}` is neither a principal nor a role", remedy)


def _check_roles(parts: Parts) -> None:
    reader = parts.rules_reader
    lines = {grant.member: grant.line for grant in reversed(parts.rules.grants)}
    for cycle in parts.roles.cycles():
        way = " → ".join((*cycle, cycle[0]))
        reader.error(lines[cycle[0]], f"cycle in the tree of roles: {way}", "remove one `g` line")
    for name in parts.roles.too_deep():
        message = f"`{name}` holds roles over more than {MAX_LEVELS} levels"
        reader.error(lines[name], message, "flatten the tree; Casbin does not follow it further")


# -- rules that can never match ---------------------------------------------------------------------------------------
def _check_subjects(parts: Parts, roles: set[str], holders: Mapping[str, list[Principal]]) -> None:
    reader = parts.rules_reader
    members = {grant.member for grant in parts.rules.grants}
    subjects = roles | set(parts.principals)
    for rule in parts.rules.rules:
        if rule.sub == ANY or rule.sub in holders:
            continue
        if rule.sub in subjects | members:
            reader.warning(rule.line, f"nobody holds the role `{rule.sub}`", "grant it with a `g` line, or remove it")
        else:
            remedy = did_you_mean(rule.sub, subjects, "declare the principal, or grant the role with a `g` line")
            reader.error(rule.line, f"unknown subject `{shown(rule.sub)}`: neither a role nor a principal", remedy)


def _check_purposes(parts: Parts, holders: Mapping[str, list[Principal]]) -> None:
    reader = parts.rules_reader
    pursuing = _pursuing(parts)
    for rule in parts.rules.rules:
        if rule.purpose == ANY:
            continue
        if rule.purpose not in parts.purposes:
            remedy = did_you_mean(rule.purpose, parts.purposes, "declare it in purposes.yaml")
            reader.error(rule.line, f"unknown purpose `{shown(rule.purpose)}`", remedy)
        elif rule.sub in holders:
            departments = pursuing.get(rule.purpose, set())
            if not any(one.department in departments for one in holders[rule.sub]):
                message = f"nobody who holds `{rule.sub}` is in a department that may pursue `{rule.purpose}`"
                reader.warning(rule.line, message, "add the department in purposes.yaml, or remove the rule")


def _check_objects(parts: Parts) -> None:
    reader = parts.rules_reader
    objects = _Objects(parts.catalog)
    for rule in parts.rules.rules:
        if trouble := objects.trouble(rule.obj):
            reader.error(rule.line, *trouble)
        elif rule.eft == "deny" and rule.obj == PUBLIC and any(t.schema == PUBLIC for t in parts.catalog.tables):
            reader.warning(rule.line, "`public` means the class here, not the schema", "name the tables one by one")


def _pursuing(parts: Parts) -> dict[str, set[str]]:
    """Purpose → the departments that may pursue it, or one of the purposes under it."""
    found: dict[str, set[str]] = {}
    for name, purpose in parts.purposes.items():
        for wider in parts.purpose_forest.above(name):
            found.setdefault(wider, set()).update(purpose.departments)
    return found


class _Objects:
    """What a rule's object may be."""

    def __init__(self, catalog: Catalog) -> None:
        tables = {str(table) for table in catalog.tables}
        schemas = {table.schema for table in catalog.tables} | catalog.open_schemas
        columns = {f"{table}.{column}" for table, one in catalog.tables.items() for column in one.columns}
        self._open = catalog.open_schemas
        self._classes = catalog.classes
        self._known = {ANY, *catalog.classes, *tables, *schemas, *columns}
        self._near = [*catalog.classes, *sorted(tables), *sorted(schemas)]

    def trouble(self, obj: str) -> tuple[str, str] | None:
        """(message, remedy), or None for a good object."""
        if obj in self._known:
            return None
        schema, *rest = obj.split(".")
        if schema in self._open and 1 <= len(rest) <= 2 and all(rest) and rest != [ANY]:
            return None
        if obj.endswith(".*") and obj[:-2] in self._known:
            return f"unknown object `{shown(obj)}`", f"write `{obj[:-2]}`: it stands for everything under it"
        remedy = did_you_mean(obj, self._near, "name a class, a column, a table or a schema of catalog.yaml")
        return f"unknown object `{shown(obj)}`", remedy


def _check_shadows(parts: Parts) -> None:
    """Allow rules of which a deny takes all. Only a warning: a deny on top of everything is how access is frozen."""
    denies: dict[str, dict[str, list[Rule]]] = {}
    for rule in parts.rules.rules:
        if rule.eft == "deny":
            denies.setdefault(rule.sub, {}).setdefault(rule.obj, []).append(rule)
    for rule in parts.rules.rules if denies else ():
        if rule.eft == "allow" and (deny := _shadow(parts, rule, denies)) is not None:
            message = f"the deny in line {deny.line} takes everything that this rule allows"
            parts.rules_reader.warning(rule.line, message, "remove one of them")


def _shadow(parts: Parts, rule: Rule, denies: Mapping[str, Mapping[str, list[Rule]]]) -> Rule | None:
    for sub in _wider(parts.roles, rule.sub):
        by_object = denies.get(sub)
        if not by_object:
            continue
        for obj in _wider(parts.objects, rule.obj):
            for deny in by_object.get(obj, ()):
                if deny.act in (rule.act, ANY) and deny.purpose in _wider(parts.purpose_forest, rule.purpose):
                    return deny
    return None


def _wider(forest: Forest, name: str) -> tuple[str, ...]:
    return (ANY,) if name == ANY else (*forest.above(name), ANY)


# -- the other files --------------------------------------------------------------------------------------------------
def _check_row_rules(parts: Parts, roles: set[str], holders: Mapping[str, list[Principal]]) -> None:
    reader = parts.catalog_reader
    members = {grant.member for grant in parts.rules.grants}
    known = {ANY, *roles, *members, *parts.principals}
    for table in parts.catalog.tables.values():
        for role, expression in table.rows.items():
            line = table.rows_lines[role]
            what = f"row rule of table `{table.name}`"
            if role not in known:
                message = f"{what} is for `{shown(role)}`, which is neither a role nor a principal"
                reader.error(line, message, did_you_mean(role, known, "grant the role in rules.csv"))
                continue
            bound = parts.principals.values() if role == ANY else holders.get(role, [])
            for attribute in rowrules.placeholders(expression):
                without = [one.name for one in bound if attribute not in known_attributes(one)]
                if without:
                    message = f"{what} needs attribute `{attribute}`, which {', '.join(without[:5])} lack"
                    reader.warning(line, message, "add it in principals.yaml; without it they see no row")


def known_attributes(principal: Principal) -> frozenset[str]:
    """What `:principal.<attribute>` can name: the attributes, and the name and department of every principal."""
    return frozenset({*principal.attributes, "name", "department"})


def _check_departments(parts: Parts) -> None:
    known = {principal.department for principal in parts.principals.values()}
    for name, purpose in parts.purposes.items():
        if purpose.departments and not purpose.departments & known:
            departments = ", ".join(f"`{one}`" for one in sorted(purpose.departments))
            message = f"nobody may pursue purpose `{name}`: no principal belongs to {departments}"
            remedy = did_you_mean(min(purpose.departments), known, "add the principal, or remove the purpose")
            parts.purposes_reader.warning(parts.purpose_lines[name], message, remedy)


def _check_consent(parts: Parts) -> None:
    """Tables of subjects without a place for consents, while some purpose is pursued on consent."""
    on_consent = [name for name, one in parts.purposes.items() if one.basis is LegalBasis.CONSENT]
    if not on_consent:
        return
    ledgers = {one.consent.table for one in parts.catalog.tables.values() if one.consent}
    for name, table in parts.catalog.tables.items():
        if table.subject and not table.consent and name not in ledgers and _personal(parts.catalog, name):
            message = f"table `{name}` has a subject but no consent, and `{on_consent[0]}` is pursued on consent"
            remedy = "add `consent: {table, subject, purpose, given, withdrawn}`, or deny the purpose the table"
            parts.catalog_reader.warning(table.line, message, remedy)


def _check_groups(parts: Parts) -> None:
    """Tables with a class whose aggregates need a number of subjects, and nothing to count them by."""
    for name, table in parts.catalog.tables.items():
        classes = set(table.columns.values()) if table.subject is None else set()
        for one in sorted(one for one in classes if parts.catalog.classes[one].min_group):
            message = f"table `{name}` has no subject, so aggregates over `{one}` cannot be counted and are refused"
            parts.catalog_reader.warning(table.line, message, "add `subject: <column>` to the table")


def _personal(catalog: Catalog, table: TableName) -> bool:
    """Whether the table holds anything above level 1, the level of what is not personal."""
    return any(catalog.classes[name].level > 1 for name in catalog.tables[table].columns.values())
