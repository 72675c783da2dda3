"""Answers survive being streamed and put together, receipts being written and read, and no header is an error."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.ability import Ability, Score
from gateway.domain.decision import Decision, TierView
from gateway.domain.errors import GatewayError
from gateway.domain.ledger import EXACT_MAX
from gateway.domain.receipt import AttemptReport, Receipt, StageTimes
from gateway.domain.usage import TokenUsage
from gateway.wire.assemble import assemble
from gateway.wire.caller_limits import caller_limits
from gateway.wire.headers import RETRY_AFTER_S_MAX, check_content_headers, credential, retry_after_s
from gateway.wire.openai_response import AnswerMalformed, read_answer
from gateway.wire.problem import upstream_rejection
from gateway.wire.receipt_json import decode_receipt, encode_receipt
from gateway.wire.replay import replay_stream

TEXTS = st.text(st.characters(codec="utf-8"), max_size=10)
NUMBERS = st.integers(0, 2**40) | st.floats(allow_nan=False, allow_infinity=False)
CALLS = st.fixed_dictionaries(
    {
        "id": TEXTS,
        "type": st.just("function"),
        "function": st.fixed_dictionaries({"name": TEXTS, "arguments": TEXTS}),
    }
)
LOGPROBS = st.none() | st.fixed_dictionaries(
    {"content": st.lists(st.fixed_dictionaries({"token": TEXTS, "logprob": NUMBERS}), max_size=3), "refusal": st.none()}
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": TEXTS | st.none()},
    optional={
        "tool_calls": st.lists(CALLS, max_size=3),
        "refusal": TEXTS | st.none(),
        "reasoning_content": TEXTS | st.none(),
        "annotations": st.lists(st.dictionaries(TEXTS, TEXTS, max_size=2), max_size=2),
        "audio": st.none() | st.fixed_dictionaries({"id": TEXTS, "data": TEXTS, "expires_at": NUMBERS}),
    },
)
REASONS = st.sampled_from(["stop", "length", "tool_calls"])
COUNTS = st.integers(0, 10**6)
USAGES = st.fixed_dictionaries({"prompt_tokens": COUNTS, "completion_tokens": COUNTS, "total_tokens": COUNTS})


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    """Whole chats and completions."""
    is_chat = draw(st.booleans())
    choices = []
    for index in range(draw(st.integers(1, 3))):
        body = {"message": draw(MESSAGES)} if is_chat else {"text": draw(TEXTS)}
        choices.append({"index": index, **body, "logprobs": draw(LOGPROBS), "finish_reason": draw(REASONS)})
    return {
        "id": draw(TEXTS),
        "object": "chat.completion" if is_chat else "text_completion",
        "model": draw(TEXTS),
        "choices": choices,
        "usage": draw(USAGES),
        "system_fingerprint": draw(TEXTS | st.none()),
    }


@given(answers())
def test_an_answer_told_as_a_stream_and_put_together_is_the_same(answer: dict[str, Any]) -> None:
    assembled = assemble(replay_stream(json.dumps(answer).encode(), include_usage=True))
    assert assembled is not None
    assert json.loads(assembled) == answer


DELTAS = st.fixed_dictionaries({"content": TEXTS}) | st.fixed_dictionaries(
    {}, optional={"role": st.just("assistant"), "content": TEXTS | st.none(), "reasoning": TEXTS, "refusal": st.none()}
)


@given(st.lists(st.tuples(DELTAS, st.integers(0, 1), st.booleans()), max_size=8), st.booleans())
def test_chunks_read_by_their_text_alone_make_what_chunks_read_whole_do(
    deltas: list[tuple[dict[str, Any], int, bool]], is_spaced: bool
) -> None:
    """One stream is written plainly; the other with a letter of each name as an escape, so every chunk is decoded."""
    separators = (", ", ": ") if is_spaced else (",", ":")
    plain, escaped = [], []
    for delta, index, is_repeated in [*deltas, ({}, 0, False), ({}, 1, False)]:
        chunk = {"id": "c", "choices": [{"index": index, "delta": delta, "finish_reason": None}]}
        if not delta:
            chunk["choices"][0]["finish_reason"] = "stop"  # type: ignore[index]  # the list made above
        data = json.dumps(chunk, separators=separators, ensure_ascii=False)
        for _ in range(1 + is_repeated):
            plain.append(f"data: {data}\n\n")
            escaped.append("data: " + data.replace("content", "cont\\u0065nt") + "\n\n")
    one, other = (assemble("".join(stream).encode()) for stream in (plain, escaped))
    assert one is not None
    assert one == other


@given(st.binary(max_size=80) | answers().map(lambda answer: json.dumps(answer).encode()), st.binary(max_size=3))
def test_an_answer_is_read_or_malformed(body: bytes, damage: bytes) -> None:
    for candidate in (body, body[: len(body) // 2] + damage + body[len(body) // 2 + 1 :]):
        try:
            read_answer(candidate)
        except AnswerMalformed:
            continue


@given(st.integers(400, 499), st.binary(max_size=80))
def test_any_refusal_can_be_told(status: int, body: bytes) -> None:
    assert upstream_rejection(status, body).message


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                b"retry-after",
                b"Retry-After-Ms",
                b"x-ms-retry-after-ms",
                b"content-type",
                b"x-request-timeout",
                b"x-tiergate-deadline-ms",
                b"x-tiergate-max-cost-usd",
                b"authorization",
            ]
        ),
        st.binary(max_size=40) | st.from_regex(rb"-?[0-9]{1,30}(\.[0-9]{1,9})?", fullmatch=True),
    ),
    max_size=4,
)


@given(HEADERS, st.floats(0, 4e9))
@example([(b"retry-after", b"Mon, 99 Jan 0000 99:99:99 GMT")], 0.0)
@example([(b"retry-after", b"1 1 1 1:1:1 +999999999999")], 0.0)
@example([(b"retry-after", b"Sat, 01 Jan 0001 00:00:00 +2359")], 0.0)
def test_headers_of_any_kind_are_read_or_refused(headers: list[tuple[bytes, bytes]], wall_s: float) -> None:
    wait_s = retry_after_s(headers, wall_s)
    assert wait_s is None or 0.0 <= wait_s <= RETRY_AFTER_S_MAX
    credential(headers)
    try:
        check_content_headers(headers)
        limits = caller_limits(headers, 300.0)
    except GatewayError:
        return
    assert limits.deadline_s is None or 0.0 < limits.deadline_s <= 300.0
    assert limits.cost_usd_nano is None or 0 <= limits.cost_usd_nano <= EXACT_MAX


REALS = st.floats(allow_nan=False, allow_infinity=False)
SCORES = st.builds(Score, st.lists(REALS, max_size=2).map(tuple), st.floats(0, 1), TEXTS)


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    """Decisions whose abilities fit their score, as the tier views' intervals need."""
    score = draw(SCORES)
    ability = Ability("r", draw(st.floats(-9, 9)), tuple(0.1 for _ in score.latent), draw(st.floats(0, 2)), 0.5, ("t",))
    views = st.builds(TierView, ability=st.just(ability), score=st.just(score), p=REALS, value=st.none() | REALS)
    return draw(st.builds(Decision, score=st.just(score), views=st.lists(views, max_size=2).map(tuple), dial=REALS))


