"""The masks over text-like columns as SQL.

Rules that hold for every expression here:
- It never raises, whatever the text, and it shows least where the text is not what the column should hold.
- NULL and the empty text stay: nothing is there, and applications take '' for missing.
- Functions only, all of `pg_catalog`: operators, IN, BETWEEN, NULLIF and `CASE x WHEN` look names up along search_path.
- What searches in a text does so under `COLLATE "C"`: a nondeterministic collation raises there before PostgreSQL 18.
- Regular expressions ask whether a short text has a character out of place. On 300,000 rows that was cheaper (0.15 µs a
  row for eleven digits) than `ltrim` or `translate` with the alphabet (0.3 and 0.9 µs), which compare each character
  with each of the alphabet. Only the address is extracted by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from adapters.postgres.sql.quote import call, concatenated, quote_literal

Options: TypeAlias = Mapping[str, str | int]

C_COLLATION: Final = 'pg_catalog."C"'
DIGITS: Final = "0123456789"
WIDE_DIGITS: Final = "０１２３４５６７８９"
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


# A name within a Chinese address: ideographs, but none that belongs to a street, a house, an estate (小区 also ends in
# 区) or a remark, and none that ends a level.
_PLACE: Final = "[^路街号號巷弄室栋幢村小社园園，。、；：０-９\\x01-\\u2fff省市区區县縣旗]"
_DISTRICT: Final = "[区區县縣旗]"
_ADDRESS: Final = (
    f"^(?:{_PLACE}{{2,6}}(?:省|自治[区區])(?:{_PLACE}{{2,9}}(?:自治州|地[区區]|盟))?"
    f"(?:{_PLACE}{{2,5}}市(?:{_PLACE}{{1,6}}{_DISTRICT})?|{_PLACE}{{2,9}}{_DISTRICT})"
    f"|{_PLACE}{{2,5}}(?:市(?:{_PLACE}{{1,6}}{_DISTRICT})?|{_DISTRICT}))"
)


def text_mask(name: str, v: str, options: Options) -> str | None:
    """The mask `name` over the text expression `v`; None where there is no such mask over text."""
    build = _MASKS.get(name)
    return None if build is None else build(v, options)


# -- small words -------------------------------------------------------------------------------------------------------
def _eq(a: str, b: int | str) -> str:
    return call("int4eq", a, str(b))


def _gt(a: str, b: int | str) -> str:
    return call("int4gt", a, str(b))


def _le(a: str, b: int | str) -> str:
    return call("int4le", a, str(b))


def _between(a: str, low: int, high: int) -> str:
    return f"{call('int4ge', a, str(low))} AND {_le(a, high)}"


def _size(v: str) -> str:
    return call("octet_length", v)


def _chars(v: str) -> str:
    return call("char_length", v)


def _c(v: str) -> str:
    return f"({v} COLLATE {C_COLLATION})"


def _find(v: str, what: str) -> str:
    """The place of a text in `v`, from 1; 0 where it is not there."""
    return call("strpos", _c(v), quote_literal(what))


def _part(v: str, delimiter: str, number: int) -> str:
    return call("split_part", _c(v), quote_literal(delimiter), str(number))


def _only(v: str, characters: str) -> str:
    """Whether `v` has no character but these (as in a bracket expression)."""
    return call("textregexne", _c(v), quote_literal(f"[^{characters}]"))


def _case(v: str, *cases: tuple[str, str]) -> str:
    """The first case that applies; else '***', but NULL and '' stay."""
    whens = "".join(f" WHEN {condition} THEN {result}" for condition, result in cases)
    return f"CASE{whens} WHEN {_gt(_size(v), 0)} THEN {HIDDEN} ELSE {v} END"


# -- the masks ---------------------------------------------------------------------------------------------------------
def _constant(v: str, options: Options) -> str:
    text = quote_literal(str(options.get("value", "***")))
    return f"CASE WHEN {_gt(_size(v), 0)} THEN {text} ELSE {v} END"


def _name(v: str, options: Options) -> str:
    """Han, Hangul, Yi: the surname; other scripts: an initial of the first and of the last word."""
    code = call("ascii", v)  # the code point of the first character (server encoding UTF8)
    ideographic = f"({_between(code, 0x3400, 0xD7FF)} OR {_between(code, 0x20000, 0x3FFFF)})"
    compound = call("strpos", quote_literal(COMPOUND_SURNAMES), _c(call("left", v, "2")))
    surname = (
        f"CASE WHEN {_gt(_chars(v), 2)} AND {_gt(compound, 0)} THEN {call('left', v, '2')}"
        f" WHEN {_gt(_chars(v), 1)} THEN {call('left', v, '1')} ELSE '' END"
    )
    last = f"CASE WHEN {_gt(_find(v, ' '), 0)} THEN {concatenated(SPACE, _initial(_part(v, ' ', -1)))} ELSE '' END"
    western = concatenated(_initial(_part(v, " ", 1)), last)
    # What begins with a digit, a sign or a space is no name.
    letter = call("int4ge", code, "65")
    return _case(v, (ideographic, concatenated(surname, "'**'")), (letter, western))


def _initial(word: str) -> str:
    """The first letter of a word, but of a word of one letter nothing."""
    return concatenated(f"CASE WHEN {_gt(_chars(word), 1)} THEN {call('left', word, '1')} ELSE '' END", HIDDEN)


def _phone(v: str, options: Options) -> str:
    """The four digits before the last four are hidden: 138****5678, 010****5678, +86138****5678."""
    # Nearly every row is eleven plain digits: these take the short way.
    plain = f"{_eq(_size(v), 11)} AND {_only(v, '0-9')}"
    separators = "＋－‐–（）() ./·\u3000-"
    digits = call("translate", v, quote_literal(WIDE_DIGITS + separators), quote_literal(DIGITS + "+"))
    fit = f"{_le(_size(v), 64)} AND {_only(v, '+0-9０-９' + separators)} AND {_between(_size(digits), 10, 16)}"
    shown = concatenated(call("left", digits, "-8"), "'****'", call("right", digits, "4"))
    return _case(v, (plain, call("overlay", v, "'****'", "4", "4")), (fit, shown))


def _email(v: str, options: Options) -> str:
    """First letter and domain; a local part of one letter is hidden whole, and so is what is no address."""
    # Letters end a domain: what ends in digits is a telephone number or a network address.
    shape = quote_literal("^[^@]+@[a-zA-Z0-9.-]+[.][a-zA-Z]+$")
    fit = f"{_le(_size(v), 320)} AND {call('textregexeq', _c(v), shape)}"
    first = f"CASE WHEN {_gt(_find(v, '@'), 2)} THEN {call('left', v, '1')} ELSE '' END"
    return _case(
        v, (fit, concatenated(first, "'***@'", HIDDEN if options.get("domain") == "hide" else _part(v, "@", 2)))
    )


def _id_number(v: str, options: Options) -> str:
    """18 or 15 digits: the first three (province and the city's first digit) and the last two."""
    narrow = call("translate", v, quote_literal(WIDE_DIGITS + "Ｘｘ"), quote_literal(DIGITS + "Xx"))
    # A full-width digit has three bytes. The sizes keep a long text from being translated.
    cases = []
    for text, unit in ((v, 1), (narrow, 3)):
        for size in (18, 15):
            fit = f"{_eq(_size(v), size * unit)} AND {_only(text, '0-9Xx')}"
            cases.append((fit, call("overlay", text, quote_literal("*" * (size - 5)), "4", str(size - 5))))
    return _case(v, *cases)


def _passport(v: str, options: Options) -> str:
    fit = f"{_between(_size(v), 7, 10)} AND {_only(v, 'a-zA-Z0-9')}"
    return _case(v, (fit, concatenated(call("left", v, "1"), "'******'", call("right", v, "2"))))


def _bank_card(v: str, options: Options) -> str:
    """The issuer's first four digits and the last four."""
    digits = call("translate", v, quote_literal(WIDE_DIGITS + " -"), quote_literal(DIGITS))
    plain = f"{_between(_size(v), 14, 19)} AND {_only(v, '0-9')}"
    fit = f"{_le(_size(v), 64)} AND {_only(v, '0-9０-９ -')} AND {_between(_size(digits), 14, 19)}"

    def shown(text: str) -> str:
        return concatenated(call("left", text, "4"), "'********'", call("right", text, "4"))

    return _case(v, (plain, shown(v)), (fit, shown(digits)))


def _plate(v: str, options: Options) -> str:
    """Province, letter of the city, and the last character."""
    shape = quote_literal("^[一-鿿][a-zA-Z][·• -]?[a-zA-Z0-9]+[a-zA-Z0-9学警挂港澳领使试超]$")
    fit = f"{_between(_chars(v), 7, 9)} AND {call('textregexeq', _c(v), shape)}"
    return _case(v, (fit, concatenated(call("left", v, "2"), "'****'", call("right", v, "1"))))


def _ip(v: str, options: Options) -> str:
    """Dotted IPv4 keeps two or three numbers; an IPv6 address as a text is hidden whole."""
    shape = quote_literal(r"^\d\d?\d?[.]\d\d?\d?[.]\d\d?\d?[.]\d\d?\d?$".replace(r"\d", "[0-9]"))
    fit = f"{_le(_size(v), 15)} AND {call('textregexeq', _c(v), shape)}"
    parts = [_part(v, ".", n) for n in (1, 2, 3)]
    if options.get("keep", 16) == 24:
        return _case(v, (fit, concatenated(parts[0], "'.'", parts[1], "'.'", parts[2], "'.*'")))
    return _case(v, (fit, concatenated(parts[0], "'.'", parts[1], "'.*.*'")))


def _birth(v: str, options: Options) -> str:
    """A text that begins with a year of 18xx to 20xx: 1990****."""
    start = call("left", v, "4")
    year = call("translate", start, quote_literal(WIDE_DIGITS), quote_literal(DIGITS))
    fit = f"{_between(_chars(v), 6, 40)} AND {call('textregexeq', _c(year), quote_literal('^(1[89]|20)[0-9][0-9]$'))}"
    return _case(v, (fit, concatenated(year, "'****'")))


def _address(v: str, options: Options) -> str:
    """Chinese: down to the district or county, else to the city. Any other shape tells too little: hidden whole."""
    kept = call("substring", _c(call("left", v, "32")), f"{quote_literal(_ADDRESS)}::pg_catalog.text")
    return f"COALESCE({concatenated(kept, HIDDEN)},CASE WHEN {_gt(_size(v), 0)} THEN {HIDDEN} ELSE {v} END)"


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
    "text": _constant,
    "constant": _constant,
}
