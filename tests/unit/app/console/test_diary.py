"""What the console remembers of requests."""

from gateway.app.console.diary import RECEIPTS_KEPT, SLOT_S, SLOTS_KEPT, Diary, per_second, series
from gateway.domain.errors import ErrorCode
from gateway.domain.ids import RequestId, TierName
from gateway.domain.outcome import Outcome
from tests.support.receipt_samples import a_receipt

BEGAN_S = 1_800_000_000.0
HIT = Outcome.SUCCESS_CACHE_EXACT


def diary(*receipts: tuple[float, Outcome]) -> Diary:
    """Return a diary of requests that came so many seconds after its beginning."""
    kept = Diary(BEGAN_S)
    for number, (after_s, outcome) in enumerate(receipts):
        kept.record(a_receipt(request_id=RequestId(f"r-{number}"), received_at_s=BEGAN_S + after_s, outcome=outcome))
    return kept


def test_each_request_is_counted_once_by_where_its_answer_came_from() -> None:
    total = diary(
        (0.0, Outcome.SUCCESS_UPSTREAM), (0.0, HIT), (1.0, Outcome.SHED), (1.0, Outcome.CLIENT_GONE_DURING)
    ).total
    assert (total.by_tier, total.by_hit) == ({TierName("small"): 1}, {HIT: 1})
    assert total.unanswered == {Outcome.SHED: 1, Outcome.CLIENT_GONE_DURING: 1}
    assert (total.requests, total.answered) == (4, 2)
    assert (total.refused, total.failed) == (1, 1)


def test_a_batch_request_without_room_is_refused_and_no_failure() -> None:
    total = diary((0.0, Outcome.NO_SPARE_ROOM)).total
    assert (total.requests, total.answered, total.refused, total.failed) == (1, 0, 1, 0)


def test_money_is_summed_whatever_became_of_the_request() -> None:
    total = diary((0.0, Outcome.SUCCESS_UPSTREAM), (0.0, Outcome.STREAM_TRUNCATED)).total
    assert (total.charge_usd_nano, total.charge_by_tier) == (240_000, {TierName("small"): 240_000})
    assert total.saved_usd_nano == 2 * (1_200_000 - 120_000)


def test_a_request_that_nobody_answered_belongs_to_no_tier() -> None:
    kept = Diary(BEGAN_S)
    kept.record(a_receipt(tier=None, outcome=Outcome.CLIENT_REJECTED, error=ErrorCode.MALFORMED_BODY))
    assert kept.total.unanswered.total() == 1
    assert not kept.total.charge_by_tier


def test_the_last_receipts_are_found_by_their_id_and_older_ones_are_not() -> None:
    kept = diary(*[(0.0, HIT)] * (RECEIPTS_KEPT + 1))
    assert kept.find("r-0") is None
    found = kept.find("r-1")
    assert found is not None
    assert found.request_id == "r-1"


def test_quiet_times_are_slots_too_and_the_slot_under_way_is_none() -> None:
    kept = diary((0.0, HIT), (11.0, HIT), (11.5, Outcome.SUCCESS_UPSTREAM), (16.0, HIT))
    told = [(began_s - BEGAN_S, sums.requests) for began_s, sums in kept.last(3_600, BEGAN_S + 17.0)]
    assert told == [(0, 1), (5, 0), (10, 2)]


def test_a_clock_that_is_set_back_opens_no_slot_in_the_past() -> None:
    kept = diary((20.0, HIT), (3.0, HIT))
    assert [sums.requests for _, sums in kept.last(3_600, BEGAN_S + 25.0)] == [0, 0, 0, 0, 2]


def test_no_more_than_an_hour_is_kept() -> None:
    kept = diary(*[(SLOT_S * slot, HIT) for slot in range(SLOTS_KEPT + 5)])
    assert len(kept.last(10**9, BEGAN_S + SLOT_S * (SLOTS_KEPT + 5))) == SLOTS_KEPT


def test_the_rate_is_that_of_the_last_minute_or_since_the_start() -> None:
    kept = diary(*[(0.1, HIT)] * 10)
    assert per_second(kept, BEGAN_S) == 0.0
    assert per_second(kept, BEGAN_S + 10.0) == 1.0
    assert per_second(kept, BEGAN_S + 3_600.0) == 0.0


def test_the_series_have_one_value_a_slot_for_each_place() -> None:
    kept = diary((0.0, Outcome.SUCCESS_UPSTREAM), (0.0, HIT), (6.0, Outcome.SHED))
    told = series(kept, ["small", "large"], BEGAN_S + 10.0)
    assert told["at_s"] == [BEGAN_S, BEGAN_S + 5]
    assert told["tiers"] == [{"name": "small", "per_s": [0.2, 0.0]}, {"name": "large", "per_s": [0.0, 0.0]}]
    assert (told["cache_per_s"], told["failed_per_s"]) == ([0.2, 0.0], [0.0, 0.2])
    assert told["refused_per_s"] == [0.0, 0.0]
    assert told["charged_usd_per_min"] == [240_000 * 12 / 1e9, 120_000 * 12 / 1e9]
    assert len(told["strongest_usd_per_min"]) == 2
