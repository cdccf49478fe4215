"""Dashboard 6: whether the evidence is being written, kept and signed."""

from __future__ import annotations

from dashboards.generate.kit import Board, Panel, Row, Unit, q

_YES_NO = (("0", "no 否"), ("1", "yes 是"))

HEALTH = Row(
    "Health",
    "健康",
    (
        Panel(
            "number", "Can be written", "可写", "By gateway. At no, governed statements are denied.", "按网关。为“否”时拒绝全部受控语句。", Unit.NONE,
            (q("min by (instance) (menshen_trail_healthy)", "{{instance}}"),), 6, 5, 1, True, _YES_NO,
        ),
        Panel(
            "number", "Records in the chain", "链上记录数", "Goes on over restarts and never falls by itself; MenshenTrailRolledBack fires when it does. Prometheus keeps it where the trail's thief is not.",
            "跨重启延续，不会自行减少；减少时触发 MenshenTrailRolledBack。", Unit.COUNT, (q("sum by (instance) (menshen_trail_records_total)", "{{instance}}"),), 6, 5,
        ),
        Panel(
            "number", "Segments that wait for a signature", "待签名分段", "Closed segments without a signature.", "已关闭但未签名的分段。", Unit.NONE,
            (q("sum(menshen_trail_unsigned_segments)", "unsigned"),), 6, 5, 1,
        ),
        Panel(
            "number", "Records that were refused", "被拒记录", "Since the gateways started. Their rows were withheld.", "自网关启动以来；对应数据行已扣留。", Unit.NONE,
            (q("sum(menshen_trail_refused_records_total)", "refused"),), 6, 5, 1,
        ),
    ),
)  # fmt: skip

WORK = Row(
    "Work",
    "工作量",
    (
        Panel(
            "lines", "Records", "记录速率", "Every statement, login and change leaves one.", "每条语句、登录与变更各留一条。", Unit.PER_SECOND,
            (q("sum by (instance) (rate(menshen_trail_records_total[$__rate_interval]))", "{{instance}}"),), 8,
        ),
        Panel(
            "lines", "Making a record durable", "落盘耗时", "With durability fsync the wait for the disk counts too.", "durability 为 fsync 时包含等待磁盘的时间。", Unit.SECONDS,
            (
                q('histogram_quantile(0.5, sum by (le) (rate(menshen_stage_duration_seconds_bucket{stage="record"}[$__rate_interval])))', "median 中位数"),
                q('histogram_quantile(0.99, sum by (le) (rate(menshen_stage_duration_seconds_bucket{stage="record"}[$__rate_interval])))', "99th 百分位"),
            ), 8,
        ),
        Panel(
            "lines", "Records that wait for the disk", "等待落盘的记录", "Always 0 with durability write.", "durability 为 write 时恒为 0。", Unit.COUNT,
            (q("sum by (instance) (menshen_trail_unsynced_records)", "{{instance}}"),), 8, bad=10000,
        ),
        Panel(
            "lines", "Size", "容量", "All segments. Keep them at least 180 days.", "全部分段。应至少保存 180 天。", Unit.BYTES,
            (q("sum by (instance) (menshen_trail_size_bytes)", "{{instance}}"),), 8,
        ),
        Panel(
            "lines", "Segments", "分段数", "Files of the chain: one for each 64 MiB, day and start.", "链的文件数：每 64 MiB、每日及每次启动各一个。", Unit.COUNT,
            (q("sum by (instance) (menshen_trail_segments)", "{{instance}}"),), 8,
        ),
        Panel(
            "lines", "Bytes for each record", "每条记录字节数", "Over all that is kept.", "全部保留记录的平均值。", Unit.BYTES,
            (q("sum by (instance) (menshen_trail_size_bytes) / (sum by (instance) (menshen_trail_records_total) > 0)", "{{instance}}"),), 8,
        ),
        Panel(
            "lines", "Failures", "失败", "Records that could not be made durable within five minutes, and records refused since.", "五分钟内未能落盘的记录，以及被拒绝的记录。", Unit.COUNT,
            (
                q("sum(increase(menshen_trail_failures_total[5m])) or vector(0)", "failed 失败"),
                q("sum(increase(menshen_trail_refused_records_total[5m]))", "refused 被拒"),
            ), 12, 6, 1,
        ),
        Panel(
            "lines", "The detectors are behind by", "检测延迟", "How far readers are behind the trail's end.", "读取方落后于审计记录末尾的时间。", Unit.SECONDS,
            (q("max by (instance) (menshen_watch_lag_seconds)", "{{instance}}"),), 12, 6, 30,
        ),
    ),
)  # fmt: skip

BOARD = Board(
    "menshen-trail", "Menshen 6 · Trail health", "门神 · 审计记录健康",
    "Whether the evidence is being written, kept and signed. 证据是否在写入、保存与签名。", (HEALTH, WORK), variables=(),
)  # fmt: skip
