"""Kinds of personal data, as data: how columns that hold them are called, in English, Chinese and pinyin.

A kind is not a class: classes are the customer's own, and `discover.class_for` finds the one that a kind belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.postgres.sql.words import words


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    title: str
    """For a reason that a person reads."""
    names: frozenset[str]
    """Names of columns, in lower snake case; also as the last or first words of a longer name."""
    chinese: tuple[str, ...]
    """Parts of Chinese names and comments."""
    masks: frozenset[str]
    """Masks that a class for this kind would have."""
    families: frozenset[str]
    """`ColumnType.family` of columns that can hold it."""
    vague: frozenset[str] = frozenset()
    """Names that may mean it."""
    example: str = ""
    """A class to declare where the bundle has none."""


_TEXT = words("text")

KINDS: tuple[Kind, ...] = (
    Kind(
        "id_number", "resident identity number",
        words("id_card idcard id_card_no id_card_number id_number identity_no identity_number identity_card "
              "national_id citizen_id resident_id cert_no certificate_no ssn social_security_number sfz sfzh "
              "shenfenzheng"),
        ("身份证", "证件号", "公民身份", "社保号"), words("id_number"), words("text integer"), words("id_no"),
        "sensitive.id_number: {parent: sensitive, mask: id_number}",
    ),
    Kind(
        "phone", "phone number",
        words("phone phone_no phone_number mobile mobile_no mobile_number mobile_phone cell cellphone cell_phone tel "
              "tel_no telephone msisdn fax shouji shouji_hao sjh dianhua"),
        ("手机", "电话", "联系方式", "传真", "座机"), words("phone"), words("text integer number"),
        words("contact"),
        "contact.phone: {parent: contact, mask: phone}",
    ),
    Kind(
        "email", "e-mail address", words("email e_mail email_address mail mail_address youxiang"),
        ("邮箱", "邮件地址", "电子邮件", "电邮"), words("email"), _TEXT, frozenset(),
        "contact.email: {parent: contact, mask: email}",
    ),
    Kind(
        "bank_card", "bank card or account number",
        words("bank_card bankcard card_no card_number cardno credit_card debit_card pan iban bank_account account_no "
              "account_number bank_account_no yinhangka"),
        ("银行卡", "卡号", "银行账", "银行帐", "信用卡"), words("bank_card"), words("text integer number"),
        words("card"),
        "financial.card: {parent: financial, mask: bank_card}",
    ),
    Kind(
        "passport", "passport number", words("passport passport_no passport_number huzhao"), ("护照",),
        words("passport"), _TEXT, frozenset(), "sensitive.passport: {parent: sensitive, mask: passport}",
    ),
    Kind(
        "name", "name of a person",
        words("full_name fullname first_name firstname last_name lastname given_name family_name surname "
              "real_name realname person_name customer_name client_name user_real_name contact_name "
              "contact_person recipient receiver consignee nick_name nickname holder_name owner_name member_name "
              "xingming xm"),
        ("姓名", "名字", "联系人", "收货人", "收件人", "客户名", "昵称", "真实姓名", "持卡人", "户名"),
        words("name"), _TEXT, words("name"), "identity.name: {parent: identity, mask: name}",
    ),
    Kind(
        "address", "postal address",
        words("address addr home_address work_address street street_address postal_address shipping_address "
              "billing_address delivery_address mailing_address residence dizhi"),
        ("地址", "住址", "居住地", "户籍", "收货地"), words("address"), _TEXT, words("location zip zipcode postcode"),
        "contact.address: {parent: contact, mask: address}",
    ),
    Kind(
        "birth", "date of birth", words("birth birthday birth_date birthdate birth_day date_of_birth dob shengri"),
        ("生日", "出生",), words("birth birth_date"), words("date timestamp text"), frozenset(),
        "identity.birth: {parent: identity, mask: birth}",
    ),
    Kind(
        "ip", "IP address",
        words("ip ip_address ip_addr ipaddr client_ip remote_ip remote_addr login_ip last_ip source_ip"),
        ("ip地址", "登录ip", "网络地址"), words("ip"), words("text network"), frozenset(),
        "contact.ip: {parent: contact, mask: ip}",
    ),
    Kind(
        "plate", "licence plate", words("plate plate_no plate_number license_plate licence_plate car_no chepai"),
        ("车牌",), words("plate licence_plate"), _TEXT, frozenset(), "identity.plate: {parent: identity, mask: plate}",
    ),
    Kind(
        "credential", "password or secret",
        words("password passwd pwd password_hash secret token access_token refresh_token api_key pin mima"),
        ("密码", "口令", "密钥", "令牌"), words("constant withheld"), _TEXT, frozenset(),
        "sensitive.credential: {parent: sensitive, mask: withheld}",
    ),
    Kind(
        "health", "sensitive personal fact",
        words("diagnosis disease blood_type medical_record health religion ethnicity race nationality marital_status "
              "fingerprint face_id biometric political_party"),
        ("病历", "诊断", "疾病", "血型", "健康", "宗教", "民族", "婚姻", "指纹", "人脸", "政治面貌"),
        words("withheld"), words("text integer other"), frozenset(), "sensitive.health: {parent: sensitive, "
              "mask: withheld}",
    ),
    Kind(
        "amount", "amount of money of a person",
        words("balance salary income wage credit_limit credit_score deposit net_worth debt yue"),
        ("余额", "工资", "收入", "薪", "额度", "存款", "欠款", "资产"), words("amount bucket"), words("integer number"),
        words("amount total price"), "financial.balance: {parent: financial, mask: amount}",
    ),
    Kind(
        "gender", "sex", words("gender sex xingbie"), ("性别",), frozenset(), words("text integer other"), frozenset(),
        "identity.gender: {parent: identity}",
    ),
    Kind(
        "position", "position of a person", words("latitude longitude lat lng lon geo gps coordinates"),
        ("经度", "纬度", "定位", "坐标"), frozenset(), words("number text other"), frozenset(),
        "contact.position: {parent: contact}",
    ),
    Kind(
        "text", "free text, which may hold anything",
        words("note notes remark remarks comment comments memo message body feedback complaint bio profile"),
        ("备注", "留言", "评论", "说明", "反馈", "内容", "投诉"), words("text free_text"), words("text other"),
        words("description content detail details"), "sensitive.text: {parent: sensitive, mask: text}",
    ),
)  # fmt: skip

# What a column is called decides against a kind: an `email_address` is no postal address, an `ip_address` neither.
NOT_NAMES = words("""
    phone_verified email_verified phone_checked email_sent address_id contact_id phone_id email_id name_id card_type
    mac_address phone_type email_type id_type birth_place_id message_id comment_id table_name column_name file_name
    product_name user_agent
""")

PERSON_TABLES = words("""
    customer customers client clients person persons people user users member members contact contacts employee
    employees
    staff patient patients student students lead leads recipient recipients driver drivers passenger passengers
""")
"""In these a plain `name` is somebody's name."""

PERSON_TABLES_CHINESE = ("客户", "用户", "会员", "员工", "人员", "患者", "学生", "联系人", "顾客", "乘客")
