"""Canary customers: records that nobody has a reason to read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pyroaring import BitMap

from gateway.trail.subjects import decode
from gateway.watch.detectors.base import About, Detector, Setting, Told
from gateway.watch.detectors.seen import Seen
from gateway.watch.finding import Finding, Severity

_HASH = re.compile(r"[0-9a-f]{16}")


class Honey(Detector):
    about = About(
        "honey",
        "A canary customer was read", "蜜罐客户被读取",
        "A planted customer, who exists nowhere but in the database, was read or looked up.",
        "预先埋设、现实中并不存在的客户记录被读取或查询。",
        "The keys of planted customers come from `menshen honey plant` and from `keys`. A read with at most `small` "
        "customers that holds one of them has the configured severity; a larger one, which may have met it by chance, "
        "is high at most. Looking up a value of a planted customer counts as reading it. Where a job reads everything "
        "for a reason, except its principal or purpose.",
        "Somebody opens the card of a customer who never existed.",
        Severity.CRITICAL,
        (
            Setting("keys", (), "keys of further planted customers", "其他蜜罐客户的编号"),
            Setting("small", 1000, "customers in a read above which it may be chance", "可能属偶然命中的读取客户数", 1),
        ),
    )  # fmt: skip
    personal = False

    def prepare(self) -> None:
        self.plant(())

    def plant(self, keys: Iterable[int | str], values: Iterable[str] = ()) -> tuple[str, ...]:
        """The planted customers: keys as records hold them, and hashes of their values (`record.value_hash`).

        Those of the configuration are added. To be called again whenever the planted ones change. Answers the keys that
        no record could hold, and that are thus not watched: texts that are no hash (`subjects.parse_key` makes one).
        """
        every = [*keys, *(int(name) if name.isdigit() else name for name in self.names("keys"))]
        self._numbers = frozenset(key for key in every if isinstance(key, int))
        texts = frozenset(key for key in every if isinstance(key, str))
        self._hashes = frozenset(text for text in texts if _HASH.fullmatch(text))
        self._values = frozenset(values)
        short = [number & 0xFFFFFFFF for number in self._numbers] + [int(text[:8], 16) for text in self._hashes]
        self._bits = BitMap(short)
        self._any = bool(every or self._values)
        return tuple(sorted(texts - self._hashes))

    def feed(self, seen: Seen) -> list[Finding]:
        if not self._any:
            return []
        if seen.keys is not None and not seen.keys.isdisjoint(self._bits):
            found = self._exactly(seen.record)
            if found and not self.excepted(seen):
                return self._tell(seen, found, len(seen.keys))
        if self._values and seen.record.get("lookups") and not self.excepted(seen):
            values = {pair[1] for pair in seen.record.get("lookup_values", ())}
            values |= {one["hash"] for one in seen.record["lookups"] if "hash" in one}
            if not values.isdisjoint(self._values):
                return self._tell(seen, [], 1)
        return []

    def _exactly(self, record: Mapping[str, object]) -> list[int | str]:
        """The planted keys of a record: the short forms of two keys can be equal."""
        every: frozenset[int | str] = self._numbers | self._hashes
        return sorted({key for one in decode(record).values() for key in every if key in one}, key=str)

    def _tell(self, seen: Seen, keys: list[int | str], size: int) -> list[Finding]:
        small = size <= self.number("small")
        severity = self.options.severity if small else min(self.options.severity, Severity.HIGH)
        return self.tell(
            seen,
            Told(
                seen.who,
                severity,
                f"{seen.who} read a planted customer whom nobody has a reason to read.",
                f"{seen.who} 读取了无任何理由被读取的蜜罐客户。",
                subjects=keys,
                rows=seen.rows,
                details=(("read_with", size),),
            ),
        )
