"""What requests took and used, by the conventions."""

from gateway.adapters.genai_figures import INSTRUMENTS, GenAiFigures
from gateway.domain.errors import ErrorCode
from gateway.domain.ids import ModelAlias, RouteName
from gateway.domain.outcome import Outcome
from gateway.domain.receipt import Receipt, StageTimes
from gateway.domain.usage import NO_USAGE, TokenUsage
from tests.support.receipt_samples import a_receipt

ROUTED = {"route": RouteName("balanced")}
ASKED = ("chat", "auto", "small-model")


def counted(*receipts: Receipt) -> dict[str, dict[tuple[str, ...], tuple[int, float]]]:
    """Return count and sum of each series."""
    figures = GenAiFigures()
    for receipt in receipts:
        figures.record(receipt)
    return {
        instrument.name: {labels: (sum(counts), total) for labels, counts, total in series}
        for instrument, series in figures.copy()
    }


def test_a_request_is_counted_by_what_it_asked_for_and_who_answered() -> None:
    times = StageTimes(first_content_ms=40.0, end_ms=420.0)
    assert counted(a_receipt(**ROUTED, stream=True, usage=TokenUsage(100, 20), times=times)) == {
        "gen_ai.server.request.duration": {(*ASKED, ""): (1, 0.42)},
        "gen_ai.server.time_to_first_token": {ASKED: (1, 0.04)},
        "gen_ai.server.time_per_output_token": {ASKED: (1, 0.02)},
        "gen_ai.client.token.usage": {(*ASKED, "input"): (1, 100.0), (*ASKED, "output"): (1, 20.0)},
    }


def test_an_error_has_a_duration_and_its_type_and_no_client_makes_a_series() -> None:
    refused = a_receipt(
        alias=ModelAlias("whatever a stranger says"),
        outcome=Outcome.CLIENT_REJECTED,
        error=ErrorCode.MODEL_NOT_FOUND,
        served_model=None,
        usage=NO_USAGE,
        times=StageTimes(end_ms=1.0),
    )
    figures = counted(refused, a_receipt(operation=None))
    assert figures["gen_ai.server.request.duration"] == {("chat", "", "", "model_not_found"): (1, 0.001)}
    assert not figures["gen_ai.server.time_to_first_token"]
    assert not figures["gen_ai.client.token.usage"]


def test_a_whole_answer_has_no_time_between_tokens() -> None:
    assert not counted(a_receipt(**ROUTED))["gen_ai.server.time_per_output_token"]


def test_a_copy_stays_as_it_was() -> None:
    figures = GenAiFigures()
    figures.record(a_receipt(**ROUTED))
    before = figures.copy()
    figures.record(a_receipt(**ROUTED))
    assert sum(before[0][1][0][1]) == 1
    assert sum(figures.copy()[0][1][0][1]) == 2


def test_buckets_are_those_of_the_conventions() -> None:
    by_name = {instrument.name: instrument.bounds for instrument in INSTRUMENTS}
    assert by_name["gen_ai.client.token.usage"][:4] == (1.0, 4.0, 16.0, 64.0)
    assert by_name["gen_ai.client.token.usage"][-1] == 67_108_864.0
    assert by_name["gen_ai.server.request.duration"][-1] == 81.92
    assert all(list(bounds) == sorted(set(bounds)) for bounds in by_name.values())
