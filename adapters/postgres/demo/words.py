"""The words that generated people are made of. Data, no logic; every name here belongs to many people or to none."""

from __future__ import annotations

from typing import Final


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    """`王wang 李li` → (("王", "wang"), ("李", "li"))"""
    return tuple(
        (word.rstrip("abcdefghijklmnopqrstuvwxyz"), word.lstrip(word.rstrip("abcdefghijklmnopqrstuvwxyz")))
        for word in text.split()
    )


SURNAMES: Final = _pairs(
    "王wang 李li 张zhang 刘liu 陈chen 杨yang 黄huang 赵zhao 吴wu "
    "周zhou 徐xu 孙sun 马ma 朱zhu 胡hu 郭guo 何he 林lin 罗luo "
    "高gao 郑zheng 梁liang 谢xie 宋song 唐tang 许xu 韩han 邓deng 冯feng 曹cao 彭peng 曾zeng 肖xiao 田tian 董dong 潘pan "
    "袁yuan 蔡cai 蒋jiang 余yu 于yu 杜du 叶ye 程cheng 魏wei "
    "苏su 吕lv 丁ding 任ren 卢lu 姚yao 沈shen 钟zhong 姜jiang 崔cui"
)
COMPOUND_SURNAMES: Final = _pairs(
    "欧阳ouyang 上官shangguan 司马sima 诸葛zhuge 夏侯xiahou 皇甫huangfu 尉迟yuchi 公孙gongsun 慕容murong 令狐linghu "
    "长孙zhangsun 宇文yuwen 司徒situ 端木duanmu"
)
GIVEN_FEMALE: Final = _pairs(
    "芳fang 娜na 敏min 静jing 丽li 艳yan 霞xia 婷ting 雪xue "
    "慧hui 莹ying 倩qian 颖ying 琳lin 洁jie 梅mei 兰lan 玉yu 欣xin "
    "怡yi 佳jia 雅ya 诗shi 涵han 梦meng 琪qi 瑶yao 妍yan 萱xuan 岚lan 露lu 月yue"
)
GIVEN_MALE: Final = _pairs(
    "伟wei 强qiang 磊lei 军jun 洋yang 勇yong 杰jie 涛tao 明ming "
    "超chao 刚gang 平ping 辉hui 鹏peng 华hua 飞fei 鑫xin 波bo "
    "斌bin 宇yu 浩hao 凯kai 健jian 俊jun 帆fan 帅shuai 旭xu 宁ning 龙long 晨chen 轩xuan 泽ze"
)

INTERNATIONAL: Final = (
    # given name, family name as printed, form of both for an e-mail address, gender
    ("Emma", "Johansson", "emma.johansson", "F"),
    ("Liam", "O'Connor", "liam.oconnor", "M"),
    ("Zoë", "Lefèvre", "zoe.lefevre", "F"),
    ("Anne-Marie", "van der Berg", "annemarie.vanderberg", "F"),
    ("José", "García Márquez", "jose.garcia", "M"),
    ("Søren", "Østergård", "soren.ostergard", "M"),
    ("Mary", "Smith", "mary.smith", "F"),
    ("James", "Wilson", "james.wilson", "M"),
    ("Jürgen", "Müller", "juergen.mueller", "M"),
    ("Łucja", "Wójcik", "lucja.wojcik", "F"),
    ("Müge", "Yıldız", "muge.yildiz", "F"),
    ("Иван", "Петров", "ivan.petrov", "M"),
    ("Ελένη", "Παπαδοπούλου", "eleni.papadopoulou", "F"),
    ("Nguyễn Thị", "Hương", "nguyen.huong", "F"),
    ("Aisha", "al-Farsi", "aisha.alfarsi", "F"),
    ("Budi", "", "budi", "M"),
)
"""Names in all the shapes that break a careless mask: apostrophes, hyphens, particles, other scripts, a single word."""

MINORITY: Final = (
    ("阿依古丽·买买提", "ayiguli.maimaiti", "F"),
    ("阿卜杜拉·吐尔逊", "abudula.tuerxun", "M"),
    ("扎西顿珠", "zhaxi.dunzhu", "M"),
    ("斯琴高娃", "siqin.gaowa", "F"),
)

