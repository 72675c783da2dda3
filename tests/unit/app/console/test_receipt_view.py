"""The last requests in a table, and one of them in plain words."""

import pytest

from gateway.app.console.diary import Diary
from gateway.app.console.receipt_view import SHOWN, receipt_view, receipts, story
from gateway.domain.errors import ErrorCode
from gateway.domain.ids import ModelAlias, RequestId
from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.receipt import Receipt, StageTimes
from tests.support.receipt_samples import a_receipt, an_attempt

HIT = a_receipt(outcome=Outcome.SUCCESS_CACHE_SEMANTIC, cache="semantic", attempts=(), cache_saved_usd_nano=120_000)
SECOND = a_receipt(attempts=(an_attempt(1, failure=FailureKind.TTFT), an_attempt(2, "large")))
REFUSED = a_receipt(
    outcome=Outcome.CLIENT_REJECTED,
    error=ErrorCode.INVALID_API_KEY,
    status=401,
    tenant=None,
    alias=None,
    tier=None,
    decision=None,
    attempts=(),
    times=StageTimes(),
)
LEFT = a_receipt(outcome=Outcome.CLIENT_GONE_DURING)
FAILED = a_receipt(outcome=Outcome.UPSTREAM_FAILED, error=ErrorCode.UPSTREAM_ERROR, status=502, tier=None)
EMBEDDING = a_receipt(decision=None)
SCORED = a_receipt(
    outcome=Outcome.SUCCESS_SCORED, alias=ModelAlias("tiergate/auto"), tier=None, decision=None, attempts=()
)


def row_of(receipt: Receipt) -> str:
    kept = Diary(0.0)
    kept.record(receipt)
    return receipts(kept)


@pytest.mark.parametrize(
    ("receipt", "state", "why"),
    [
        (a_receipt(), '"state good">small', "best value"),
        (SECOND, '"state fair">small', "best value, 2 attempts"),
        (HIT, '"state good">cache', "asked before, in other words"),
        (REFUSED, '"state fair">client rejected', "invalid api key"),
        (LEFT, '"state fair">client gone during', "best value"),
        (FAILED, '"state poor">upstream failed', "upstream error"),
        (EMBEDDING, '"state good">small', "<td>–</td>"),
        (SCORED, '"state good">scorer', "how hard it is"),
    ],
)
def test_a_row_says_where_a_request_went_and_why(receipt: Receipt, state: str, why: str) -> None:
    told = row_of(receipt)
    assert state in told
    assert why in told


def test_the_newest_come_first_and_only_some_are_shown() -> None:
    kept = Diary(0.0)
    for number in range(SHOWN + 1):
        kept.record(a_receipt(request_id=RequestId(f"r-{number}")))
    told = receipts(kept)
    assert told.count("<tr>") == SHOWN
    assert told.index(f"open-r-{SHOWN}") < told.index("open-r-15")
    assert "open-r-0" not in told


def test_without_requests_the_table_says_so() -> None:
    assert "No request yet." in receipts(Diary(0.0))


@pytest.mark.parametrize(
    ("receipt", "said"),
    [
        (
            a_receipt(),
            "search asked for auto. small answered: the largest p − λ·cost among the able tiers. It took 90 ms and "
            "cost $0.000120; the strongest able tier would have cost about $0.001200.",
        ),
        (SECOND, "It took 2 attempts. It took 90 ms"),
        (
            HIT,
            "It was asked before, in other words, so the kept answer was given within 90 ms, which spared $0.000120.",
        ),
        (
            REFUSED,
            "Somebody asked for no model that was read. That ended after 0.00 ms as client rejected, and was told "
            "invalid_api_key (status 401).",
        ),
        (LEFT, "That ended after 90 ms as client gone during."),
        (EMBEDDING, "small answered. It took"),
        (SCORED, "asked for tiergate/auto. How hard that is was told within 90 ms; no model server was asked"),
    ],
)
def test_a_receipt_is_a_story(receipt: Receipt, said: str) -> None:
    assert said in story(receipt)


def test_a_receipt_draws_its_attempts_in_time() -> None:
    told = receipt_view(SECOND)
    assert told.count('class="attempt"') == 1
    assert told.count('class="attempt failed"') == 1
    assert told.count('class="first"') == 1
    assert "0.25 ms of 90.2 ms were the gateway" in told
    assert '<td>1 small</td><td>small/0</td><td class="number">1.0</td>' in told
    assert "<td>nothing</td>" in told


def test_a_receipt_without_attempts_or_decision_has_the_facts_that_there_are() -> None:
    told = receipt_view(REFUSED)
    assert "Attempts" not in told
    assert "The decision" not in told
    assert "<dt>outcome</dt>" in told
