"""The canaries: every sensitive value of the attacked database, made from one seed, and who may see which.

A canary has a `token`, the part that nobody can guess and no mask of ours lets through.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
LETTERS = "bcdfghjkmnpqrstvwxz23456789"
HANZI = "璞瑾瑜琮璟珩玹珞琬琰瑄璐瓒珺琇璇玥珈瑶琪"

NORTH = range(1, 13)
SOUTH = range(13, 19)
EXPIRED = range(19, 25)
VIP = range(31, 34)
CONSENTING = (*range(1, 9), *range(13, 21))
TABLES = {
    "shop.people": "id, full_name, phone, email, id_card, birth, address, balance, region, status, note, profile, "
    "created_at",
    "shop.vip_people": "id, full_name, phone, email, id_card, birth, address, balance, region, status, note, profile, "
    "created_at, vip_secret",
    "shop.contacts": "id, person_id, label, value, region, created_at",
    "shop.visits": "id, person_id, happened_at, kind, ip, detail",
    'shop."客户"': '"编号", "姓名", "手机号", "城市"',
}


@dataclass(frozen=True)
class Canary:
    """One planted value. `forms`: other ways in which SQL prints it."""

    table: str
    row: int
    field: str
    value: str
    token: str
    kind: str = "text"
    forms: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.table} {self.row} {self.field} = {self.value}"


class Canaries:
    """All values of one seed."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)
        self._seen: set[str] = set()
        self.all: list[Canary] = []
        self.rows: dict[str, list[tuple[object, ...]]] = {table: [] for table in TABLES}
        for number in (*NORTH, *SOUTH, *EXPIRED):
            self._person("shop.people", number)
        for number in VIP:
            self._person("shop.vip_people", number)
        for number in range(1, 25):
            self._contact(number)
            self._visit(number)
        for number in range(1, 7):
            name, phone = "测" + self._pick(HANZI, 5), "137" + self._digits(8)
            self._add('shop."客户"', number, "姓名", name, name)
            self._add('shop."客户"', number, "手机号", phone, phone[3:])
            self.rows['shop."客户"'].append((number, name, phone, "上海"))
        self.large_object = "LargeObject" + self._pick(LETTERS, 14)
        self._add("large object", 515151, "data", self.large_object, self.large_object)

    def _pick(self, alphabet: str, length: int) -> str:
        while (text := "".join(self._random.choice(alphabet) for _ in range(length))) in self._seen:
            continue
        self._seen.add(text)
        return text

    def _digits(self, length: int) -> str:
        return self._random.choice("23456789") + self._pick("0123456789", length - 1)

    def _add(self, table: str, row: int, field: str, value: str, token: str, kind: str = "text", *forms: str) -> str:
        self.all.append(Canary(table, row, field, value, token, kind, forms))
        return value

    def _person(self, table: str, number: int) -> None:
        def put(field: str, value: str, token: str, kind: str = "text", *forms: str) -> str:
            return self._add(table, number, field, value, token, kind, *forms)

        word = [self._pick(LETTERS, 10) for _ in range(6)]
        name = "欧阳" + self._pick(HANZI, 6) if number % 4 == 3 else f"Person {word[0]}"
        phone = "139" + self._digits(8)
        birth = f"19{self._random.randrange(10, 70)}-{self._random.randrange(1, 13):02d}-{self._random.randrange(1, 29):02d}"
        year, month, day = birth.split("-")
        card = "110101" + birth.replace("-", "") + self._pick("0123456789", 4)
        balance = f"{self._digits(8)}.{self._pick('123456789', 2) if len(self._seen) < 60 else self._random.randrange(11, 99)}"
        row: tuple[object, ...] = (
            number,
            put("full_name", name, name.removeprefix("Person ")),
            put("phone", phone, phone[3:]),
            put("email", f"{word[1]}@canary.example", word[1]),
            put("id_card", card, card[6:]),
            put("birth", birth, birth.replace("-", ""), "date", f"{month}/{day}/{year}", f"{day}.{month}.{year}"),
            put("address", f"北京市朝阳区{word[2]}路{number}号", word[2]),
            put("balance", balance, balance.replace(".", ""), "numeric", balance.split(".")[0]),
            "south" if number in (*SOUTH, 23, 24) else "north",
            "open",
            put("note", f"note {word[3]} 备注", word[3]),
            f'{{"nick": "{put("profile", word[4], word[4])}"}}',
            f"now() - interval '{number + (2000 if number in EXPIRED else 0)} days'",
        )
        if number in VIP:
            row += (put("vip_secret", f"VipSecret{word[5]}", word[5]),)
        self.rows[table].append(row)

    def _contact(self, number: int) -> None:
        value = "138" + self._digits(8)
        self._add("shop.contacts", number, "value", value, value[3:])
        region = "south" if number in (*SOUTH, 23, 24) else "north"
        created = f"now() - interval '{number + (2000 if number in EXPIRED else 0)} days'"
        self.rows["shop.contacts"].append((100 + number, number, "mobile", value, region, created))

    def _visit(self, number: int) -> None:
        word, other = self._pick(LETTERS, 9), self._pick(LETTERS, 12)
        self._add("shop.visits", number, "ip", f"10.{number}.7.9/{word}", word)
        self._add("shop.visits", number, "detail", other, other)
        when = f"{2023 if number % 2 else 2025}-06-{number:02d} 10:00+00"
        self.rows["shop.visits"].append(
            (number, number, when, "login", f"10.{number}.7.9/{word}", f'{{"by": "{other}"}}')
        )

    # -- what may be seen
    @cache  # noqa: B019  # one object for the run
    def withheld(self, persona: str) -> tuple[Canary, ...]:
        """The canaries that this persona must never see; `owner`: all, to prove that the oracle sees."""
        return tuple(c for c in self.all if not _may_see(persona, c))

    def find(self, field: str, row: int) -> Canary:
        return next(c for c in self.all if c.row == row and c.field == field)

    def fill(self, text: str) -> str:
        """`{phone:7}` is the phone of person 7, `{~phone:7}` a wrong guess of the same shape, `{phone:7:0:5}` a part."""

        def one(match: re.Match[str]) -> str:
            value = self.find(match[2], int(match[3])).value
            value = wrong(value, match[2]) if match[1] else value
            return value[int(match[4]) : int(match[5])] if match[4] else value

        return re.sub(r"\{(~?)(\w+):(\d+)(?::(\d+):(\d+))?\}", one, text)

    # -- planting
    def script(self) -> str:
        """The SQL that makes the whole database."""
        data = "\n".join(self._inserts())
        return (FOLDER / "schema.sql").read_text("utf-8").replace("--DATA--", data)

    def _inserts(self) -> Iterator[str]:
        for table, columns in TABLES.items():
            for row in self.rows[table]:
                cells = [str(v) if str(v).startswith("now()") else "'" + str(v) + "'" for v in row]
                yield f"INSERT INTO {table} ({columns}) VALUES ({', '.join(cells)});"
        for number in CONSENTING:
            yield f"INSERT INTO shop.consents VALUES ({number}, 'campaign', now() - interval '30 days', NULL);"
        yield "INSERT INTO shop.consents VALUES (11, 'campaign', now() - interval '30 days', now() - interval '1 day');"
        yield f"SELECT lo_from_bytea(515151, '{self.large_object}'::bytea);"


def wrong(value: str, field: str) -> str:
    """Another value of the same shape, whose mask looks the same."""
    at = {"birth": 3, "balance": 4, "email": 4, "address": 9}.get(field, 5 if len(value) > 5 else 3)
    old = value[at]
    new = str((int(old) + 5) % 10) if old.isdigit() else "y" if old.isascii() else "琅"
    return value[:at] + new + value[at + 1 :]


def _may_see(persona: str, canary: Canary) -> bool:
    people = canary.table in ("shop.people", "shop.vip_people")
    alive = not (canary.table in ("shop.people", "shop.contacts") and canary.row in EXPIRED)
    if not alive:
        return False
    if persona in ("agent", "officer"):
        return canary.field == "姓名" or (people and canary.field == "full_name" and canary.row not in SOUTH)
    if persona == "marketer":
        return canary.field == "姓名" or (
            people and canary.row in CONSENTING and canary.field in ("full_name", "email")
        )
    if persona == "auditor":
        return canary.table != "large object" and canary.field != "vip_secret"
    return False
