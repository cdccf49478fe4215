"""What values look like: counts of shapes, never the values. Pure.

Sources: GB 11643-1999 (resident identity number, ISO 7064 MOD 11-2), ISO/IEC 7812-1 annex B (Luhn), the numbering plan
of mainland China (mobiles: 1[3-9], 11 digits), ITU-T E.164 (+ and up to 15 digits), GA 36-2018 (licence plates).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

_WIDE = str.maketrans("０１２３４５６７８９＋－＠．", "0123456789+-@.")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")
_MOBILE = re.compile(r"(?:\+?86)?1[3-9]\d{9}")
_LANDLINE = re.compile(r"0\d{2,3}-?\d{7,8}(?:-\d{1,6})?")
_INTERNATIONAL = re.compile(r"\+\d{8,15}")
_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z][·\s]?[A-Z0-9]{5,6}[学警挂港澳]?"
)
_PASSPORT = re.compile(r"[EGDSP][A-HJ-NP-Z]?\d{7,8}")
_HAN_NAME = re.compile(r"[\u3400-\u9fff]{2,4}(?:·[\u3400-\u9fff]{2,6})?")
_ADDRESS = re.compile(r"[省市区县州盟旗镇乡].*(?:路|街|道|号|村|巷|弄|里|苑|小区|大厦|室)")
_WESTERN_ADDRESS = re.compile(
    r"\d+\w?\s+[\w .'-]+\b(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd)\b", re.I
)
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭"
    "陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤欧阳司上诸葛慕容"
)


def resident_id(value: str) -> bool:
    """18 characters with a date that exists and the right check character."""
    if len(value) != 18 or not value[:17].isascii() or not value[:17].isdigit():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(value, _WEIGHTS, strict=False))
    return _CHECKS[total % 11] == value[17].upper() and _is_date(value[6:14])


def _is_date(digits: str) -> bool:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).year >= 1880
    except ValueError:
        return False


def luhn(value: str) -> bool:
    """13 to 19 digits, perhaps in groups, that pass the check of payment cards."""
    digits = value.replace(" ", "").replace("-", "")
    if not (13 <= len(digits) <= 19 and digits.isascii() and digits.isdigit()) or len(set(digits)) == 1:
        return False
    total = 0
    for index, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + index % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def phone(value: str) -> bool:
    flat = value.replace(" ", "").replace("(", "").replace(")", "")
    plain = flat.replace("-", "")
    return bool(_MOBILE.fullmatch(plain) or _LANDLINE.fullmatch(flat) or _INTERNATIONAL.fullmatch(plain))


def address(value: str) -> bool:
    return len(value) >= 6 and bool(_ADDRESS.search(value) or _WESTERN_ADDRESS.search(value))


def chinese_name(value: str) -> bool:
    return value[:1] in _SURNAMES and bool(_HAN_NAME.fullmatch(value))


def ip(value: str) -> bool:
    try:
        ipaddress.ip_interface(value)
    except ValueError:
        return False
    return "." in value or ":" in value


SHAPES: Mapping[str, Callable[[str], bool]] = {
    "id_number": resident_id,
    "phone": phone,
    "email": lambda value: bool(_EMAIL.fullmatch(value)),
    "bank_card": luhn,
    "passport": lambda value: bool(_PASSPORT.fullmatch(value)),
    "name": chinese_name,
    "address": address,
    "ip": ip,
    "plate": lambda value: bool(_PLATE.fullmatch(value.upper())),
}
"""Kind to its test. A kind that is not here has no shape of its own."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """How many of a column's sampled values had which shape."""

    total: int = 0
    hits: Mapping[str, int] = field(default_factory=dict)

    def share(self, kind: str) -> float:
        """0 to 1."""
        return self.hits.get(kind, 0) / self.total if self.total else 0.0


def count(values: Iterable[str | None]) -> Shapes:
    """Count the shapes of distinct values that are not empty; nothing of a value is kept."""
    seen = {value.strip().translate(_WIDE) for value in values if value is not None}
    seen.discard("")
    hits: dict[str, int] = {}
    for value in seen:
        # A resident id or a card is all digits and may look like others; the first that fits is the most telling.
        kind = next((name for name, test in SHAPES.items() if test(value)), None)
        if kind is not None:
            hits[kind] = hits.get(kind, 0) + 1
    return Shapes(len(seen), hits)
