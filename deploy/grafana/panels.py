"""The few kinds of panels that the dashboards are made of, each with everything that a reader of it needs.

Fields are those of Grafana's own schema (grafana-foundation-sdk), as no Grafana looks at what is made here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import bargauge, heatmap, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.builders import heatmap as heatmap_builders
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE: Final = dashboard.DataSourceRef(type_val="prometheus", uid="$datasource")
RUNBOOKS: Final = "${runbooks}"
"""A constant of every dashboard: where the runbooks can be read."""
GOOD, FAIR, BAD, PLAIN = "green", "orange", "red", "blue"
SECONDS, USD, SHARE, PER_SECOND, COUNT, TOKENS_PER_SECOND = "s", "currencyUSD", "percentunit", "reqps", "short", "cps"
STAT_HEIGHT, HEIGHT = 4, 8

Steps = Sequence[tuple[float | None, str]]
"""Where a colour begins; the first begins nowhere."""
PLAIN_STEPS: Final[Steps] = ((None, PLAIN),)
AnyPanel = (
    stat.Panel | timeseries.Panel | bargauge.Panel | heatmap.Panel | statetimeline.Panel | table.Panel
)  # what the functions below return
P = TypeVar("P", stat.Panel, timeseries.Panel, bargauge.Panel, heatmap.Panel, statetimeline.Panel, table.Panel)


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of Prometheus, and the name of each series that comes back."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """What every panel has: a title, what it says and what to do about it, a unit, colours, and perhaps a runbook."""

    title: str
    says: str
    unit: str
    width: int
    steps: Steps = PLAIN_STEPS
    runbook: str | None = None
    height: int = HEIGHT


def number(about: About, query: Query) -> stat.Panel:
    """One number, coloured by how well it is, with its course behind it."""
    reduced = common_builders.ReduceDataOptions().calcs(["lastNotNull"])
    panel = stat.Panel().graph_mode(common.BigValueGraphMode.AREA).color_mode(common.BigValueColorMode.VALUE)
    return _finish(panel.reduce_options(reduced), about, [query]).height(STAT_HEIGHT)


def lines(about: About, *queries: Query) -> timeseries.Panel:
    """Courses over time; a dashed line where a goal is."""
    panel = timeseries.Panel().line_width(1).fill_opacity(8).show_points(common.VisibilityMode.NEVER)
    if about.steps is not PLAIN_STEPS:
        dashed = common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds_style(dashed)
    return _finish(_read_together(panel), about, queries)


def layers(about: About, *queries: Query, of_the_whole: bool = False) -> timeseries.Panel:
    """Courses that add up, laid upon each other; as shares of their sum where `of_the_whole`."""
    mode = common.StackingMode.PERCENT if of_the_whole else common.StackingMode.NORMAL
    panel = timeseries.Panel().line_width(0).fill_opacity(70).show_points(common.VisibilityMode.NEVER)
    return _finish(_read_together(panel.stacking(common_builders.StackingConfig().mode(mode))), about, queries)


def bars(about: About, query: Query) -> bargauge.Panel:
    """The present value of each series, side by side."""
    reduced = common_builders.ReduceDataOptions().calcs(["lastNotNull"])
    panel = bargauge.Panel().orientation(common.VizOrientation.HORIZONTAL).reduce_options(reduced)
    return _finish(panel.display_mode(common.BarGaugeDisplayMode.GRADIENT), about, [query])


def heat(about: About, query: Query) -> heatmap.Panel:
    """How a histogram's observations lie over its buckets, over time."""
    # Each is set: where one is absent the schema's zero would be written, and with no steps all cells look alike.
    scheme = heatmap_builders.HeatmapColorOptions().mode(heatmap_models.HeatmapColorMode.SCHEME).scheme("Oranges")
    scheme = scheme.steps(64).exponent(0.5).fill("dark-orange")
    axis = heatmap_builders.YAxisConfig().unit(about.unit)
    panel = heatmap.Panel().calculate(False).color(scheme).y_axis(axis).cell_gap(1)
    finished = _finish(panel, replace(about, unit=COUNT), [])
    return finished.with_target(_target(query, "A").format(PromQueryFormat.HEATMAP))


def states(about: About, texts: dict[float, tuple[str, str]], query: Query) -> statetimeline.Panel:
    """What each series was, when: a coloured bar a series. `texts` has a word and a colour for each value."""
    words = {
        f"{value:g}": dashboard.ValueMappingResult(text=text, color=colour) for value, (text, colour) in texts.items()
    }
    panel = statetimeline.Panel().mappings([dashboard.ValueMap(options=words)]).show_value(common.VisibilityMode.NEVER)
    return _finish(panel, about, [query])


def rows(about: About, *queries: Query) -> table.Panel:
    """A table: what its queries say of the same labels, one column a query, named by its legend."""
    panel = table.Panel()
    for position, query in enumerate(queries):
        panel = panel.with_target(_target(query, _letter(position)).format(PromQueryFormat.TABLE).instant())
        title = dashboard.DynamicConfigValue(id_val="displayName", value=query.legend)
        panel = panel.override_by_name(f"Value #{_letter(position)}", [title])
    panel = panel.with_transformation(dashboard.DataTransformerConfig(id_val="merge", options={}))
    hidden = dashboard.DataTransformerConfig(id_val="organize", options={"excludeByName": {"Time": True}})
    return _finish(panel.with_transformation(hidden), about, [])


def _finish(panel: P, about: About, queries: Sequence[Query]) -> P:
    for position, query in enumerate(queries):
        panel = panel.with_target(_target(query, _letter(position)))
    if about.runbook is not None:
        link = dashboard_builders.DashboardLink("Runbook").type(dashboard.DashboardLinkType.LINK)
        panel = panel.links([link.url(f"{RUNBOOKS}/{about.runbook}.md").target_blank(True)])
    steps = [dashboard.Threshold(value=value, color=colour) for value, colour in about.steps]
    absolute = dashboard_builders.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps)
    panel = panel.title(about.title).description(about.says).unit(about.unit).thresholds(absolute)
    return panel.datasource(SOURCE).span(about.width).height(about.height)


def _read_together(panel: timeseries.Panel) -> timeseries.Panel:
    legend = common_builders.VizLegendOptions().show_legend(True).display_mode(common.LegendDisplayMode.TABLE)
    legend = legend.placement(common.LegendPlacement.BOTTOM).calcs(["lastNotNull", "max"])
    tip = common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
    return panel.legend(legend).tooltip(tip)


def _target(query: Query, letter: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id(letter).expr(query.expression).legend_format(query.legend)


def _letter(position: int) -> str:
    return chr(ord("A") + position)
