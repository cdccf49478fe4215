"""The book of masks: what each is called, what it shows, and examples that the tests run against a real database."""

from __future__ import annotations

from typing import Final

from gateway.policy.maskinfo import Example as Ex
from gateway.policy.maskinfo import MaskInfo, MaskOption

BUCKET_WIDTH: Final = 1000
"""The default width of a bucket, in the column's own unit."""

_NOTHING: Final = (Ex(None, None), Ex("", ""))
"""NULL and the empty text stay."""

_NAME = MaskInfo(
    "name",
    {"en": "Personal name", "zh": "姓名"},
    {
        "en": "Chinese (and Korean) names keep the surname, compound surnames included; names in other scripts keep the"
        " first letter of the first and of the last word.",
        "zh": "中文姓名（及韩文姓名）保留姓氏，含复姓；其他文字的姓名保留首词与末词的首字母。",
    },
    ("text",),
    (
        *_NOTHING,
        Ex("张三", "张**"),
        Ex("王小明", "王**"),
        Ex("欧阳娜娜", "欧阳**"),
        Ex("司马光", "司马**"),
        Ex("諸葛亮", "諸葛**"),
        Ex("欧阳", "欧**", note="two characters: a surname and a given name"),
        Ex("张", "**", note="one character is hidden"),
        Ex("阿卜杜拉·买买提", "阿**"),
        Ex("김철수", "김**"),
        Ex("𠮷野家", "𠮷**"),
        Ex("John Smith", "J*** S***"),
        Ex("John Ronald Reuel Tolkien", "J*** T***"),
        Ex("Élodie Dubois", "É*** D***"),
        Ex("Анна Петрова", "А*** П***"),
        Ex("Madonna", "M***"),
        Ex("J", "***"),
        Ex("J Smith", "*** S***", note="a word of one letter is hidden"),
        Ex("John ", "J*** ***"),
        Ex(" John", "***"),
        Ex("13800138000", "***", note="no name"),
        Ex("１３８００１３８０００", "１***"),
        Ex("😀", "***"),
        Ex("😀 张三", "*** 张***"),
        Ex("张" * 500, "张**"),
        Ex("王小明", "王**", "varchar(3)"),
        Ex("欧阳娜娜", "欧阳**  ", "char(6)"),
    ),
)

_PHONE = MaskInfo(
    "phone",
    {"en": "Telephone number", "zh": "电话号码"},
    {
        "en": "Of 10 to 15 digits, the four before the last four are hidden; separators are dropped. So the mobile "
        "network, or the country and area code, and the last four digits remain.",
        "zh": "10 至 15 位号码隐去倒数第八至第五位，去掉分隔符；保留号段（或国家码、区号）与后四位。",
    },
    ("text",),
    (
        *_NOTHING,
        Ex("13812345678", "138****5678"),
        Ex("138 1234 5678", "138****5678"),
        Ex("138-1234-5678", "138****5678"),
        Ex("１３８１２３４５６７８", "138****5678", note="full-width digits"),
        Ex("+8613812345678", "+86138****5678"),
        Ex("＋８６ 138 1234 5678", "+86138****5678"),
        Ex("010-12345678", "010****5678"),
        Ex("(0755) 1234 5678", "0755****5678"),
        Ex("0755-1234567", "075****4567"),
        Ex("+1 (415) 555-0100", "+141****0100"),
        Ex("+44 20 7946 0958", "+4420****0958"),
        Ex("12345678", "***", note="a short number shows nothing"),
        Ex("110", "***"),
        Ex("1", "***"),
        Ex("010-12345678转801", "***"),
        Ex("张三13812345678", "***"),
        Ex("1381234567a", "***"),
        Ex("😀", "***"),
        Ex("1" * 500, "***"),
        Ex("13812345678", "138****5678", "varchar(20)"),
        Ex("13812345678", "138****5678", "varchar(11)"),
        Ex("13812345678", "138****5678         ", "char(20)"),
    ),
)

_EMAIL = MaskInfo(
    "email",
    {"en": "E-mail address", "zh": "电子邮箱"},
    {
        "en": "The first letter and the domain. A local part of one letter is hidden whole, and so is what is no "
        "address.",
        "zh": "保留首字母与域名；用户名只有一个字符时全部隐去，不合邮箱格式的全部隐去。",
    },
    ("text",),
    (
        *_NOTHING,
        Ex("zhang.san@example.com", "z***@example.com"),
        Ex("张三@example.com", "张***@example.com"),
        Ex("z@example.com", "***@example.com"),
        Ex("13800138000@mail.example.cn", "1***@mail.example.cn"),
        Ex("zs@example.com", "z***@***", options=(("domain", "hide"),)),
        Ex("zhang.san", "***"),
        Ex("@example.com", "***"),
        Ex("zhang@", "***"),
        Ex("zhang@localhost", "***"),
        Ex("a@b@example.com", "***"),
        Ex("zhang＠example.com", "***", note="a full-width at sign is none"),
        Ex("13800138000@13800138000.1", "***"),
        Ex("me@home 13800138000.com", "***"),
        Ex("@", "***"),
        Ex("😀", "***"),
        Ex("x" * 300 + "@example.com", "x***@example.com"),
        Ex("zs@e.com", "z***@e.c", "varchar(8)"),
    ),
    (MaskOption("domain", "keep", "whether the domain is shown", choices=("keep", "hide")),),
)

