import io
import json
from dataclasses import replace

import httpx
import pytest
from rich.console import Console

from gateway.app.cli_receipt import NoReceipt, fetch_receipt, print_receipt, read_receipt
from gateway.app.receipt_document import tell_receipt
from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.receipt import Receipt
from tests.support.receipt_samples import A_NEAR_MISS, a_receipt, an_attempt


def answering(status: int, content: bytes) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(status, content=content))


def told(receipt: Receipt) -> str:
    written = io.StringIO()
    print_receipt(Console(file=written, width=160, markup=False, highlight=False), receipt)
    return written.getvalue()


@pytest.mark.parametrize("url", ["http://gateway:8080", "http://gateway:8080/", "http://gateway:8080/v1"])
def test_a_receipt_is_asked_for_with_the_key(url: str) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=b"{}")

    assert fetch_receipt("req_1", url, "sk-mine", httpx.MockTransport(answer)) == b"{}"
    assert str(seen[0].url) == "http://gateway:8080/v1/receipts/req_1"
    assert seen[0].headers["authorization"] == "Bearer sk-mine"


@pytest.mark.parametrize(
    ("status", "content", "message"),
    [
        (404, b'{"error":{"message":"There is no receipt."}}', "says 404: There is no receipt."),
        (502, b"<html>Bad Gateway", "says 502: <html>Bad Gateway"),
        (500, b"", "says 500: nothing more"),
    ],
)
def test_a_refusal_is_told_in_the_gateways_words(status: int, content: bytes, message: str) -> None:
    with pytest.raises(NoReceipt, match=message):
        fetch_receipt("req_1", "http://gateway", None, answering(status, content))


def test_an_address_that_is_none_is_said_so() -> None:
    with pytest.raises(NoReceipt, match="Name another with --url"):
        fetch_receipt("req_1", "gateway:8080:x", None)


def test_a_receipt_reads_back_beside_the_document_that_it_came_as() -> None:
    told = tell_receipt(a_receipt())
    fetched = read_receipt(told)
    assert fetched.receipt == a_receipt()
    assert fetched.document == json.loads(told)


def test_what_is_no_receipt_is_said_so() -> None:
    with pytest.raises(NoReceipt, match="no Tiergate of this version"):
        read_receipt(b"[]")


def test_a_success_is_told_with_its_cost_and_its_decision() -> None:
    text = told(a_receipt(attempts=(an_attempt(1, failure=FailureKind.CONNECT), an_attempt(2, "large"))))
    assert "success_upstream, status 200" in text
    assert "chat/completions, model auto" in text
    assert "100 in (30 cached), 20 out (5 reasoning)" in text
    assert "$0.00012; the strongest able tier would have cost about $0.0012 (saved $0.00108, an estimate)" in text
    assert "90.2 ms, of which 0.25 ms in the gateway" in text or "90.3 ms, of which 0.25 ms in the gateway" in text
    assert "1 small" in text
    assert "connect" in text
    assert "best_value" in text


def test_a_refused_request_has_neither_attempts_nor_a_decision() -> None:
    text = told(
        a_receipt(
            outcome=Outcome.CLIENT_REJECTED,
            error=ErrorCode.MALFORMED_BODY,
            status=400,
            operation=None,
            alias=None,
            stream=True,
            tier=None,
            decision=None,
            attempts=(),
        )
    )
    assert "client_rejected, error malformed_body, status 400" in text
    assert "–, model –, stream" in text
    assert "chosen" not in text


def test_what_was_not_sent_is_told_once_a_tier() -> None:
    attempt = replace(an_attempt(), removed=("seed", "messages.content.thinking"))
    text = told(a_receipt(attempts=(attempt, attempt)))
    assert text.count("seed (small), messages.content.thinking (small): the servers do not take it") == 1
    assert "not sent" not in told(a_receipt())


def test_the_look_for_other_words_is_told() -> None:
    assert "0.930 is wanted" in told(a_receipt(semantic=A_NEAR_MISS))
