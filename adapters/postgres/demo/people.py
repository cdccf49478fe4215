"""Generated customers: looks real, belongs to nobody, the same for the same seed, size and day.

Nothing here can be a real person's: resident numbers carry a right check digit over county codes that were never
assigned (`..99`), mobile numbers start with prefixes that no operator has, foreign numbers lie in the ranges that
regulators keep for fiction, bank cards pass Luhn with an issuer number that nobody holds, addresses of machines are
those for documentation (RFC 5737, RFC 3849), e-mail domains those of RFC 2606.

Pure: no I/O and no clock. A row is a tuple of texts in the form of COPY's text format, so that 50,000 customers cost
about a second; no generated text holds a tab, a line break or a backslash but for `\\N`, NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final, TypeAlias, TypeVar

from adapters.postgres.demo import words

Row: TypeAlias = tuple[str, ...]
T = TypeVar("T")

NULL: Final = "\\N"
LEVELS: Final = ("basic", "basic", "basic", "silver", "silver", "gold", "platinum")
MOBILE_PREFIXES: Final = ("142", "143", "154", "163", "164", "168")
CARD_ISSUER: Final = "915600"
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK: Final = "10X98765432"
_KEEP_DAYS: Final = 3 * 366
"""A customer who was last active before this many days is past the retention that the policy sets, by a margin."""


@dataclass(frozen=True, slots=True)
class Customer:
    """What other tables repeat of a customer, and the whole row."""

    id: int
    name: str
    phone: str
    address: str
    city: str
    level: str
    created: int
    """Days before today."""
    active: int
    """Days before today of the last activity."""
    row: Row


@dataclass(frozen=True, slots=True)
class Story:
    """One of the first customers, of whom the demo's lines tell."""

    compound: bool = False
    abroad: bool = False
    expired: bool = False
    city: int | None = None
    """Index into `words.CITIES`; None: any."""
    consent: str = "given"
    """`given`, `withdrawn` or `never`, for the purpose `campaign`."""


SHANGHAI, GUANGZHOU, CHENGDU, WUHAN = 1, 2, 5, 6
STORIES: Final = (
    Story(city=SHANGHAI),
    Story(city=GUANGZHOU, consent="never"),
    Story(city=CHENGDU, consent="withdrawn"),
    Story(city=WUHAN, expired=True),
    Story(compound=True, city=SHANGHAI),
    Story(abroad=True),
)


def resident_number(first_four: str, birth: date, serial: int) -> str:
    """An 18-digit resident number (GB 11643): county code `<first_four>99`, birth date, serial, check digit."""
    body = f"{first_four}99{birth:%Y%m%d}{serial % 1000:03d}"
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, body, strict=True))
    return body + _CHECK[total % 11]


def card_number(number: int) -> str:
    """A 19-digit bank card number that passes Luhn (ISO/IEC 7812-1)."""
    body = f"{CARD_ISSUER}{number % 10**12:012d}"
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


