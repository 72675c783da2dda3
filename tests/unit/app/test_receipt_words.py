"""What became of a request, fact by fact."""

from dataclasses import replace

from gateway.app.receipt_words import BATCH_WORDS, attempt_cells, what_happened
from gateway.domain.batch import BatchEnding, BatchNote
from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.usage import TokenUsage
from tests.support.receipt_samples import a_receipt, an_attempt


def test_a_plain_answer_is_told_with_who_gave_it_and_what_it_cost() -> None:
    usage = TokenUsage(100, 20, cached_input_tokens=30, cache_write_tokens=40)
    written = dict(what_happened(a_receipt(usage=usage)))["tokens"]
    assert written == "100 in (30 cached, 40 written to a cache), 20 out (0 reasoning)"
    told = dict(what_happened(a_receipt()))
    assert told["answered by"] == "tier small, model small-model, cache miss"
    assert told["cost"].startswith("$0.00012; the strongest able tier would have cost about $0.0012 (saved $0.00108")
    assert told["time"] == "90.2 ms, of which 0.25 ms in the gateway"
    assert "waste" not in told


def test_what_it_did_not_come_to_is_a_dash() -> None:
    refused = a_receipt(
        outcome=Outcome.CLIENT_REJECTED,
        error=ErrorCode.INVALID_API_KEY,
        status=401,
        operation=None,
        alias=None,
        tier=None,
    )
    told = dict(what_happened(refused))
    assert told["outcome"] == "client_rejected, error invalid_api_key, status 401"
    assert told["asked"] == "–, model –"


def test_an_attempt_that_failed_says_of_what() -> None:
    assert attempt_cells(an_attempt(1, failure=FailureKind.TTFT)) == (
        "1 small",
        "small/0",
        "1.0",
        "–",
        "90.0",
        "–",
        "ttft",
    )


def test_a_batch_request_says_how_long_it_waited() -> None:
    receipt = replace(a_receipt(), batch=BatchNote(BatchEnding.EXPIRED, 480_000.0))
    assert dict(what_happened(receipt))["batch"] == "found no room in the time that it had; waited 480.0 s"
    assert set(BATCH_WORDS) == set(BatchEnding)