CITIES: Final = (
    # region, city as it begins an address, districts, area code, first four digits of a resident number, plate
    ("110000", "北京市", ("朝阳区", "海淀区", "丰台区", "通州区"), "010", "1101", "京A"),
    ("310000", "上海市", ("浦东新区", "徐汇区", "静安区", "闵行区"), "021", "3101", "沪B"),
    ("440000", "广东省广州市", ("天河区", "越秀区", "番禺区"), "020", "4401", "粤A"),
    ("440000", "广东省深圳市", ("南山区", "福田区", "龙岗区"), "0755", "4403", "粤B"),
    ("330000", "浙江省杭州市", ("西湖区", "滨江区", "余杭区"), "0571", "3301", "浙A"),
    ("510000", "四川省成都市", ("锦江区", "武侯区", "高新区"), "028", "5101", "川A"),
    ("420000", "湖北省武汉市", ("江汉区", "武昌区", "洪山区"), "027", "4201", "鄂A"),
    ("610000", "陕西省西安市", ("雁塔区", "碑林区", "长安区"), "029", "6101", "陕A"),
)
ROADS: Final = ("桃源路", "长春藤街", "云溪大道", "明月巷", "青石板街", "望江东路", "梧桐北路", "松鹤路")
ESTATES: Final = ("幸福家园", "翠湖花园", "阳光小区", "锦绣华庭", "東方雅苑", "听雨轩")

ABROAD: Final = (
    # country, street, town, first part of a phone number, digits to add: ranges that regulators keep for fiction
    ("United Kingdom", "Willow Lane", "Bristol", "+44 7700 900", 3),
    ("United States", "Maple Street", "Springfield", "+1 202-555-01", 2),
    ("France", "rue des Lilas", "Lyon", "+33 6 39 98 ", 4),
    ("Deutschland", "Lindenstraße", "Köln", "+49 30 23125 ", 3),
)

REGIONS: Final = (
    ("110000", "北京", "Beijing"),
    ("310000", "上海", "Shanghai"),
    ("330000", "浙江", "Zhejiang"),
    ("420000", "湖北", "Hubei"),
    ("440000", "广东", "Guangdong"),
    ("510000", "四川", "Sichuan"),
    ("610000", "陕西", "Shaanxi"),
    ("990000", "境外", "Abroad"),
)

PRODUCTS: Final = (
    ("电饭煲", "Rice cooker", "厨房", "399.00"),
    ("紫砂壶", "Clay teapot", "厨房", "268.00"),
    ("蚕丝被", "Silk quilt", "家纺", "899.00"),
    ("台灯", "Desk lamp", "照明", "129.00"),
    ("空气净化器", "Air purifier", "家电", "1599.00"),
    ("扫地机器人", "Robot vacuum", "家电", "2499.00"),
    ("竹筷", "Bamboo chopsticks", "厨房", "29.90"),
    ("羊毛毯", "Wool blanket", "家纺", "459.00"),
    ("保温杯", "Vacuum flask", "厨房", "99.00"),
    ("落地灯", "Floor lamp", "照明", "549.00"),
    ("香薰机", "Aroma diffuser", "家居", "189.00"),
    ("智能门锁", "Smart lock", "家居", "1299.00"),
)

NOTES: Final = (
    "",
    "",
    "",
    "",
    "偏好下午联系",
    "对花生过敏，送礼品时请注意",
    "Prefers English",
    "儿子今年高考，7 月前不要打电话",
    "VIP，投诉过一次物流",
)
TICKETS: Final = (
    ("物流延迟", "订单三天没有更新，请尽快回电。"),
    ("退换货", "收到的商品有破损，希望更换。"),
    ("发票", "需要补开发票，抬头已在订单里。"),
    ("会员积分", "积分没有到账，请核实。"),
    ("Delivery address", "Please deliver to the side door; call me before you come."),
    ("账号", "换了手机号，旧号码已停用。"),
)
