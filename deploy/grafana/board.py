"""A whole dashboard: rows of panels, what can be chosen at its top, what is marked in time, and links to the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from deploy.grafana.panels import SOURCE, AnyPanel
from gateway.adapters import metrics_names as names
from gateway.adapters.metrics_shape import Metric

RUNBOOKS_AT: Final = "https://example.org/tiergate/deploy/runbooks"
"""Where the runbooks can be read, unless the generator is told where they really are."""
TAG: Final = "tiergate"
REFRESH: Final = "30s"
SHOWN_FROM: Final = "now-6h"
ANY: Final = ".*"
"""Also what has no such label: a request that came to no tier has an empty one."""
RELOADED: Final = (
    f'max by (snapshot) ({names.SNAPSHOT.name}{{instance=~"$instance"}})'
    f' unless max by (snapshot) (last_over_time({names.SNAPSHOT.name}{{instance=~"$instance"}}[10m] offset 1m))'
)
"""A policy that was not in force a minute ago, and not for ten minutes before that."""
REFUSED: Final = f'sum (increase({names.RELOADS.name}{{instance=~"$instance", result="refused"}}[1m])) > 0'


@dataclass(frozen=True, slots=True)
class Choice:
    """A label whose values can be chosen at the dashboard's top; `metric` has every one of them."""

    label: str
    metric: Metric
    title: str


INSTANCE: Final = Choice("instance", names.IN_FLIGHT, "Instance")
TIER: Final = Choice("tier", names.ATTEMPTS, "Tier")
ROUTE: Final = Choice("route", names.ROUTE_DIAL, "Route")
ALIAS: Final = Choice("alias", names.REQUESTS, "Model alias")
TENANT: Final = Choice("tenant", names.REQUESTS, "Tenant")


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading. Their widths fill lines of 24."""

    title: str
    panels: Sequence[AnyPanel]


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard. Its uid is the name of its file, and what links to it lead to."""

    uid: str
    title: str
    says: str
    choices: Sequence[Choice]
    rows: Sequence[Row]


def to_json(board: Board, runbooks_at: str = RUNBOOKS_AT) -> str:
    """Return the dashboard as Grafana reads it."""
    made = builders.Dashboard(f"Tiergate · {board.title}").uid(board.uid).description(board.says).tags([TAG])
    made = (
        made.timezone("browser").refresh(REFRESH).time(SHOWN_FROM, "now").tooltip(models.DashboardCursorSync.CROSSHAIR)
    )
    made = made.variables([_source(), _runbooks(runbooks_at), *map(_variable, (INSTANCE, *board.choices))])
    made = made.annotations(
        [
            _marked("New policy", RELOADED, "blue", "Policy {{snapshot}}"),
            _marked("Policy refused", REFUSED, "red", "Policy refused"),
        ]
    )
    others = builders.DashboardLink("Tiergate").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    made = made.link(others.include_vars(True).keep_time(True))
    number = 0
    for row in board.rows:
        number += 1
        made = made.with_row(builders.Row(row.title).id(number))
        for panel in row.panels:
            number += 1
            made = made.with_panel(panel.id(number))
    return JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(made.build()) + "\n"


def _source() -> builders.DatasourceVariable:
    return builders.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _runbooks(at: str) -> builders.ConstantVariable:
    return builders.ConstantVariable("runbooks").label("Runbooks").value(at)


def _variable(choice: Choice) -> builders.QueryVariable:
    suffix = {"histogram": "_count"}.get(choice.metric.kind.value, "")
    within = "" if choice is INSTANCE else '{instance=~"$instance"}'
    variable = builders.QueryVariable(choice.label).label(choice.title).datasource(SOURCE)
    variable = variable.query(f"label_values({choice.metric.name}{suffix}{within}, {choice.label})")
    variable = variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.ALPHABETICAL_ASC)
    everything = models.VariableOption(selected=True, text="All", value="$__all")
    return variable.include_all(True).all_value(ANY).multi(True).current(everything)


def _marked(name: str, expression: str, colour: str, says: str) -> "_Mark":
    return _Mark(
        models.AnnotationQuery(name=name, datasource=SOURCE, enable=True, expr=expression, icon_color=colour), says
    )


@dataclass(frozen=True, slots=True)
class _Mark(Builder[models.AnnotationQuery]):
    """Marks points in time by a query. The general schema lacks what Prometheus' queries have: the mark's own text."""

    query: models.AnnotationQuery
    says: str

    def build(self) -> models.AnnotationQuery:
        return _Titled(self.query, self.says)


class _Titled(models.AnnotationQuery):
    def __init__(self, query: models.AnnotationQuery, says: str) -> None:
        super().__init__(**vars(query))
        self._says = says

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), "titleFormat": self._says, "textFormat": "", "step": "60s"}