USAGE = st.builds(TokenUsage, st.integers(5, 99), st.integers(5, 99), st.integers(0, 5), st.integers(0, 5))
MOMENTS = st.none() | REALS
ATTEMPTS = st.builds(AttemptReport, started_ms=REALS, ended_ms=REALS, headers_ms=MOMENTS, first_content_ms=MOMENTS)
RECEIPTS = st.builds(
    Receipt,
    received_at_s=REALS,
    external_ms=REALS,
    decision=st.none() | decisions(),
    attempts=st.lists(ATTEMPTS, max_size=2).map(tuple),
    usage=USAGE,
    times=st.builds(StageTimes, admit_ms=st.none() | REALS, end_ms=REALS),
    charge_usd_nano=st.integers(0, 2**53),
    baseline_usd_nano=st.integers(0, 2**53),
)


@given(RECEIPTS)
def test_a_receipt_written_and_read_is_the_same(receipt: Receipt) -> None:
    assert decode_receipt(encode_receipt(receipt)) == receipt


@given(RECEIPTS)
def test_a_receipt_states_money_exactly_and_readably(receipt: Receipt) -> None:
    written = json.loads(encode_receipt(receipt))
    assert written["object"] == "receipt"
    assert written["charge_usd_nano"] == receipt.charge_usd_nano
    assert float(written["charge_usd"]) == pytest.approx(receipt.charge_usd_nano / 1e9)
    assert written["saved_usd_nano"] == receipt.baseline_usd_nano - receipt.charge_usd_nano


@given(st.binary(max_size=40))
@example(b"[" * 9999)
def test_what_is_no_receipt_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match="receipt"):
        decode_receipt(raw)