_ID_NUMBER = MaskInfo(
    "id_number",
    {"en": "Resident identity number", "zh": "居民身份证号"},
    {
        "en": "18 or 15 digits: the first three (of the region) and the last two; the birth date is hidden.",
        "zh": "18 位或 15 位：保留前三位（地区）与后两位，隐去出生日期。",
    },
    ("text",),
    (
        *_NOTHING,
        Ex("110101199001011234", "110*************34"),
        Ex("11010119900101123X", "110*************3X"),
        Ex("110101900101123", "110**********23"),
        Ex("１１０１０１１９９００１０１１２３４", "110*************34", note="full-width digits"),
        Ex("110101199001011234", "110*************34", "char(18)"),
        Ex("110101900101123", "110**********23   ", "char(18)"),
        Ex("1101011990010112345", "***"),
        Ex("110101 19900101 1234", "***"),
        Ex("E12345678", "***"),
        Ex("1", "***"),
        Ex("张", "***"),
        Ex("😀", "***"),
        Ex("1" * 500, "***"),
    ),
)

_PASSPORT = MaskInfo(
    "passport",
    {"en": "Passport number", "zh": "护照号码"},
    {
        "en": "7 to 10 letters and digits: the first and the last two.",
        "zh": "7 至 10 位字母数字：保留首位与后两位。",
    },
    ("text",),
    (
        *_NOTHING,
        Ex("E12345678", "E******78"),
        Ex("EA1234567", "E******67"),
        Ex("C01X00T47", "C******47"),
        Ex("Ｅ１２３４５６７８", "***", note="full-width letters and digits are hidden"),
        Ex("E1234", "***"),
        Ex("E 12345678", "***"),
        Ex("E", "***"),
        Ex("😀", "***"),
        Ex("E" * 500, "***"),
    ),
)

_BANK_CARD = MaskInfo(
    "bank_card",
    {"en": "Bank card number", "zh": "银行卡号"},
    {
        "en": "14 to 19 digits: the first four (of the issuer) and the last four; blanks and dashes are dropped.",
        "zh": "14 至 19 位：保留前四位（发卡行）与后四位，去掉空格与连字符。",
    },
    ("text",),
    (
        *_NOTHING,
        Ex("6222021234567890123", "6222********0123"),
        Ex("4111 1111 1111 1111", "4111********1111"),
        Ex("4111-1111-1111-1111", "4111********1111"),
        Ex("６２２２０２１２３４５６７８９０１２３", "6222********0123", note="full-width digits"),
        Ex("41111111", "***"),
        Ex("4111 1111 1111 111a", "***"),
        Ex("4", "***"),
        Ex("😀", "***"),
        Ex("4" * 500, "***"),
    ),
)

_ADDRESS = MaskInfo(
    "address",
    {"en": "Postal address", "zh": "地址"},
    {
        "en": "A Chinese address is kept down to the district or county, or else to the city. Of any other address "
        "nothing is shown: its last part may be a country as well as a flat.",
        "zh": "中文地址保留到区县，否则保留到市；其他格式的地址全部隐去（末段可能是国家，也可能是房号）。",
    },
    ("text",),
    (
        *_NOTHING,
        Ex("北京市朝阳区建国路88号", "北京市朝阳区***"),
        Ex("北京朝阳区建国路88号", "北京朝阳区***"),
        Ex("浙江省杭州市西湖区文三路1号", "浙江省杭州市西湖区***"),
        Ex("上海市浦东新区世纪大道1号", "上海市浦东新区***"),
        Ex("江苏省昆山市前进中路100号", "江苏省昆山市***"),
        Ex("湖南省长沙市长沙县星沙街道", "湖南省长沙市长沙县***"),
        Ex("广西壮族自治区南宁市青秀区民族大道", "广西壮族自治区南宁市青秀区***"),
        Ex("上海市阳光小区3号楼", "上海市***", note="小区 is an estate, not a district"),
        Ex("文三路100号市民中心", "***"),
        Ex("收件人王小明，北京市朝阳区", "***"),
        Ex("建国路88号", "***"),
        Ex("区", "***"),
        Ex("12 Baker Street, London NW1", "***"),
        Ex("221B", "***"),
        Ex("１号", "***"),
        Ex("😀", "***"),
        Ex("北京市朝阳区" + "长" * 500, "北京市朝阳区***"),
        Ex("北京市朝阳区1号", "北京市朝阳区**", "varchar(8)"),
    ),
)

