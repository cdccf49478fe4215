"""Dashboard 4: detectors, incidents, and the way to people."""

from __future__ import annotations

from dashboards.generate.kit import Board, Panel, Row, Unit, q

_YES_NO = (("0", "no 否"), ("1", "yes 是"))

INCIDENTS = Row(
    "Incidents",
    "事件",
    (
        Panel(
            "number", "Nobody has taken", "无人接手", "Open incidents by severity; drills are not counted.", "未接手事件，按级别，不含演练。", Unit.NONE,
            (q('sum by (severity) (menshen_incidents{state="open", drill="no", department=~"$department"})', "{{severity}}"),), 6, 5, 1,
        ),
        Panel(
            "number", "The oldest of them waits", "最久等待", "How long the oldest open incident has waited for a person; drills are not counted.",
            "最早的未接手事件已等待的时间，不含演练。", Unit.SECONDS,
            (q('time() - min by (severity) (menshen_incident_oldest_open_timestamp_seconds{drill="no"})', "{{severity}}"),), 6, 5, 900,
        ),
        Panel(
            "number", "Suspended principals", "停用账号", "Principals whose work stands still because of an incident.", "因事件被停用的账号数。", Unit.NONE,
            (q('sum(menshen_suspended_principals{department=~"$department"}) or vector(0)', "suspended"),), 6, 5, 1,
        ),
        Panel(
            "number", "The watch runs", "监测运行", "Whether the detectors read the trail.", "检测器是否在读取审计记录。", Unit.NONE,
            (q("min(menshen_watch_running)", "running"),), 3, 5, 1, True, _YES_NO,
        ),
        Panel(
            "number", "It is behind by", "监测延迟", "From the end of the trail to what the detectors have seen.", "检测进度落后于审计记录末尾的时间。", Unit.SECONDS,
            (q("max(menshen_watch_lag_seconds)", "behind"),), 3, 5, 30,
        ),
        Panel(
            "table", "Incidents that are not closed", "未关闭事件", "By state, severity and department. Numbers and names: menshen incident list.",
            "按状态、级别与部门。编号与名称：menshen incident list。", Unit.NONE,
            (q('sum by (state, severity, department, drill) (menshen_incidents{department=~"$department"}) > 0', "incidents 事件"),), 12,
        ),
        Panel(
            "stacked", "Incidents opened since the start", "启动以来的事件", "By the detector whose finding opened them; a step is a new one.", "按检测器统计网关启动以来的事件；台阶即新增事件。", Unit.COUNT,
            (q('sum by (detector, drill) (menshen_incidents_opened_total{department=~"$department"})', "{{detector}}, drill 演练: {{drill}}"),), 12,
        ),
    ),
)  # fmt: skip

SIGNS = Row(
    "Signs",
    "迹象",
    (
        Panel(
            "stacked", "Findings by detector", "各检测器发现", "What the detectors found within five minutes; several findings can be one incident.",
            "五分钟内的发现；多条发现可合并为一个事件。", Unit.COUNT,
            (q("sum by (detector, severity) (detector:menshen_findings:increase5m)", "{{detector}} · {{severity}}"),), 8,
        ),
        Panel(
            "lines", "Denied within a minute, by department", "每分钟拒绝数", "The alert MenshenDenialBurst fires above 30.", "超过 30 时触发告警 MenshenDenialBurst。", Unit.COUNT,
            (q('sum by (department) (department:menshen_denials:increase1m{database=~"$database", department=~"$department"})', "{{department}}"),), 8, bad=30,
        ),
        Panel(
            "lines", "Logins that failed within a minute", "每分钟登录失败数", "By the reason. The alert MenshenLoginFailures fires above 20 wrong passwords.",
            "按原因。口令错误超过 20 次触发告警 MenshenLoginFailures。", Unit.COUNT,
            (q('sum by (reason) (database:menshen_logins_failed:increase1m{database=~"$database|none|other"})', "{{reason}}"),), 8, bad=20,
        ),
        Panel(
            "lines", "Unmasked rows against last week", "明文行数与上周之比", "Ten-minute average of each department and purpose, divided by its average of the last week; 1 is usual, above 8 the alert MenshenClearRowsUnusual fires.",
            "各部门、目的的十分钟均值与上周均值之比；1 为正常，超过 8 触发告警 MenshenClearRowsUnusual。", Unit.NONE,
            (q('department:menshen_clear_rows:rate10m{department=~"$department", purpose=~"$purpose"} / (avg_over_time(department:menshen_clear_rows:rate10m{department=~"$department", purpose=~"$purpose"}[7d]) > 0)', "{{department}} for {{purpose}}"),), 12, bad=8,
        ),
        Panel(
            "lines", "Records that the detectors read", "检测器处理速度", "How fast the watch reads; after a restart it catches up.", "监测读取记录的速度；重启后会追赶。", Unit.PER_SECOND,
            (q("sum by (instance) (rate(menshen_watch_records_total[$__rate_interval]))", "{{instance}}"),), 12,
        ),
    ),
)  # fmt: skip

PEOPLE = Row(
    "The way to people",
    "通知人员",
    (
        Panel(
            "stacked", "Messages", "通知", "sent; failed: is tried again; given_up: nobody was told by this channel.", "sent 已发送；failed 将重试；given_up 已放弃。", Unit.COUNT,
            (q("sum by (channel, result) (increase(menshen_notifications_total[5m]))", "{{channel}} · {{result}}"),), 8,
        ),
        Panel(
            "lines", "Messages that wait", "待发通知", "Kept over restarts until the receiver takes them.", "跨重启保留，直到接收方收下。", Unit.COUNT,
            (q("sum by (channel) (menshen_notifications_waiting)", "{{channel}}"),), 8, bad=1,
        ),
        Panel(
            "table", "Last drills", "最近演练", "What the last drill of each kind took to be detected, paged and contained.", "各类演练从发现、通知到遏制所用的时间。", Unit.SECONDS,
            (q("max by (drill, step) (menshen_drill_duration_seconds)", "took 用时"),), 8,
        ),
    ),
)  # fmt: skip

BOARD = Board(
    "menshen-breach", "Menshen 4 · Breach watch", "门神 · 泄露监测",
    "From the first odd read to the person on call. 从首次异常读取到值班人员。", (INCIDENTS, SIGNS, PEOPLE),
)  # fmt: skip
