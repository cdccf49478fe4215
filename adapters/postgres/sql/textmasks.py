"""The masks over text-like columns as SQL.

Rules that hold for every expression here:
- It never raises, whatever the text, and it shows least where the text is not what the column should hold.
- NULL and the empty text stay: nothing is there, and applications take '' for missing.
- No regular expressions, and no decompression of a long text where its length already tells that it is malformed.
- Functions only, all of `pg_catalog`: operators, IN, BETWEEN, NULLIF and `CASE x WHEN` look names up along search_path.
- `v` carries `COLLATE "C"` where a function searches in it: searching under a nondeterministic collation raises
  before PostgreSQL 18, and is slower under any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from adapters.postgres.sql.quote import call, concatenated, quote_literal

Options: TypeAlias = Mapping[str, str | int]

ASCII_DIGITS: Final = "0123456789"
WIDE_DIGITS: Final = "０１２３４５６７８９"
ASCII_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
HIDDEN: Final = "'***'"
SPACE: Final = "' '"

COMPOUND_SURNAMES: Final = (
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 "
    "澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 "
    "司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 "
    "夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 梁丘 左丘 西门 第五 南荣 "
    "东里 即墨 达奚 褚师 歐陽 司馬 東方 獨孤 南宮 聞人 諸葛 尉遲 赫連 澹臺 濮陽 "
    "公孫 仲孫 鍾離 長孫 鮮于 閭丘 子車 巫馬 顓孫 壤駟 樂正 穀梁 夾谷 軒轅 東郭 "
    "南門 西門 南榮 東里 達奚 褚師"
)
"""Surnames of two characters: the common ones of the Hundred Family Surnames, simplified and traditional."""


_NOT_IN_A_DISTRICT: Final = "路街号號巷弄室栋幢村小社园園，。、；：" + WIDE_DIGITS


def text_mask(name: str, v: str, options: Options) -> str | None:
    """The mask `name` over the text expression `v`; None where there is no such mask over text."""
    build = _MASKS.get(name)
    return None if build is None else build(v, options)


def _eq(a: str, b: int | str) -> str:
    return call("int4eq", a, str(b))


def _between(a: str, low: int, high: int) -> str:
    return f"({call('int4ge', a, str(low))} AND {call('int4le', a, str(high))})"


def _size(v: str) -> str:
    return call("octet_length", v)


def _chars(v: str) -> str:
    return call("char_length", v)


def _only(v: str, alphabet: str) -> str:
    """Whether `v` has no other characters: nothing is left after these are trimmed from its left."""
    return _eq(_size(call("ltrim", v, quote_literal(alphabet))), 0)


def _otherwise(v: str, *cases: tuple[str, str]) -> str:
    """The first case that applies; else '***', but NULL and '' stay."""
    whens = "".join(f" WHEN {condition} THEN {result}" for condition, result in cases)
    return f"CASE{whens} WHEN {call('int4gt', _size(v), '0')} THEN {HIDDEN} ELSE {v} END"


def _constant(value: str) -> Callable[[str, Options], str]:
    def build(v: str, options: Options) -> str:
        text = quote_literal(str(options.get("value", value)))
        return f"CASE WHEN {call('int4gt', _size(v), '0')} THEN {text} ELSE {v} END"

    return build


def _name(v: str, options: Options) -> str:
    """Han, Hangul, Yi: the surname; other scripts: an initial of the first and of the last word."""
    code = call("ascii", v)  # the code point of the first character (server encoding UTF8)
    ideographic = f"({_between(code, 0x3400, 0xD7FF)} OR {_between(code, 0x20000, 0x3FFFF)})"
    compound = call("strpos", quote_literal(COMPOUND_SURNAMES), call("left", v, "2"))
    surname = (
        f"CASE WHEN {call('int4gt', compound, '0')} AND {call('int4gt', _chars(v), '2')}"
        f" THEN {call('left', v, '2')} WHEN {call('int4gt', _chars(v), '1')} THEN {call('left', v, '1')} ELSE '' END"
    )
    last = (
        f"CASE WHEN {call('int4gt', call('strpos', v, SPACE), '0')}"
        f" THEN {concatenated(SPACE, _initial(call('split_part', v, SPACE, '-1')))} ELSE '' END"
    )
    western = concatenated(_initial(call("split_part", v, SPACE, "1")), last)
    # What begins with a digit, a sign or a space is no name.
    letter = call("int4ge", code, "65")
    return _otherwise(v, (ideographic, concatenated(surname, "'**'")), (letter, western))


def _initial(word: str) -> str:
    """The first letter of a word, but of a word of one letter nothing."""
    letter = f"CASE WHEN {call('int4gt', _chars(word), '1')} THEN {call('left', word, '1')} ELSE '' END"
    return concatenated(letter, HIDDEN)


def _phone(v: str, options: Options) -> str:
    """The four digits before the last four are hidden: 138****5678, 010****5678, +86138****5678."""
    separators = "＋－‐–（）() -./·\u3000"
    digits = call("translate", v, quote_literal(WIDE_DIGITS + separators), quote_literal(ASCII_DIGITS + "+"))
    fit = (
        f"{call('int4le', _size(v), '64')} AND {_only(digits, '+' + ASCII_DIGITS)}"
        f" AND {_between(_size(digits), 10, 16)}"
    )
    shown = concatenated(call("left", digits, "-8"), "'****'", call("right", digits, "4"))
    # Nearly every row is eleven plain digits: these take the short way.
    plain = f"{_eq(_size(v), 11)} AND {_only(v, ASCII_DIGITS)}"
    return _otherwise(v, (plain, call("overlay", v, "'****'", "4", "4")), (fit, shown))


def _email(v: str, options: Options) -> str:
    """First letter and domain; a local part of one letter is hidden whole, and so is what is no address."""
    local, domain = (call("split_part", v, "'@'", n) for n in ("1", "2"))
    shape = " AND ".join(
        (
            call("int4gt", _size(local), "0"),
            call("int4gt", call("strpos", domain, "'.'"), "1"),
            _eq(_size(call("split_part", v, "'@'", "3")), 0),
            # Letters end a domain: what ends in digits is a telephone number or a network address.
            _only(call("split_part", domain, "'.'", "-1"), ASCII_LETTERS),
            call("int4gt", _size(call("split_part", domain, "'.'", "-1")), "1"),
            _only(domain, ASCII_LETTERS + ASCII_DIGITS + ".-"),
        )
    )
    first = f"CASE WHEN {call('int4gt', _chars(local), '1')} THEN {call('left', v, '1')} ELSE '' END"
    shown = concatenated(first, "'***@'", "'***'" if options.get("domain") == "hide" else domain)
    return _otherwise(v, (shape, shown))


def _id_number(v: str, options: Options) -> str:
    """18 or 15 digits: the first three (province and the city's first digit) and the last two."""
    narrow = call("translate", v, quote_literal(WIDE_DIGITS + "Ｘｘ"), quote_literal(ASCII_DIGITS + "Xx"))
    # 54 bytes: 18 full-width digits. The guard keeps a long text from being translated.
    narrowed = f"{call('int4le', _size(v), '54')} AND "
    cases = []
    for guard, text in (("", v), (narrowed, narrow)):
        for size in (18, 15):
            condition = f"{guard}{_eq(_size(text), size)} AND {_only(text, ASCII_DIGITS + 'Xx')}"
            cases.append((condition, call("overlay", text, quote_literal("*" * (size - 5)), "4", str(size - 5))))
    return _otherwise(v, *cases)


def _passport(v: str, options: Options) -> str:
    shape = f"{_between(_size(v), 7, 10)} AND {_only(v, ASCII_LETTERS + ASCII_DIGITS)}"
    return _otherwise(v, (shape, concatenated(call("left", v, "1"), "'******'", call("right", v, "2"))))


def _bank_card(v: str, options: Options) -> str:
    """Issuer's first four digits and the last four."""
    digits = call("translate", v, quote_literal(WIDE_DIGITS + " -"), quote_literal(ASCII_DIGITS))
    shape = f"{call('int4le', _size(v), '64')} AND {_only(digits, ASCII_DIGITS)} AND {_between(_size(digits), 14, 19)}"
    return _otherwise(v, (shape, concatenated(call("left", digits, "4"), "'********'", call("right", digits, "4"))))


def _plate(v: str, options: Options) -> str:
    """Province, city letter, and the last character."""
    rest = call("substr", v, "3")
    shape = " AND ".join(
        (
            _between(_chars(v), 7, 9),
            _between(call("ascii", v), 0x4E00, 0x9FFF),
            _only(call("substr", v, "2", "1"), ASCII_LETTERS),
            _only(rest, ASCII_LETTERS + ASCII_DIGITS + "·• -学警挂港澳领使試试超"),
        )
    )
    return _otherwise(v, (shape, concatenated(call("left", v, "2"), "'****'", call("right", v, "1"))))


def _ip(v: str, options: Options) -> str:
    """Dotted IPv4 keeps two or three numbers; an IPv6 address as text is hidden whole."""
    part = [call("split_part", v, "'.'", str(n)) for n in range(1, 6)]
    shape = " AND ".join(
        (
            _between(_size(v), 7, 15),
            _only(v, ASCII_DIGITS + "."),
            *(_between(_size(p), 1, 3) for p in part[:4]),
            _eq(_size(part[4]), 0),
        )
    )
    shown = [*part[:3], "'.*'"] if options.get("keep", 16) == 24 else [*part[:2], "'.*.*'"]
    dotted = [shown[0]]
    for piece in shown[1:-1]:
        dotted += ["'.'", piece]
    return _otherwise(v, (shape, concatenated(*dotted, shown[-1])))


def _birth(v: str, options: Options) -> str:
    """A text that begins with a year of 18xx to 20xx: 1990****."""
    year = call("translate", call("left", v, "4"), quote_literal(WIDE_DIGITS), quote_literal(ASCII_DIGITS))
    century = call("strpos", "'18,19,20'", call("left", year, "2"))
    shape = " AND ".join(
        (
            _between(_chars(v), 6, 40),
            _eq(_size(year), 4),
            _only(year, ASCII_DIGITS),
            call("int4gt", century, "0"),
        )
    )
    return _otherwise(v, (shape, concatenated(year, "'****'")))


def _address(v: str, options: Options) -> str:
    """Chinese: down to the district or county, else to the city. Any other shape tells too little: hidden whole.

    A cut is taken only where all before it are ideographs and none of them belongs to a street, a house or an estate
    (小区 also ends in 区), and where it is as near to the front as administrative names are.
    """
    city = call("strpos", v, quote_literal("市"))
    # 县 (county) and 旗 (banner) rank like 区 (district).
    after = call(
        "translate", call("substr", v, call("int4pl", city, "1")), quote_literal("县縣旗區"), quote_literal("区区区区")
    )
    district = call("int4pl", city, call("strpos", after, quote_literal("区")))
    head = call("left", v, "8")
    province = call("strpos", call("translate", head, quote_literal("治"), quote_literal("省")), quote_literal("省"))
    limit = f"CASE WHEN {call('int4gt', province, '0')} THEN {{}} ELSE {{}} END"

    def cut(at: str, longest: tuple[int, int]) -> tuple[str, str]:
        kept = call("left", v, at)
        clean = call("translate", kept, quote_literal(_NOT_IN_A_DISTRICT), "''")
        condition = (
            f"{call('int4ge', at, '3')} AND {call('int4le', at, limit.format(*longest))}"
            f" AND {_eq(_size(clean), call('int4mul', '3', _chars(kept)))}"
        )
        return condition, concatenated(kept, HIDDEN)

    return _otherwise(v, cut(district, (20, 10)), cut(city, (16, 6)))


_MASKS: Final[Mapping[str, Callable[[str, Options], str]]] = {
    "name": _name,
    "phone": _phone,
    "email": _email,
    "id_number": _id_number,
    "passport": _passport,
    "bank_card": _bank_card,
    "address": _address,
    "birth": _birth,
    "ip": _ip,
    "plate": _plate,
    "text": _constant("***"),
    "constant": _constant("***"),
}