_BIRTH = MaskInfo(
    "birth",
    {"en": "Date of birth", "zh": "出生日期"},
    {
        "en": "The year: dates and timestamps become its first of January (UTC), texts that begin with it become "
        "1990****. Infinity and years outside 1 to 9999 become NULL.",
        "zh": "保留年份：日期与时间变为当年 1 月 1 日（UTC），以年份开头的文本变为 1990****。",
    },
    ("text", "date", "timestamp"),
    (
        *_NOTHING,
        Ex(None, None, "date"),
        Ex("1990-05-17", "1990-01-01", "date"),
        Ex("infinity", None, "date"),
        Ex("4713-01-01 BC", None, "date"),
        Ex("5874897-12-31", None, "date"),
        Ex("1990-05-17 08:30:00", "1990-01-01 00:00:00", "timestamp"),
        Ex("-infinity", None, "timestamp"),
        Ex("1990-05-17 08:30:00+00", "1990-01-01 00:00:00+00", "timestamptz"),
        Ex("294276-12-31 23:59:59+00", None, "timestamptz"),
        Ex("1990-05-17", "1990****"),
        Ex("19900517", "1990****"),
        Ex("1990年5月17日", "1990****"),
        Ex("１９９０年５月", "1990****", note="full-width digits"),
        Ex("17/05/1990", "***"),
        Ex("1990", "***", note="a year alone would be shown whole"),
        Ex("5", "***"),
        Ex("😀", "***"),
        Ex("1990" + "1" * 500, "***"),
        Ex("19900517", "1990****", "char(8)"),
    ),
)


def _bucket(name: str, title: dict[str, str]) -> MaskInfo:
    wide = (("width", 5000),)
    return MaskInfo(
        name,
        title,
        {
            "en": "The multiple of the width that is next to the value on the side of zero. Floating NaN, infinite and "
            "huge values (1e15 and more) become NULL.",
            "zh": "取不超过其绝对值的最大整倍数（区间下限）。",
        },
        ("integer", "number"),
        (
            Ex(None, None, "numeric"),
            Ex("12345.67", "12000.00", "numeric(12,2)"),
            Ex("12345.67", "10000.00", "numeric(12,2)", wide),
            Ex("999.99", "0.00", "numeric(5,2)"),
            Ex("-12345.67", "-12000.00", "numeric(12,2)"),
            Ex("NaN", "NaN", "numeric"),
            Ex("Infinity", "NaN", "numeric"),
            Ex("12345", "12000", "int4"),
            Ex("-2147483648", "-2147483000", "int4"),
            Ex("32767", "32000", "int2"),
            Ex("32767", "0", "int2", (("width", 100000),)),
            Ex("9223372036854775807", "9223372036854775000", "int8"),
            Ex("12345.67", "12000", "float8"),
            Ex("5e-324", "0", "float8"),
            Ex("1e308", None, "float8"),
            Ex("NaN", None, "float8"),
            Ex("-Infinity", None, "float4"),
        ),
        (MaskOption("width", BUCKET_WIDTH, "the width of a bucket", 1, 10**12),),
    )


_IP = MaskInfo(
    "ip",
    {"en": "Network address", "zh": "IP 地址"},
    {
        "en": "IPv4: the first 16 or 24 bits. IPv6: the first 32 or 48; as a text, nothing.",
        "zh": "IPv4 保留前 16 或 24 位；IPv6 保留前 32 或 48 位，以文本存放的 IPv6 全部隐去。",
    },
    ("text", "network"),
    (
        *_NOTHING,
        Ex(None, None, "inet"),
        Ex("10.20.30.40", "10.20.0.0/16", "inet"),
        Ex("10.20.30.40", "10.20.30.0/24", "inet", (("keep", 24),)),
        Ex("10.20.30.0/24", "10.20.0.0/16", "cidr"),
        Ex("2001:db8:1:2::3", "2001:db8::/32", "inet"),
        Ex("::ffff:10.20.30.40", "::/32", "inet"),
        Ex("10.20.30.40", "10.20.*.*"),
        Ex("10.20.30.40", "10.20.30.*", options=(("keep", 24),)),
        Ex("2001:db8:1:2::3", "***"),
        Ex("10.20.30", "***"),
        Ex("10.20.30.40/24", "***"),
        Ex("10.20.30.40.50", "***"),
        Ex("138.1234.56.78", "***"),
        Ex("１０.２０.３０.４０", "***", note="full-width digits are hidden"),
        Ex("1", "***"),
        Ex("😀", "***"),
        Ex("1." * 300, "***"),
    ),
    (MaskOption("keep", 16, "bits that stay", choices=(16, 24)),),
)

