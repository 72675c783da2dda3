"""From bytes to a request, and from the model's name to a route or a tier."""

from gateway.domain.errors import ErrorCode
from gateway.domain.request import Operation
from tests.support.gateways import CHAT, GUEST_KEY, KEYED, TEAM_KEY, TWO_TIERS, Gateway, answer_of, error_of


async def test_an_unknown_model_is_told_with_the_known_ones() -> None:
    client = await Gateway().ask({**CHAT, "model": "gpt-9"})
    assert client.responder.status == 404
    assert error_of(client)["code"] == "model_not_found"
    assert "auto, small, large" in error_of(client)["message"]


async def test_a_model_that_the_key_may_not_use_looks_unknown() -> None:
    client = await Gateway(KEYED).ask({**CHAT, "model": "large"}, key=GUEST_KEY)
    assert client.responder.status == 404
    assert "large" not in error_of(client)["message"].split("Known:")[1]


async def test_a_caller_may_name_a_tier_only_where_the_key_allows_it() -> None:
    gateway = Gateway(KEYED)
    pin = ((b"x-tiergate-tier", b"large"),)
    allowed = await gateway.ask(CHAT, key=TEAM_KEY, headers=pin)
    assert allowed.responder.headers[b"x-tiergate-tier"] == b"large"
    refused = await gateway.ask(CHAT, key=GUEST_KEY, headers=pin)
    assert refused.responder.status == 403
    unknown = await gateway.ask(CHAT, key=TEAM_KEY, headers=((b"x-tiergate-tier", b"huge"),))
    assert unknown.responder.status == 400
    assert "small, large" in error_of(unknown)["message"]


async def test_an_embedding_goes_to_the_tier_its_alias_names_and_is_never_routed() -> None:
    gateway = Gateway()
    body = {"model": "small", "input": "some text"}
    client = await gateway.ask(body, operation=Operation.EMBEDDINGS)
    assert answer_of(client)["data"][0]["embedding"] == [0.25, -0.5, 0.125]
    assert gateway.network.requests[0].path == "/v1/embeddings"
    routed = await gateway.ask({**body, "model": "auto"}, operation=Operation.EMBEDDINGS)
    assert routed.responder.status == 400
    assert "small, large" in error_of(routed)["message"]


DECIDER = TWO_TIERS.replace("supports: [tools]", "supports: [tools, systemone, decisions]", 1)
SYSTEMONE = {"state": {"mail": "Now!"}, "questions": {"urgent": {"type": "noul", "instructions": "Is it urgent?"}}}


async def test_typed_questions_go_to_a_tier_that_answers_them_and_are_answered_from_the_cache_again() -> None:
    gateway = Gateway(DECIDER)
    for cache in (b"miss", b"exact"):
        client = await gateway.ask({"model": "auto", **SYSTEMONE}, operation=Operation.SYSTEMONE)
        assert answer_of(client)["answers"] == {"urgent": {"type": "noul", "noul": 0.97}}
        assert client.responder.headers[b"x-tiergate-cache"] == cache
    (asked,) = gateway.network.requests
    assert asked.path == "/v1/systemone"
    assert gateway.receipt.usage.input_tokens == 11


async def test_decisions_are_forwarded_too() -> None:
    gateway = Gateway(DECIDER)
    body = {"model": "auto", "input": "Now!", "questions": [{"type": "predicate", "instructions": "Is it urgent?"}]}
    client = await gateway.ask(body, operation=Operation.DECISIONS)
    assert answer_of(client)["answers"][0]["probability"] == 0.97
    assert gateway.network.requests[0].path == "/v1/decisions"


async def test_where_no_tier_answers_typed_questions_the_path_is_as_good_as_not_there() -> None:
    for model in ("auto", "large"):
        client = await Gateway().ask({"model": model, **SYSTEMONE}, operation=Operation.SYSTEMONE)
        assert client.responder.status == 404
        assert error_of(client)["code"] == ErrorCode.NOT_FOUND
        assert "name a model whose tier `supports` systemone" in error_of(client)["message"]


RERANK = {"model": "auto", "query": "whales", "documents": ["fish", {"text": "mammals"}], "top_n": 2}


async def test_documents_go_to_a_tier_that_puts_them_in_order_and_are_charged_by_their_tokens() -> None:
    gateway = Gateway(TWO_TIERS.replace("supports: [tools]", "supports: [tools, rerank]", 1))
    for cache in (b"miss", b"exact"):
        client = await gateway.ask(RERANK, operation=Operation.RERANK)
        assert [each["index"] for each in answer_of(client)["results"]] == [1, 0]
        assert client.responder.headers[b"x-tiergate-cache"] == cache
    (asked,) = gateway.network.requests
    assert (asked.path, asked.json) == ("/v1/rerank", {**RERANK, "model": "answer"})
    first, second = gateway.kept.receipts
    assert (first.usage.input_tokens, first.charge_usd_nano, first.tier) == (11, 11_000, "small")
    assert second.charge_usd_nano == 0


async def test_where_no_tier_puts_documents_in_order_the_path_is_as_good_as_not_there() -> None:
    client = await Gateway().ask(RERANK, operation=Operation.RERANK)
    assert (client.responder.status, error_of(client)["code"]) == (404, ErrorCode.NOT_FOUND)
    assert "name a model whose tier `supports` rerank" in error_of(client)["message"]


async def test_of_several_texts_each_has_the_window_to_itself() -> None:
    gateway = Gateway(TWO_TIERS.replace("supports: [tools]", "supports: [tools, rerank]", 1))
    # 20,000 tokens each, where the tier has room for 32,000.
    texts = ["x" * 72_000] * 4
    assert (await gateway.ask({**RERANK, "documents": texts}, operation=Operation.RERANK)).responder.status == 200
    body = {"model": "small", "input": texts}
    assert (await gateway.ask(body, operation=Operation.EMBEDDINGS)).responder.status == 200
    for longer in ({**RERANK, "query": "x" * 50_000, "documents": texts}, {**RERANK, "documents": ["x" * 120_000]}):
        client = await gateway.ask(longer, operation=Operation.RERANK)
        assert error_of(client)["code"] == ErrorCode.CONTEXT_LENGTH_EXCEEDED
    client = await gateway.ask({**body, "input": ["x", "x" * 120_000]}, operation=Operation.EMBEDDINGS)
    assert "for about 33334 of input" in error_of(client)["message"]


async def test_completions_are_served_too() -> None:
    gateway = Gateway()
    client = await gateway.ask({"model": "auto", "prompt": "Once"}, operation=Operation.COMPLETIONS)
    assert answer_of(client)["object"] == "text_completion"


async def test_a_body_that_is_no_request_is_refused_before_anything_is_asked() -> None:
    gateway = Gateway()
    client = await gateway.ask(b'{"model": "auto", "messages": ')
    assert client.responder.status == 400
    assert error_of(client)["code"] == ErrorCode.MALFORMED_BODY
    assert gateway.scorer.asked == 0
