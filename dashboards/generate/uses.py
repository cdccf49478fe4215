"""Dashboard 2: which department uses which data for which purpose."""

from __future__ import annotations

from dashboards.generate.kit import Board, Panel, Row, Unit, q

_ASKED = 'database=~"$database", department=~"$department", purpose=~"$purpose"'
_GOT = 'department=~"$department", purpose=~"$purpose"'

STATEMENTS = Row(
    "Who asks, for what purpose",
    "谁在查询，出于何种目的",
    (
        Panel(
            "table", "Statements by department and purpose", "各部门各目的语句数", "All statements of the shown time. A pair that nobody expects is worth a question.",
            "所选时间内的全部语句。出现意料之外的组合应当询问。", Unit.COUNT,
            (q(f"sum by (department, purpose, verdict) (increase(menshen_department_statements_total{{{_ASKED}}}[$__range])) > 0", "statements 语句"),), 12, 9,
        ),
        Panel(
            "stacked", "Statements by purpose", "按目的统计语句", "The purpose that was declared; none: none was declared.",
            "按声明的目的统计；none 表示未声明。", Unit.PER_SECOND,
            (q(f"sum by (purpose) (rate(menshen_department_statements_total{{{_ASKED}}}[$__rate_interval]))", "{{purpose}}"),), 12, 9,
        ),
        Panel(
            "stacked", "Denied by department", "按部门统计拒绝", "Statements that the rules refuse, by who asked.", "被策略拒绝的语句，按部门。",
            Unit.PER_SECOND,
            (q(f'sum by (department, purpose) (rate(menshen_department_statements_total{{verdict="deny", {_ASKED}}}[$__rate_interval]))', "{{department}} for {{purpose}}"),), 8,
        ),
        Panel(
            "bars", "Denied, by reason", "按原因统计拒绝", "Why statements were refused in the shown time.", "所选时间内语句被拒绝的原因。",
            Unit.COUNT,
            (q('sum by (reason) (increase(menshen_denials_total{database=~"$database"}[$__range]))', "{{reason}}"),), 8,
        ),
        Panel(
            "stacked", "Kinds of statements", "语句类型", "SELECT, UPDATE, COPY and so on, of every department.", "各部门语句类型：SELECT、UPDATE、COPY 等。",
            Unit.PER_SECOND,
            (q('sum by (kind) (rate(menshen_statements_total{database=~"$database", purpose=~"$purpose"}[$__rate_interval]))', "{{kind}}"),), 8,
        ),
    ),
)  # fmt: skip

DATA = Row(
    "Which data, how much",
    "使用了何种数据，多少",
    (
        Panel(
            "table", "Rows by department, purpose, class and disclosure", "部门、目的、类别与披露方式", "Rows that were sent, once for each data class that their statement touches. The record of processing, in numbers.",
            "已发送的行数，按语句涉及的每个数据类别各计一次。即以数字呈现的处理活动记录。", Unit.COUNT,
            (q(f"sum by (department, purpose, class, disclosure) (increase(menshen_disclosed_rows_total{{{_GOT}}}[$__range])) > 0", "rows 行"),), 12, 10,
        ),
        Panel(
            "stacked", "Rows by data class", "按类别统计行数", "What the departments in the selection read; public classes are left out.",
            "所选部门读取的数据，不含公开类别。", Unit.ROWS_PER_SECOND,
            (q(f'sum by (class) (rate(menshen_disclosed_rows_total{{class!="public", {_GOT}}}[$__rate_interval]))', "{{class}}"),), 12, 10,
        ),
        Panel(
            "lines", "Unmasked rows by department", "按部门统计明文行数", "Ten-minute average that the alert MenshenClearRowsUnusual compares with the department's own last week.",
            "十分钟均值；告警 MenshenClearRowsUnusual 将其与该部门上周水平比较。", Unit.ROWS_PER_SECOND,
            (q(f"department:menshen_clear_rows:rate10m{{{_GOT}}}", "{{department}} for {{purpose}}"),), 12,
        ),
        Panel(
            "stacked", "Lookups by raw value", "明文比对查询", "Comparisons with a raw value that a lookup right allowed, such as the phone number of a caller. Many in a row may be an enumeration.",
            "由 lookup 权限放行的明文比对，例如按来电号码查找。连续大量出现可能是枚举。", Unit.PER_SECOND,
            (q('sum by (database, class) (rate(menshen_lookups_total{database=~"$database"}[$__rate_interval]))', "{{class}} in {{database}}"),), 12,
        ),
    ),
)  # fmt: skip

BOARD = Board(
    "menshen-uses", "Menshen 2 · Who uses what for what", "门神 · 谁为何使用何种数据",
    "Departments, purposes and data classes. Names of people are in the trail, not here. 部门、目的与数据类别；个人姓名只在审计记录中。",
    (STATEMENTS, DATA),
)  # fmt: skip
