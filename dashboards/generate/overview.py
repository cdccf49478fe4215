"""Dashboard 1: is everything well, and how much is going on."""

from __future__ import annotations

from dashboards.generate.kit import Board, Panel, Row, Unit, q

_YES_NO = (("0", "no 否"), ("1", "yes 是"))
_STATEMENTS = (
    'menshen_department_statements_total{database=~"$database", department=~"$department", purpose=~"$purpose"}'
)

NOW = Row(
    "Now",
    "当前状态",
    (
        Panel(
            "number", "Gateways that answer", "在线网关", "Gateways that Prometheus reaches.",
            "Prometheus 能够访问的网关数量。", Unit.NONE, (q('sum(up{job="menshen"})', "gateways"),), 4, 4, 1, True,
        ),
        Panel(
            "number", "Databases up", "可用数据库", "Share of the databases that answer the gateways.",
            "能够响应网关的数据库比例。", Unit.RATIO, (q('avg(menshen_upstream_up{database=~"$database"})', "up"),),
            4, 4, 1, True,
        ),
        Panel(
            "number", "Trail can be written", "审计可写", "At no, governed statements are denied: no trail, no data.",
            "为“否”时拒绝全部受控语句：无审计则无数据。", Unit.NONE, (q("min(menshen_trail_healthy)", "writable"),), 4, 4, 1,
            True, _YES_NO,
        ),
        Panel(
            "number", "Open incidents", "未处理事件", "Incidents that nobody has taken yet; drills are not counted.",
            "尚无人接手的事件，不含演练。", Unit.NONE,
            (q('sum(menshen_incidents{state="open", drill="no", department=~"$department"}) or vector(0)', "open"),),
            4, 4, 1,
        ),
        Panel(
            "number", "Newest rules refused", "新策略被拒", "Whether a gateway refused the newest bundle and judges by an older one.",
            "是否有网关拒绝了最新策略而仍使用旧策略。", Unit.NONE, (q("max(menshen_policy_stale)", "refused"),), 4, 4, 1, False,
            _YES_NO,
        ),
        Panel(
            "number", "First certificate expires in", "最近证书到期", "Time until the first certificate of a listener expires.",
            "距最早到期的监听证书失效的时间。", Unit.SECONDS,
            (q("min(menshen_certificate_expiry_timestamp_seconds) - time()", "left"),), 4, 4, 1814400, True,
        ),
    ),
)  # fmt: skip

TRAFFIC = Row(
    "Traffic",
    "流量",
    (
        Panel(
            "stacked", "Statements by verdict", "按裁决统计语句", "allow: as written. veil: rows or columns were masked or left out. deny: refused.",
            "allow 原样放行；veil 已脱敏或过滤；deny 拒绝。", Unit.PER_SECOND,
            (q(f"sum by (verdict) (rate({_STATEMENTS}[$__rate_interval]))", "{{verdict}}"),), 8,
        ),
        Panel(
            "stacked", "Statements by department", "按部门统计语句", "Who works through the gateway, by the department of the principal.",
            "按账号所属部门统计的语句数。", Unit.PER_SECOND,
            (q(f"sum by (department) (rate({_STATEMENTS}[$__rate_interval]))", "{{department}}"),), 8,
        ),
        Panel(
            "stacked", "Rows by database", "按数据库统计行数", "Rows that were sent to clients.", "发送给客户端的数据行数。",
            Unit.ROWS_PER_SECOND,
            (q('sum by (database) (rate(menshen_result_rows_total{database=~"$database"}[$__rate_interval]))', "{{database}}"),), 8,
        ),
        Panel(
            "lines", "Share of statements denied", "拒绝率", "Refused by the rules, of all statements. A change here is a new program, a new rule, or an attempt.",
            "被策略拒绝的语句占比。变化意味着新程序、新策略或越权尝试。", Unit.RATIO,
            (q(f'(sum by (department) (rate({_STATEMENTS.replace("{", chr(123) + "verdict=" + chr(34) + "deny" + chr(34) + ", ")}[$__rate_interval]))) / (sum by (department) (rate({_STATEMENTS}[$__rate_interval])) > 0)', "{{department}}"),), 8,
        ),
        Panel(
            "lines", "Time the gateway adds", "网关附加耗时", "Half, and 99 of 100, of the statements are delayed by less than this.",
            "50% 与 99% 的语句附加延迟低于该值。", Unit.SECONDS,
            (
                q("histogram_quantile(0.5, sum by (le) (rate(menshen_overhead_seconds_bucket[$__rate_interval])))", "median 中位数"),
                q("histogram_quantile(0.99, sum by (le) (rate(menshen_overhead_seconds_bucket[$__rate_interval])))", "99th percentile 第99百分位"),
            ), 8, bad=0.005,
        ),
        Panel(
            "lines", "Client sessions", "客户端会话", "Sessions that are open.", "当前打开的会话数。", Unit.COUNT,
            (q('sum by (database) (menshen_connections{database=~"$database"})', "{{database}}"),), 8,
        ),
    ),
)  # fmt: skip

DETAILS = Row(
    "What fires and what runs",
    "告警与版本",
    (
        Panel(
            "table", "Alerts that fire", "正在触发的告警", "Every alert of dashboards/prometheus/rules; MenshenWatchdog always fires. docs/monitoring.md says what to do.",
            "当前触发的全部告警；MenshenWatchdog 始终触发。处置方法见 docs/monitoring.md。", Unit.NONE,
            (q('max by (alertname, severity, department, database, drill) (ALERTS{alertname=~"Menshen.*", alertstate="firing"})', "firing"),), 10,
        ),
        Panel(
            "table", "Readiness checks", "就绪检查", "1: holds. 0: does not; /readyz tells the reason.", "1 表示通过；0 表示未通过，原因见 /readyz。",
            Unit.NONE, (q("min by (instance, check) (menshen_ready)", "holds 通过"),), 5, words=_YES_NO,
        ),
        Panel(
            "table", "Versions and rules in force", "版本与现行策略", "What runs where, since when. Gateways with different digests judge differently.",
            "各网关的版本与策略摘要。摘要不同则裁决不同。", Unit.SECONDS,
            (q("(time() - menshen_start_timestamp_seconds) * on (instance) group_left (version, python) menshen_build_info * on (instance) group_left (digest) menshen_policy_info", "running for 运行时长"),), 9,
        ),
    ),
)  # fmt: skip

BOARD = Board(
    "menshen-overview", "Menshen 1 · Overview", "门神 · 总览",
    "Is everything well, and how much is going on. 系统是否正常，业务量如何。", (NOW, TRAFFIC, DETAILS),
)  # fmt: skip