_PLATE = MaskInfo(
    "plate",
    {"en": "Licence plate", "zh": "车牌号"},
    {
        "en": "The province, the letter of the city, and the last character.",
        "zh": "保留省份简称、发牌机关字母与末位。",
    },
    ("text",),
    (
        *_NOTHING,
        Ex("京A12345", "京A****5"),
        Ex("沪AD12345", "沪A****5"),
        Ex("粤B·12345", "粤B****5"),
        Ex("粤Z1234港", "粤Z****港"),
        Ex("京Ａ１２３４５", "***", note="full-width letters and digits are hidden"),
        Ex("京A123", "***"),
        Ex("ABC-1234", "***"),
        Ex("京", "***"),
        Ex("😀", "***"),
        Ex("京A" + "1" * 500, "***"),
    ),
)

_TEXT = MaskInfo(
    "text",
    {"en": "Free text", "zh": "自由文本"},
    {"en": "Nothing, not even the length: ***.", "zh": "不显示任何内容，也不显示长度：***。"},
    ("text",),
    (
        *_NOTHING,
        Ex("客户要求回电 13800138000", "***"),
        Ex("x", "***"),
        Ex("😀", "***"),
        Ex("１３８", "***"),
        Ex("x" * 500, "***"),
        Ex("ab", "**", "varchar(2)"),
        Ex("x", "*", "char(1)"),
    ),
)

_CONSTANT = MaskInfo(
    "constant",
    {"en": "Constant", "zh": "固定值"},
    {"en": "The option's value in place of every value.", "zh": "一律显示选项给定的值。"},
    ("text", "integer", "number"),
    (
        *_NOTHING,
        Ex("anything", "***"),
        Ex("张三", "已隐藏", options=(("value", "已隐藏"),)),
        Ex("o'clock", 'it\'s \\ "so"', options=(("value", 'it\'s \\ "so"'),)),
        Ex("x", "12", options=(("value", 12),)),
        Ex("abc", "已隐", "varchar(2)", (("value", "已隐藏"),)),
        Ex("42", "-1", "int4", (("value", -1),)),
        Ex("42.5", "7.00", "numeric(5,2)", (("value", 7),)),
        Ex("42", None, "int2", (("value", 100000),), "does not fit: withheld"),
        Ex("42", None, "int4", (), "a text does not fit: withheld"),
        Ex(None, None, "int4", (("value", 1),)),
    ),
    (MaskOption("value", "***", "what is shown"),),
)

_PSEUDONYM = MaskInfo(
    "pseudonym",
    {"en": "Pseudonym", "zh": "假名（去标识化）"},
    {
        "en": "A keyed hash: the same value of the same data class has the same pseudonym in every table, so that "
        "counts and joins hold; nobody without the deployment's secret can compute it. Texts become p_ and up to "
        "24 hexadecimal digits, cut to the column's length (at least 10); uuid stays uuid; int4, int8 and numeric"
        " become positive numbers, of which two values may share one (int4: likely from 50,000 values on). Other "
        "types are withheld.",
        "zh": "带密钥的散列：同一数据分类的同一值在各表中假名相同，可统计、可关联；没有部署密钥无法算出。",
    },
    ("text", "uuid", "integer", "number"),
    (
        *_NOTHING,
        Ex("t", None, "bool", (), "withheld"),
        Ex("1", None, "int2", (), "too few numbers: withheld"),
        Ex("abc", None, "varchar(9)", (), "too short: withheld"),
        Ex("1990-05-17", None, "date", (), "withheld"),
        Ex(None, None, "uuid"),
        Ex(None, None, "int8"),
    ),
)

_WITHHELD = MaskInfo(
    "withheld",
    {"en": "Withheld", "zh": "不提供"},
    {"en": "NULL.", "zh": "NULL（空值）。"},
    ("any",),
    (
        Ex(None, None),
        Ex("anything", None),
        Ex("42", None, "numeric(5,2)"),
        Ex("t", None, "bool"),
        Ex('{"a": 1}', None, "jsonb"),
        Ex("{1,2}", None, "int4[]"),
        Ex("10:00", None, "time"),
    ),
)

BOOK: Final = (
    _NAME,
    _PHONE,
    _EMAIL,
    _ID_NUMBER,
    _PASSPORT,
    _BANK_CARD,
    _ADDRESS,
    _BIRTH,
    _bucket("amount", {"en": "Amount", "zh": "金额"}),
    _bucket("bucket", {"en": "Bucket", "zh": "数值区间"}),
    _IP,
    _PLATE,
    _TEXT,
    _CONSTANT,
    _PSEUDONYM,
    _WITHHELD,
)
