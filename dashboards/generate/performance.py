"""Dashboard 5: objectives, where the time goes, and what is near its limit."""

from __future__ import annotations

from dashboards.generate.kit import Board, Panel, Row, Unit, q

_OVERHEAD = "sum by (le) (rate(menshen_overhead_seconds_bucket[$__rate_interval]))"
_STAGE = "sum by (le, stage) (rate(menshen_stage_duration_seconds_bucket[$__rate_interval]))"
_DB = 'database=~"$database"'

OBJECTIVES = Row(
    "Objectives",
    "服务目标",
    (
        Panel(
            "number", "Error budget left, three days", "三日错误预算余额", "Objective: 99.9 % of the statements are not failed by the gateway or its database. A refusal by the rules is no error.",
            "目标：99.9% 的语句不因网关或数据库而失败。策略拒绝不算错误。", Unit.RATIO,
            (q("1 - max(job:menshen_slo_errors:ratio3d) / 0.001", "left"),), 6, 5, 0.25, True,
        ),
        Panel(
            "number", "Latency budget left, three days", "三日延迟预算余额", "Objective: the gateway adds less than 5 ms to 99 % of the statements.",
            "目标：99% 的语句附加延迟低于 5 毫秒。", Unit.RATIO, (q("1 - max(job:menshen_slo_slow:ratio3d) / 0.01", "left"),), 6, 5, 0.25, True,
        ),
        Panel(
            "lines", "How fast the error budget burns", "错误预算消耗速度", "1: the budget lasts exactly as long as it should. 14.4 for an hour wakes somebody.",
            "1 表示恰好用完；持续一小时达到 14.4 会触发紧急告警。", Unit.NONE,
            (
                q("max(job:menshen_slo_errors:ratio5m) / 0.001", "5 minutes 分钟"),
                q("max(job:menshen_slo_errors:ratio1h) / 0.001", "1 hour 小时"),
                q("max(job:menshen_slo_errors:ratio6h) / 0.001", "6 hours 小时"),
            ), 6, 5, 14.4,
        ),
        Panel(
            "lines", "How fast the latency budget burns", "延迟预算消耗速度", "As beside it, for statements that are delayed by more than 5 ms.", "同左，针对延迟超过 5 毫秒的语句。", Unit.NONE,
            (
                q("max(job:menshen_slo_slow:ratio5m) / 0.01", "5 minutes 分钟"),
                q("max(job:menshen_slo_slow:ratio1h) / 0.01", "1 hour 小时"),
                q("max(job:menshen_slo_slow:ratio6h) / 0.01", "6 hours 小时"),
            ), 6, 5, 14.4,
        ),
    ),
)  # fmt: skip

TIME = Row(
    "Where the time goes",
    "耗时分布",
    (
        Panel(
            "lines", "Overhead", "附加耗时", "Time that the gateway adds to a statement.", "网关给每条语句增加的时间。", Unit.SECONDS,
            tuple(q(f"histogram_quantile({p}, {_OVERHEAD})", word) for p, word in ((0.5, "median 中位数"), (0.9, "90th 百分位"), (0.99, "99th 百分位"), (0.999, "99.9th 百分位"))), 8, bad=0.005,
        ),
        Panel(
            "lines", "Stations, 99th percentile", "各环节第99百分位", "read: taking bytes apart, judging, sending on. judge: a text whose verdict was not known. upstream: the database. record: making the record durable.",
            "read 解析并转发；judge 首次判定；upstream 数据库；record 写入审计。", Unit.SECONDS,
            (q(f"histogram_quantile(0.99, {_STAGE})", "{{stage}}"),), 8,
        ),
        Panel(
            "lines", "Stations, mean", "各环节平均值", "The same stations as averages.", "同上，平均值。", Unit.SECONDS,
            (q("sum by (stage) (rate(menshen_stage_duration_seconds_sum[$__rate_interval])) / (sum by (stage) (rate(menshen_stage_duration_seconds_count[$__rate_interval])) > 0)", "{{stage}}"),), 8,
        ),
        Panel(
            "lines", "Statements", "语句速率", "By database.", "按数据库。", Unit.PER_SECOND,
            (q(f"sum by (database) (rate(menshen_statements_total{{{_DB}}}[$__rate_interval]))", "{{database}}"),), 8,
        ),
        Panel(
            "lines", "Errors by SQLSTATE class", "按 SQLSTATE 类统计错误", "42: refused or wrong SQL. 08, 53, 58, XX: the database, resources, disk, the gateway; these burn the budget.",
            "42：拒绝或语法错误；08、53、58、XX：数据库、资源、磁盘或网关，会消耗预算。", Unit.PER_SECOND,
            (q(f"sum by (sqlstate_class) (rate(menshen_errors_total{{{_DB}}}[$__rate_interval]))", "class 类 {{sqlstate_class}}"),), 8,
        ),
        Panel(
            "lines", "Texts whose verdict was known", "判定缓存命中率", "Share of the plan cache. Programs that write values into their texts make it low.",
            "判定缓存命中率。把值拼进语句文本的程序会使其降低。", Unit.RATIO,
            (q(f"sum by (database) (rate(menshen_plan_cache_hits_total{{{_DB}}}[$__rate_interval])) / (sum by (database) (rate(menshen_plan_cache_hits_total{{{_DB}}}[$__rate_interval])) + sum by (database) (rate(menshen_plan_cache_misses_total{{{_DB}}}[$__rate_interval])) > 0)", "{{database}}"),), 8, top=1,
        ),
    ),
)  # fmt: skip

