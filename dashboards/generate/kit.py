"""The few kinds of panels that the dashboards are made of, over grafana-foundation-sdk, which nothing else imports.

A board is rows of panels. Every panel has a title and a description in English and Chinese, a unit, and a legend that
reads as words; the checks are made while it is built, so that a board that lacks one does not come into being.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as shapes
from grafana_foundation_sdk.models import prometheus as queries

SOURCE = shapes.DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH = 24


class Unit(StrEnum):
    """Grafana's names of units."""

    COUNT = "short"
    NONE = "none"
    PER_SECOND = "ops"
    ROWS_PER_SECOND = "rowsps"
    SECONDS = "s"
    BYTES = "bytes"
    BYTES_PER_SECOND = "Bps"
    RATIO = "percentunit"
    CORES = "cores"


@dataclass(frozen=True)
class Query:
    """PromQL and how its series are called: `{{label}}` and words."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """`kind`: `lines`, `stacked`, `number`, `bars` or `table`."""

    kind: str
    en: str
    zh: str
    about: str
    about_zh: str
    unit: Unit
    queries: tuple[Query, ...]
    width: int = 8
    height: int = 8
    bad: float | None = None
    """From here on it is red; from half of the way yellow. Below, where `low` is set."""
    low: bool = False
    words: tuple[tuple[str, str], ...] = ()
    """Values that are shown as words, such as 1 → `yes 是`."""
    hide: tuple[str, ...] = ()
    """Labels that a table leaves out."""
    top: float | None = None
    """Upper end of the scale."""


@dataclass(frozen=True)
class Row:
    en: str
    zh: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Board:
    uid: str
    en: str
    zh: str
    about: str
    rows: tuple[Row, ...]
    variables: tuple[str, ...] = field(default=("database", "department", "purpose"))


def q(expr: str, legend: str) -> Query:
    return Query(" ".join(expr.split()), legend)


_VARIABLES = {
    "database": ("Database 数据库", "label_values(menshen_connections, database)"),
    "department": ("Department 部门", "label_values(menshen_department_statements_total, department)"),
    "purpose": (
        "Purpose 目的",
        'label_values(menshen_department_statements_total{department=~"$department"}, purpose)',
    ),
}


def build(board: Board) -> str:
    """The board as Grafana's JSON. Raises ValueError where a panel lacks something."""
    made = (
        dashboard.Dashboard(f"{board.en} / {board.zh}")
        .uid(board.uid)
        .description(board.about)
        .tags(["menshen"])
        .refresh("10s")
        .time("now-3h", "now")
        .timezone("browser")
        .tooltip(shapes.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    for name in board.variables:
        made = made.with_variable(_variable(name))
    link = dashboard.DashboardLink("Menshen 门神").type(shapes.DashboardLinkType.DASHBOARDS)
    made = made.link(link.tags(["menshen"]).as_dropdown(True).include_vars(True).keep_time(True))
    number, top = 1, 0
    for row in board.rows:
        position = shapes.GridPos(h=1, w=WIDTH, x=0, y=top)
        made = made.with_row(dashboard.Row(f"{row.en} / {row.zh}").id(number).grid_pos(position))
        number, top, left = number + 1, top + 1, 0
        height = max(panel.height for panel in row.panels)
        for panel in row.panels:
            if left + panel.width > WIDTH:
                left, top = 0, top + height
            place = shapes.GridPos(h=panel.height, w=panel.width, x=left, y=top)
            made = made.with_panel(_panel(panel).id(number).grid_pos(place))
            number, left = number + 1, left + panel.width
        top += height
    return json.dumps(json.loads(JSONEncoder(sort_keys=True).encode(made.build())), indent=1, ensure_ascii=False) + "\n"


def _variable(name: str) -> dashboard.QueryVariable:
    label, query = _VARIABLES[name]
    made = dashboard.QueryVariable(name).label(label).query(query).datasource(SOURCE)
    made = made.refresh(shapes.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(shapes.VariableSort.ALPHABETICAL_ASC)
    everything = shapes.VariableOption(text="All", value="$__all", selected=True)
    return made.multi(True).include_all(True).all_value(".*").current(everything)


def _panel(panel: Panel) -> Any:
    """A builder of the SDK: its kinds share their methods, but no type that says so."""
    for text in (panel.en, panel.zh, panel.about, panel.about_zh, *(each.legend for each in panel.queries)):
        if not text.strip():
            raise ValueError(f"panel {panel.en!r} lacks a title, a description or a legend")
    made = _KINDS[panel.kind](panel)
    made = made.title(f"{panel.en} / {panel.zh}").description(f"{panel.about}\n\n{panel.about_zh}")
    made = made.unit(panel.unit.value).datasource(SOURCE).thresholds(_thresholds(panel)).no_value("none 无").min(0)
    if panel.top is not None:
        made = made.max(panel.top)
    if panel.words:
        options = {value: shapes.ValueMappingResult(text=word) for value, word in panel.words}
        made = made.mappings([shapes.ValueMap(options=options)])
    for letter, each in zip("ABCDEFGH", panel.queries, strict=False):
        made = made.with_target(_target(each, letter, table=panel.kind in ("table", "number", "bars"), panel=panel))
    return made


def _target(each: Query, letter: str, *, table: bool, panel: Panel) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(each.expr).legend_format(each.legend).ref_id(letter).datasource(SOURCE)
    made = made.editor_mode(queries.QueryEditorMode.CODE)
    if not table:
        return made.range()
    made = made.instant()
    return made.format(queries.PromQueryFormat.TABLE) if panel.kind == "table" else made


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    steps = [shapes.Threshold(value=None, color="green")]
    if panel.bad is not None and panel.low:
        steps = [shapes.Threshold(value=None, color="red"), shapes.Threshold(value=panel.bad, color="green")]
    elif panel.bad is not None:
        if panel.bad > 1:
            steps.append(shapes.Threshold(value=panel.bad / 2, color="yellow"))
        steps.append(shapes.Threshold(value=panel.bad, color="red"))
    return dashboard.ThresholdsConfig().mode(shapes.ThresholdsMode.ABSOLUTE).steps(steps)


def _lines(panel: Panel, *, stacked: bool = False) -> timeseries.Panel:
    legend = common.VizLegendOptions().show_legend(True).placement(kinds.LegendPlacement.BOTTOM)
    legend = legend.display_mode(kinds.LegendDisplayMode.TABLE).calcs(["lastNotNull", "max"])
    tooltip = common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING)
    made = timeseries.Panel().legend(legend).tooltip(tooltip).line_width(1).fill_opacity(8)
    made = made.show_points(kinds.VisibilityMode.NEVER).span_nulls(False)
    if stacked:
        made = made.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL)).fill_opacity(40)
    return made


