"""What a scrape reads of the model servers."""

from dataclasses import replace

from gateway.adapters.metrics import Metrics
from gateway.adapters.metrics_endpoints import expose_endpoints
from gateway.adapters.metrics_shape import WORKER_LABEL
from gateway.core.breaker import Failure
from gateway.core.endpoint_state import STANDINGS
from gateway.core.picker import EndpointTable
from gateway.domain.load import ServerLoad
from tests.support.prometheus import read_series
from tests.unit.policy.worlds import GOOD, snapshot_of

SNAPSHOT = snapshot_of(GOOD)
TIER = next(iter(SNAPSHOT.tiers.values()))
FIRST = f'endpoint="{TIER.endpoints[0].id}"'


def _read(table: EndpointTable, now_s: float = 0.0) -> dict[str, float]:
    metrics = Metrics()
    expose_endpoints(metrics, lambda: SNAPSHOT, table, lambda: now_s)
    return read_series(metrics.render(), without=WORKER_LABEL)


def test_a_server_is_told_with_its_state_its_limit_and_what_is_under_way() -> None:
    table = EndpointTable()
    table.state(TIER.endpoints[0]).in_flight = 3
    told = _read(table)
    assert told[f"tiergate_endpoint_attempts_in_flight{{{FIRST}}}"] == 3
    assert told[f"tiergate_endpoint_available{{{FIRST}}}"] == 1
    assert told[f"tiergate_endpoint_limit{{{FIRST}}}"] == TIER.limits.in_flight
    assert told[f"tiergate_endpoint_slowness_ratio{{{FIRST}}}"] == 1.0
    states = {state: told[f'tiergate_endpoint_state{{{FIRST},state="{state}"}}'] for state in STANDINGS}
    assert [state for state, is_so in states.items() if is_so] == ["healthy"]
    assert told["tiergate_quarantined_requests{}"] == 0
    assert not [series for series in told if series.startswith("tiergate_endpoint_load")]


def test_what_has_not_happened_is_told_as_nothing_so_that_its_first_time_is_a_rise() -> None:
    told = _read(EndpointTable())
    for series in (
        *(f'tiergate_endpoint_ejections_total{{{FIRST},cause="{cause}"}}' for cause in Failure),
        *(f'tiergate_endpoint_probes_total{{{FIRST},result="{result}"}}' for result in ("answered", "failed")),
        f'tiergate_probe_cost_usd_total{{tier="{TIER.name}"}}',
    ):
        assert told[series] == 0


def test_a_server_that_was_given_up_is_told_with_the_cause() -> None:
    table = EndpointTable()
    servers = table.servers(TIER)
    servers.states[0].breaker.failed(Failure.CREDENTIALS, 0.0, 0.0, 0.5)
    servers.look(0.0)
    told = _read(table)
    assert told[f"tiergate_endpoint_available{{{FIRST}}}"] == 0
    assert told[f'tiergate_endpoint_state{{{FIRST},state="ejected"}}'] == 1
    assert told[f'tiergate_endpoint_ejections_total{{{FIRST},cause="credentials"}}'] == 1


def test_what_a_server_says_of_its_load_is_told_while_it_is_fresh() -> None:
    table = EndpointTable()
    state = table.state(TIER.endpoints[0])
    state.note_load(ServerLoad(5, 2, 0.75), 0.0)
    told = _read(table)
    kinds = {"running": 5, "waiting": 2, "kv_cache_ratio": 0.75}
    assert {kind: told[f'tiergate_endpoint_load{{{FIRST},kind="{kind}"}}'] for kind in kinds} == kinds
    state.note_load(replace(ServerLoad(5, 2, None), waiting=0), 0.0)
    assert f'tiergate_endpoint_load{{{FIRST},kind="kv_cache_ratio"}}' not in _read(table)
    assert not [series for series in _read(table, 60.0) if series.startswith("tiergate_endpoint_load")]


def test_what_probes_found_and_cost_is_told() -> None:
    table = EndpointTable()
    state = table.state(TIER.endpoints[0])
    state.probes.update(answered=3, failed=1)
    state.probes_usd_nano = 2_000_000_000
    told = _read(table)
    assert told[f'tiergate_endpoint_probes_total{{{FIRST},result="answered"}}'] == 3
    assert told[f'tiergate_endpoint_probes_total{{{FIRST},result="failed"}}'] == 1
    assert told[f'tiergate_probe_cost_usd_total{{tier="{TIER.name}"}}'] == 2.0
