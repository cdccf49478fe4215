"""What a policy bundle costs: loading, reloading, and compiling veils, at 10,000 rules and 1,000 tables.

Run by hand: `python bench/policy.py [rules] [tables]`. Prints milliseconds; the targets are those of docs/policy.md.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from gateway.model import Act, TableName
from gateway.policy.modelconf import STOCK
from gateway.policy.policy import Policy, load

COLUMNS = 12
ROLES = 200
PRINCIPALS = 300
PURPOSES = 40
CLASSES = 80
MASKS = ("phone", "name", "email")


def write_bundle(folder: Path, rules: int, tables: int, *, model: str = STOCK) -> None:
    """A bundle with trees of roles, classes and purposes; the same for the same numbers."""
    rnd = random.Random(7)
    (folder / "model.conf").write_text(model, encoding="utf-8")
    (folder / "catalog.yaml").write_text(_catalog(rnd, tables), encoding="utf-8")
    purposes = ["purposes:"]
    for n in range(PURPOSES):
        parent = f"parent: purpose_{n // 3}, " if n >= 3 else ""
        purposes.append(f"  purpose_{n}: {{{parent}basis: contract, departments: [dept_{n % 10}, it]}}")
    (folder / "purposes.yaml").write_text("\n".join(purposes), encoding="utf-8")
    people = ["principals:"]
    for n in range(PRINCIPALS):
        people.append(f"  app_{n}: {{department: it, kind: application, certificate: app{n}.example}}")
    (folder / "principals.yaml").write_text("\n".join(people), encoding="utf-8")
    (folder / "rules.csv").write_text(_rules(rnd, rules, tables), encoding="utf-8")


def _catalog(rnd: random.Random, tables: int) -> str:
    lines = ["classes:", "  public: {level: 1}"]
    for n in range(CLASSES):
        parent = f"parent: class_{n // 4}, " if n >= 4 else "level: 2, "
        lines.append(f"  class_{n}: {{{parent}mask: {MASKS[n % 3]}}}")
    lines.append("tables:")
    for t in range(tables):
        lines += [f"  schema_{t % 20}.table_{t}:", "    owner: it", "    subject: col_0", "    columns:"]
        lines += [f"      col_{c}: class_{rnd.randrange(CLASSES)}" for c in range(COLUMNS)]
    return "\n".join(lines)


def _rules(rnd: random.Random, rules: int, tables: int) -> str:
    acts = ("clear", "partial", "pseudonym", "lookup", "update", "*")
    lines = []
    for _ in range(rules):
        t = rnd.randrange(tables)
        obj = rnd.choice((f"class_{rnd.randrange(CLASSES)}", f"schema_{t % 20}.table_{t}", f"schema_{t % 20}"))
        purpose = rnd.choice(("*", f"purpose_{rnd.randrange(PURPOSES)}"))
        eft = "deny" if rnd.random() < 0.1 else "allow"
        lines.append(f"p, role_{rnd.randrange(ROLES)}, {purpose}, {obj}, {rnd.choice(acts)}, {eft}")
    lines += [f"g, app_{n}, role_{n % ROLES}" for n in range(PRINCIPALS)]
    lines += [f"g, role_{n}, role_{n // 3}" for n in range(3, ROLES)]
    return "\n".join(lines)


def cold_veils(policy: Policy, count: int) -> list[float]:
    """Milliseconds for the first veil of a persona that nobody was before, one value each."""
    names = list(policy.tables)
    took: list[float] = []
    for n in range(count):
        table = names[(n * 37) % len(names)]
        columns = tuple(policy.tables[table].columns)
        begun = time.perf_counter()
        persona = policy.persona(policy.principals[f"app_{n}"], f"purpose_{n % PURPOSES}")
        policy.veil(persona, table, columns)
        took.append((time.perf_counter() - begun) * 1e3)
    return took


def warm_veils(policy: Policy) -> list[float]:
    """Milliseconds for the other tables of one persona, each for the first time."""
    persona = policy.persona(policy.principals["app_3"], "purpose_3")
    took: list[float] = []
    for table, governed in policy.tables.items():
        begun = time.perf_counter()
        policy.veil(persona, table, tuple(governed.columns))
        took.append((time.perf_counter() - begun) * 1e3)
    return took


def _say(what: str, values: list[float]) -> None:
    values = sorted(values)
    worst = values[-1]
    print(f"{what:<58} median {statistics.median(values):9.3f} ms   worst {worst:9.3f} ms   n={len(values)}")


def main() -> None:
    rules = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    tables = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000
    print(f"{rules} rules, {tables} tables of {COLUMNS} columns, {PRINCIPALS} principals, {ROLES} roles")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_bundle(folder, rules, tables)
        loads, work = [], []
        for _ in range(5):
            begun, busy = time.perf_counter(), time.process_time()
            policy = load(folder)
            loads.append((time.perf_counter() - begun) * 1e3)
            work.append((time.process_time() - busy) * 1e3)
        _say("load or reload a bundle", loads)
        _say("  of which this process was at work", work)
        _say("one table's veil for a persona seen first", cold_veils(policy, 100))
        _say("another table's veil for the same persona", warm_veils(policy))
        persona = policy.persona(policy.principals["app_3"], "purpose_3")
        table = TableName("schema_0", "table_0")
        columns = tuple(policy.tables[table].columns)
        begun = time.perf_counter()
        for _ in range(10_000):
            policy.veil(persona, table, columns)
        took = (time.perf_counter() - begun) * 100  # microseconds each
        print(f"{'a veil that was compiled before':<58}        {took:9.3f} µs")
        write_bundle(folder, rules, tables, model=STOCK.replace("(p.sub", 'r.obj != "nothing" && (p.sub'))
        slow = load(folder)
        begun = time.perf_counter()
        slow.allows(slow.persona(slow.principals["app_5"], "purpose_5"), "class_5", Act.CLEAR)
        took = (time.perf_counter() - begun) * 1e3
        print(f"{'one answer of Casbin over all rules (a changed matcher)':<58}        {took:9.3f} ms")


if __name__ == "__main__":
    main()