def _stacked(panel: Panel) -> timeseries.Panel:
    return _lines(panel, stacked=True)


def _number(panel: Panel) -> stat.Panel:
    made = stat.Panel().color_mode(kinds.BigValueColorMode.VALUE).graph_mode(kinds.BigValueGraphMode.NONE)
    several = len(panel.queries) > 1 or "{{" in panel.queries[0].legend
    mode = kinds.BigValueTextMode.VALUE_AND_NAME if several else kinds.BigValueTextMode.VALUE
    return made.text_mode(mode).reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))


def _bars(panel: Panel) -> bargauge.Panel:
    made = bargauge.Panel().orientation(kinds.VizOrientation.HORIZONTAL).show_unfilled(True)
    made = made.display_mode(kinds.BarGaugeDisplayMode.BASIC)
    return made.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))


def _table(panel: Panel) -> table.Panel:
    hidden = dict.fromkeys(("Time", "__name__", "job", *panel.hide), True)
    names = {"Value": panel.queries[0].legend}
    organize = shapes.DataTransformerConfig(
        id_val="organize", options={"excludeByName": hidden, "renameByName": names, "indexByName": {}}
    )
    sort = common.TableSortByFieldState().display_name(panel.queries[0].legend).desc(True)
    return table.Panel().with_transformation(organize).sort_by([sort]).show_header(True)


_KINDS: Mapping[str, Callable[[Panel], Any]] = {
    "lines": _lines,
    "stacked": _stacked,
    "number": _number,
    "bars": _bars,
    "table": _table,
}


def pages(boards: Sequence[Board]) -> dict[str, str]:
    """File name → JSON."""
    return {f"{board.uid}.json": build(board) for board in boards}
