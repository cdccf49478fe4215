"""What a record costs, and how fast a trail is verified and read.

    python bench/trail.py [--records 300000] [--path FOLDER]

Prints nanoseconds per record for building and appending, records per second and core for verifying and reading, and
the latency of a group commit. The folder should lie on the disk that the trail is meant for; it is removed at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gateway.model import Disclosed, Disclosure, Outcome
from gateway.trail import record
from gateway.trail.query import Query, run
from gateway.trail.reader import read
from gateway.trail.signing import SigningKey
from gateway.trail.verify import verify
from gateway.trail.writer import TrailWriter


def fragments() -> tuple[bytes, bytes]:
    session = record.session_fragment(
        node="gateway-1", worker=1, session="1f3a-000042", principal="crm_app", department="customer-service",
        roles=["support"], client="10.20.30.40:51234", application="crm-web", database="crm", actor="agent-7",
    )  # fmt: skip
    plan = record.plan_fragment(
        kind="SELECT", statement="SELECT id, full_name, phone FROM crm.customers WHERE id = $1", fingerprint="a" * 16,
        verdict=Outcome.VEIL, bundle="b" * 64, purpose="ticket_resolution", relations=["crm.customers"],
        classes=[
            Disclosed("contact.phone", Disclosure.PARTIAL, ("rules.csv:3",)),
            Disclosed("identity.name", Disclosure.CLEAR, ("rules.csv:5",)),
        ],
    )  # fmt: skip
    return session, plan


def per_record(work: Callable[[], object], count: int) -> float:
    """Nanoseconds for each of `count` records, the best of three."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best / count * 1e9


def bench_writing(path: Path, key: SigningKey, count: int) -> None:
    session, plan = fragments()

    def build() -> bytes:
        return record.statement(
            session, plan, at_us=1_772_600_000_123_456, id=7, rows=3, bytes_=420, duration_us=350, overhead_us=45
        )

    def build_all() -> None:
        for _ in range(count):
            build()

    members = build()
    print(f"record                    {len(members) + 82:>9} bytes")
    print(f"build                     {per_record(build_all, count):>9.0f} ns per record")
    writer = TrailWriter.open(path, "bench", 1, key)

    def append_all() -> None:
        append = writer.append
        for _ in range(count):
            append(members)

    print(f"append                    {per_record(append_all, count):>9.0f} ns per record")
    batch = [members] * 32

    def append_batches() -> None:
        for _ in range(count // 32):
            writer.append_many(batch)

    print(f"append_many, 32 at a time {per_record(append_batches, count):>9.0f} ns per record")
    writer.close()


def bench_reading(path: Path, key: SigningKey) -> None:
    for _ in range(2):
        start = time.perf_counter()
        report = verify(path, key.public())
        seconds = time.perf_counter() - start
    assert report.good, report.findings
    count = sum(chain.records for chain in report.chains)
    print(f"verify                    {count / seconds:>9,.0f} records per second and core, {count:,} records")
    start = time.perf_counter()
    count = sum(1 for _ in read(path))
    print(f"read (detectors)          {count / (time.perf_counter() - start):>9,.0f} records per second")
    start = time.perf_counter()
    sum(1 for _ in run(path, Query(principal="nobody")))
    print(f"query that finds nothing  {count / (time.perf_counter() - start):>9,.0f} records per second")


async def bench_group_commit(path: Path, key: SigningKey, clients: int = 64, each: int = 50) -> None:
    session, plan = fragments()
    members = record.statement(session, plan, at_us=1_772_600_000_123_456, id=7)
    writer = TrailWriter.open(path, "bench", 2, key, durability="fsync")
    waits: list[float] = []

    async def client() -> None:
        for _ in range(each):
            start = time.perf_counter()
            writer.append(members)
            if (done := writer.barrier()) is not None:
                await done
            waits.append(time.perf_counter() - start)

    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    seconds = time.perf_counter() - start
    writer.close()
    middle = statistics.median(waits) * 1e3
    rate = clients * each / seconds
    print(f"fsync, {clients} clients         {rate:>9,.0f} records per second, {middle:.2f} ms median wait")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--path", type=Path, default=None)
    options = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="menshen-trail-", dir=options.path))
    try:
        key = SigningKey.generate()
        bench_writing(base / "trail", key, options.records // 3)
        bench_reading(base / "trail", key)
        asyncio.run(bench_group_commit(base / "fsync", key))
    finally:
        shutil.rmtree(base)


if __name__ == "__main__":
    main()