LIMITS = Row(
    "What is near its limit",
    "资源与上限",
    (
        Panel(
            "lines", "Connections to the databases", "数据库连接", "Open ones against what the pool may open, those kept for the next session; clients that wait.", "已打开连接、连接池上限、保留待用的连接与等待的客户端。", Unit.COUNT,
            (
                q(f"sum by (database) (menshen_pool_connections{{{_DB}}})", "{{database}} open 已开"),
                q(f"sum by (database) (menshen_pool_idle_connections{{{_DB}}})", "{{database}} kept 待用"),
                q(f"sum by (database) (menshen_pool_limit_connections{{{_DB}}})", "{{database}} limit 上限"),
                q(f"sum by (database) (menshen_pool_waiting_clients{{{_DB}}})", "{{database}} waiting 等待"),
            ), 8,
        ),
        Panel(
            "lines", "Sessions", "会话", "Open, and authenticated each second.", "打开的会话与每秒新增会话。", Unit.COUNT,
            (
                q(f"sum by (database) (menshen_connections{{{_DB}}})", "{{database}} open 打开"),
                q(f"sum by (database) (rate(menshen_sessions_total{{{_DB}}}[$__rate_interval]))", "{{database}} new each second 每秒新增"),
            ), 8,
        ),
        Panel(
            "lines", "Bytes to clients", "发送字节", "Results, by database.", "结果数据量，按数据库。", Unit.BYTES_PER_SECOND,
            (q(f"sum by (database) (rate(menshen_result_bytes_total{{{_DB}}}[$__rate_interval]))", "{{database}}"),), 8,
        ),
        Panel(
            "lines", "Processor", "处理器", "Cores that a gateway uses; one worker can use one.", "网关使用的核数；每个工作进程最多一个核。", Unit.CORES,
            (q('rate(process_cpu_seconds_total{job="menshen"}[$__rate_interval])', "{{instance}}"),), 6, bad=0.9,
        ),
        Panel(
            "lines", "Memory", "内存", "Resident memory of each gateway.", "各网关常驻内存。", Unit.BYTES, (q('process_resident_memory_bytes{job="menshen"}', "{{instance}}"),), 6,
        ),
        Panel(
            "lines", "File handles", "文件句柄", "Used, of those the process may have.", "已使用句柄的比例。", Unit.RATIO,
            (q('process_open_fds{job="menshen"} / process_max_fds{job="menshen"}', "{{instance}}"),), 6, bad=0.8, top=1,
        ),
        Panel(
            "table", "Databases and catalogues", "数据库与目录", "Age of the catalogue by database; tables that were added since are invisible. MenshenCatalogueStale fires above 300 s.",
            "目录距上次读取的时间；此后新增的表不可见。超过 300 秒触发 MenshenCatalogueStale。", Unit.SECONDS,
            (q(f"max by (instance, database) (menshen_catalogue_age_seconds{{{_DB}}})", "age 距今"),), 6,
        ),
        Panel(
            "lines", "Relations in the catalogue", "目录中的关系数", "A sudden change is a migration, or rights that the gateway's role lost.", "突变意味着结构变更，或网关账号失去权限。", Unit.COUNT,
            (q(f"max by (database) (menshen_catalogue_relations{{{_DB}}})", "{{database}}"),), 12, 6,
        ),
        Panel(
            "lines", "Readings of the catalogue", "目录读取", "read and failed, within ten minutes.", "十分钟内读取成功与失败次数。", Unit.COUNT,
            (q(f"sum by (database, result) (increase(menshen_catalogue_refreshes_total{{{_DB}}}[10m]))", "{{database}} · {{result}}"),), 12, 6,
        ),
    ),
)  # fmt: skip

BOARD = Board(
    "menshen-performance", "Menshen 5 · Gateway performance and SLO", "门神 · 性能与服务目标",
    "Objectives, where the time goes, and what is near its limit. 服务目标、耗时分布与资源上限。", (OBJECTIVES, TIME, LIMITS),
    variables=("database",),
)  # fmt: skip