class Company:
    """All rows of the demo company. The tables are to be taken in the order of `tables`, each as often as wanted."""

    def __init__(self, seed: int, customers: int, today: date) -> None:
        self.seed = seed
        self.size = customers
        self.today = today
        self._days = [(today - timedelta(days=n)).isoformat() for n in range(9 * 366)]
        self._customers: list[Customer] = []

    @property
    def tables(self) -> dict[str, Callable[[], Iterator[Row]]]:
        """Table (as SQL spells it) → its rows, in an order that satisfies the foreign keys."""
        return {
            "ref.regions": lambda: iter(words.REGIONS),
            "ref.products": self._products,
            "crm.customers": lambda: (customer.row for customer in self.customers),
            "crm.contacts": self._contacts,
            "crm.consents": self._consents,
            "sales.orders": self._orders,
            "sales.payments": self._payments,
            "service.tickets": self._tickets,
            'crm."会员"': self._members,
        }

    @property
    def customers(self) -> list[Customer]:
        if not self._customers:
            random = self._random("customers")
            self._customers = [self._customer(random, number) for number in range(1, self.size + 1)]
        return self._customers

    def _random(self, table: str) -> Random:
        # A generator for each table: one more column in one of them leaves the others as they were.
        return Random(f"{self.seed}/{table}")  # noqa: S311

    def _stamp(self, random: Random, days: int) -> str:
        second = int(random.random() * 86400)
        return f"{self._days[days]} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}+08"

    def _customer(self, random: Random, number: int) -> Customer:
        story = STORIES[number - 1] if number <= len(STORIES) else None
        abroad = story.abroad if story else random.random() < 0.08
        expired = story.expired if story else random.random() < 0.06
        active = _KEEP_DAYS + 20 + _below(random, 900) if expired else 2 + _below(random, 900)
        created = active + _below(random, 1000)
        birth = date(1940 + _below(random, 67), 1 + _below(random, 12), 1 + _below(random, 28))
        who = _foreigner(random, number) if abroad else _resident(random, number, birth, story or Story())
        level = LEVELS[_below(random, len(LEVELS))]
        row = (
            *(str(number), who.name, who.gender, who.phone, who.email, who.id_card, who.passport),
            *(birth.isoformat() if story or random.random() < 0.9 else NULL, who.address, who.region, level),
            f"{_below(random, 2_000_000) / 100:.2f}",
            who.plate,
            _preferences(random, abroad),
            _ip(random),
            _pick(random, words.NOTES) or NULL,
            self._stamp(random, created),
            self._stamp(random, active),
        )
        return Customer(number, who.name, who.phone, who.address, who.city, level, created, active, row)

    def _products(self) -> Iterator[Row]:
        for number, (name, english, category, price) in enumerate(words.PRODUCTS, 1):
            yield str(number), f"HG-{number:04d}", name, english, category, price

    def _contacts(self) -> Iterator[Row]:
        random = self._random("contacts")
        number = 0
        for customer in self.customers:
            if random.random() < 0.5:
                number += 1
                name, latin, _ = _name(random, False)
                yield (
                    *(str(number), str(customer.id), _pick(random, ("收件人", "家属", "同事")), name),
                    *(_mobile(2_000_000 + number), f"{latin}@example.org"),
                    *(customer.address, self._stamp(random, customer.created), customer.row[-1]),
                )

    def _consents(self) -> Iterator[Row]:
        random = self._random("consents")
        number = 0
        for customer in self.customers:
            story = STORIES[customer.id - 1] if customer.id <= len(STORIES) else None
            for purpose, share in (("campaign", 0.55), ("survey", 0.3)):
                if purpose == "campaign" and story:
                    given, withdrawn = story.consent != "never", story.consent == "withdrawn"
                else:
                    given, withdrawn = random.random() < share, random.random() < 0.2
                if given:
                    number += 1
                    channel = _pick(random, ("app", "store", "web", "phone"))
                    at = self._stamp(random, customer.created)
                    until = self._stamp(random, customer.active // 2) if withdrawn else NULL
                    # Given and withdrawn on one day: the later of the two is the withdrawal.
                    yield str(number), str(customer.id), purpose, channel, at, max(at, until) if withdrawn else NULL

    def _orders(self) -> Iterator[Row]:
        random = self._random("orders")
        for number, customer in self._orders_of():
            product = _below(random, len(words.PRODUCTS))
            quantity = 1 + _below(random, 3)
            amount = float(words.PRODUCTS[product][3]) * quantity
            status = _pick(random, ("paid", "shipped", "done", "done", "done", "cancelled"))
            placed = self._stamp(random, customer.active + _below(random, customer.created - customer.active + 1))
            yield (
                *(str(number), str(customer.id), str(product + 1), str(quantity), f"{amount:.2f}", status),
                *(customer.address, placed),
            )

    def _orders_of(self) -> Iterator[tuple[int, Customer]]:
        """Order number → customer: one to three orders for each, the same for orders and payments."""
        number = 0
        for customer in self.customers:
            for _ in range(1 + (customer.id * 7919 + self.seed) % 3):
                number += 1
                yield number, customer

    def _payments(self) -> Iterator[Row]:
        random = self._random("payments")
        number = 0
        for order, customer in self._orders_of():
            if random.random() < 0.6:
                number += 1
                card = card_number(customer.id * 8_191 + self.seed)
                amount = f"{_below(random, 500_000) / 100:.2f}"
                paid = self._stamp(random, customer.active)
                yield str(number), str(order), str(customer.id), card, customer.name, amount, _ip(random), paid

    def _tickets(self) -> Iterator[Row]:
        random = self._random("tickets")
        number = 0
        for customer in self.customers:
            if customer.id <= len(STORIES) or random.random() < 0.4:
                number += 1
                subject, body = _pick(random, words.TICKETS)
                closed = random.random() < 0.7
                opened = customer.active + _below(random, 5)
                yield (
                    *(str(number), str(customer.id), _pick(random, ("phone", "app", "mail", "store"))),
                    *("closed" if closed else "open", subject, body, customer.phone),
                    *(self._stamp(random, opened + 1), self._stamp(random, opened) if closed else NULL),
                )

    def _members(self) -> Iterator[Row]:
        random = self._random("members")
        for customer in self.customers:
            if customer.level != "basic":
                points = str(_below(random, 50_000))
                yield (
                    *(str(customer.id), customer.name, customer.phone, customer.level, points, customer.city),
                    *(self._days[customer.created], self._days[customer.active]),
                )


@dataclass(frozen=True, slots=True)
class _Who:
    name: str
    gender: str
    phone: str
    email: str
    id_card: str
    passport: str
    address: str
    region: str
    city: str
    plate: str


def _resident(random: Random, number: int, birth: date, story: Story) -> _Who:
    name, latin, gender = _name(random, story.compound)
    place = _pick(random, words.CITIES) if story.city is None else words.CITIES[story.city]
    region, city, districts, area, first_four, plate = place
    # The last digit of the serial tells the sex: odd is male.
    serial = _below(random, 500) * 2 + (1 if gender == "M" else 0)
    landline = number > len(STORIES) and random.random() < 0.04
    district, road = _pick(random, districts), _pick(random, words.ROADS)
    estate = f"{_pick(random, words.ESTATES)}{1 + _below(random, 30)}栋{1 + _below(random, 2800)}室"
    return _Who(
        name,
        gender,
        # Subscriber numbers never begin with 1, so that nobody has this one.
        f"{area}-1{number % 10_000_000:07d}" if landline else _mobile(number),
        f"{latin}{number}@example.com" if number <= len(STORIES) or random.random() < 0.85 else NULL,
        resident_number(first_four, birth, serial) if number <= len(STORIES) or random.random() < 0.93 else NULL,
        f"EX{number % 10_000_000:07d}" if random.random() < 0.2 else NULL,
        f"{city}{district}{road}{1 + _below(random, 999)}号{estate}",
        region,
        city,
        # The letter O is never issued.
        f"{plate}·{_below(random, 1000):03d}O{_below(random, 10)}" if random.random() < 0.4 else NULL,
    )


def _foreigner(random: Random, number: int) -> _Who:
    given, family, latin, gender = _pick(random, words.INTERNATIONAL)
    country, street, town, prefix, digits = _pick(random, words.ABROAD)
    return _Who(
        f"{given} {family}".strip(),
        gender,
        f"{prefix}{_below(random, 10**digits):0{digits}d}",
        f"{latin}{number}@example.net" if number <= len(STORIES) or random.random() < 0.95 else NULL,
        NULL,
        f"XX{number % 10_000_000:07d}",
        f"{1 + _below(random, 200)} {street}, {town}, {country}",
        "990000",
        town,
        NULL,
    )


def _name(random: Random, compound: bool) -> tuple[str, str, str]:
    """A resident's name, its letters for an e-mail address, and the sex."""
    if not compound and random.random() < 0.02:
        return _pick(random, words.MINORITY)
    surname = _pick(random, words.COMPOUND_SURNAMES if compound or random.random() < 0.03 else words.SURNAMES)
    female = random.random() < 0.5
    pool = words.GIVEN_FEMALE if female else words.GIVEN_MALE
    given = [_pick(random, pool) for _ in range(1 if random.random() < 0.25 else 2)]
    name = surname[0] + "".join(word for word, _ in given)
    return name, surname[1] + "." + "".join(latin for _, latin in given), "F" if female else "M"


def _mobile(number: int) -> str:
    """A different mobile number for each `number` below ten million, scattered so that neighbours look unrelated."""
    prefix = MOBILE_PREFIXES[number % len(MOBILE_PREFIXES)]
    return f"{prefix}{number * 38_745_097 % 100_000_007 % 100_000_000:08d}"


def _preferences(random: Random, abroad: bool) -> str:
    language = "en" if abroad else "zh"
    category = _pick(random, ("厨房", "家纺", "照明", "家电", "家居"))
    letter = "true" if random.random() < 0.4 else "false"
    return f'{{"language": "{language}", "likes": ["{category}"], "newsletter": {letter}}}'


def _ip(random: Random) -> str:
    if random.random() < 0.2:
        return f"2001:db8:{_below(random, 65536):x}::{1 + _below(random, 65535):x}"
    return f"{_pick(random, ('192.0.2', '198.51.100', '203.0.113'))}.{1 + _below(random, 254)}"


def _below(random: Random, limit: int) -> int:
    # Several times faster than randrange, and even enough for people who do not exist.
    return int(random.random() * limit)


def _pick(random: Random, options: tuple[T, ...]) -> T:
    return options[int(random.random() * len(options))]
