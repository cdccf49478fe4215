"""Dashboard 3: how much of the data leaves masked, and whether less would do."""

from __future__ import annotations

from dashboards.generate.kit import Board, Panel, Row, Unit, q

_GOT = 'class!="public", department=~"$department", purpose=~"$purpose"'
_ALL = "sum(increase(menshen_disclosed_rows_total{" + _GOT + "}[$__range]))"


def _share(disclosure: str) -> str:
    return f'(sum(increase(menshen_disclosed_rows_total{{disclosure="{disclosure}", {_GOT}}}[$__range])) or vector(0)) / {_ALL}'


MASKING = Row(
    "Masking",
    "脱敏",
    (
        Panel(
            "number", "Personal data that left masked", "个人信息脱敏比例", "Rows of non-public classes that were partial, a pseudonym or withheld, of all of them.",
            "非公开类别中以部分掩码、假名或隐去方式发送的行数占比。", Unit.RATIO, (q(f"1 - {_share('clear')}", "masked"),), 6, 6, 0.5, True,
        ),
        Panel(
            "bars", "Rows by disclosure", "按披露方式统计行数", "clear: as stored. partial: partly hidden. pseudonym: replaced, joinable. withheld: not sent.",
            "clear 明文；partial 部分遮盖；pseudonym 假名可关联；withheld 不发送。", Unit.COUNT,
            (q(f"sum by (disclosure) (increase(menshen_disclosed_rows_total{{{_GOT}}}[$__range]))", "{{disclosure}}"),), 9, 6,
        ),
        Panel(
            "bars", "Unmasked share by class", "各类别明文比例", "Of the rows of each data class, how many were clear. A class that is hardly ever needed in clear could get a mask.",
            "各类别中明文行的比例。很少需要明文的类别可以设置掩码。", Unit.RATIO,
            (q(f'sum by (class) (increase(menshen_disclosed_rows_total{{disclosure="clear", {_GOT}}}[$__range])) / (sum by (class) (increase(menshen_disclosed_rows_total{{{_GOT}}}[$__range])) > 0)', "{{class}}"),), 9, 6, top=1,
        ),
        Panel(
            "stacked", "Disclosure over time", "披露方式趋势", "Rows of non-public classes by how they were sent.", "非公开类别的行数，按披露方式。",
            Unit.ROWS_PER_SECOND,
            (q(f"sum by (disclosure) (rate(menshen_disclosed_rows_total{{{_GOT}}}[$__rate_interval]))", "{{disclosure}}"),), 12,
        ),
        Panel(
            "stacked", "Classes and their disclosure", "类别与披露方式", "All databases together, from the statements' plans.", "所有数据库合计。",
            Unit.ROWS_PER_SECOND,
            (q('sum by (class, disclosure) (rate(menshen_rows_total{class!="public"}[$__rate_interval]))', "{{class}} · {{disclosure}}"),), 12,
        ),
    ),
)  # fmt: skip

MINIMIZATION = Row(
    "Minimization",
    "最小化",
    (
        Panel(
            "lines", "Rows for each statement", "每条语句行数", "Averages by database. Programs that read whole tables to show a page stand out.",
            "各数据库平均值。为显示一页而读取整表的程序会很显眼。", Unit.NONE,
            (q('sum by (database) (rate(menshen_result_rows_total{database=~"$database"}[$__rate_interval])) / (sum by (database) (rate(menshen_statements_total{database=~"$database"}[$__rate_interval])) > 0)', "{{database}}"),), 8,
        ),
        Panel(
            "lines", "Bytes for each row", "每行字节数", "Wide rows often hold columns that nobody looks at.", "过宽的行往往包含无人使用的列。",
            Unit.BYTES,
            (q('sum by (database) (rate(menshen_result_bytes_total{database=~"$database"}[$__rate_interval])) / (sum by (database) (rate(menshen_result_rows_total{database=~"$database"}[$__rate_interval])) > 0)', "{{database}}"),), 8,
        ),
        Panel(
            "lines", "Statements that the rules changed", "被改写语句比例", "Share of the statements whose rows or columns were masked or left out, by purpose.",
            "被脱敏或过滤的语句比例，按目的。", Unit.RATIO,
            (q('sum by (purpose) (rate(menshen_department_statements_total{verdict="veil", database=~"$database", department=~"$department", purpose=~"$purpose"}[$__rate_interval])) / (sum by (purpose) (rate(menshen_department_statements_total{database=~"$database", department=~"$department", purpose=~"$purpose"}[$__rate_interval])) > 0)', "{{purpose}}"),), 8, top=1,
        ),
        Panel(
            "table", "Who still gets clear data", "仍获取明文的部门", "Unmasked rows by department, purpose and class in the shown time: the list to shorten.",
            "所选时间内各部门、目的、类别的明文行数：应当逐步缩短的清单。", Unit.COUNT,
            (q(f'sum by (department, purpose, class) (increase(menshen_disclosed_rows_total{{disclosure="clear", {_GOT}}}[$__range])) > 0', "rows 行"),), 12, 9,
        ),
        Panel(
            "table", "Masked, and asked for all the same", "被隐去但仍被请求", "Withheld or masked classes that statements name often. Either the program asks for more than it needs, or the rules give less than the work needs.",
            "经常被请求但已隐去或脱敏的类别：要么程序要得过多，要么策略给得过少。", Unit.COUNT,
            (q(f'sum by (department, purpose, class, disclosure) (increase(menshen_disclosed_rows_total{{disclosure!="clear", {_GOT}}}[$__range])) > 0', "rows 行"),), 12, 9,
        ),
    ),
)  # fmt: skip

BOARD = Board(
    "menshen-masking", "Menshen 3 · Masking and minimization", "门神 · 脱敏与最小化",
    "How much leaves masked, and whether less would do. 多少数据经脱敏流出，是否可以更少。", (MASKING, MINIMIZATION),
)  # fmt: skip
