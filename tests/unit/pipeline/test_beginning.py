"""How a prompt begins, and which servers have computed that, through a whole gateway.

Chance favours the first server wherever the two are alike, so what goes to the second goes there for a reason.
"""

from typing import Any

from gateway.core.endpoint_state import EndpointState
from gateway.core.prefix_chain import BLOCK_BYTES
from gateway.domain.ids import TierName
from gateway.domain.request import Operation
from gateway.pipeline.beginning import chosen_among, mark_of
from tests.support.behaviours import speaks
from tests.support.gateways import GUEST_KEY, TEAM_KEY, TWO_TIERS, Gateway, hosts
from tests.support.openai_bodies import Words
from tests.support.scripts import Script, SeenRequest, Unreachable

TENANTS = "tenants:\n  team: {keys: [env:SEARCH_KEY]}\n  guest: {keys: [env:BATCH_KEY]}\n"
FIRST, SECOND = "small-a:8000", "small-b:8000"
TURN = {"role": "user", "content": "And then?"}
ANSWER = {"role": "assistant", "content": "It went on."}
BLOCKS = 8


def document(number: int = 0, blocks: int = BLOCKS) -> dict[str, Any]:
    """Return a long message."""
    return {"role": "user", "content": f"{number} " + "word " * (blocks * BLOCK_BYTES // 5)}


def states(gateway: Gateway) -> list[EndpointState]:
    """Return the small tier's servers."""
    tier = gateway.policy.snapshot.tiers[TierName("small")]
    return [gateway.world.endpoints.state(endpoint) for endpoint in tier.endpoints]


async def ask(gateway: Gateway, *messages: dict[str, Any], key: bytes | None = None, busy: int = 0) -> str:
    """Ask while so many tokens wait at the first server, and return which server was sent it."""
    first = states(gateway)[0]
    first.pending_tokens, first.outstanding_tokens = busy, busy
    await gateway.ask({"model": "small", "messages": [*messages], "seed": len(hosts(gateway))}, key=key)
    first.pending_tokens, first.outstanding_tokens = 0, 0
    return hosts(gateway)[-1]


def expected_tokens(gateway: Gateway) -> int:
    """Return what the last answer's server was believed to have."""
    return gateway.receipt.attempts[-1].expected_cached_tokens


async def test_what_begins_alike_goes_where_that_was_computed_and_the_receipt_says_how_much_that_is() -> None:
    gateway = Gateway()
    assert await ask(gateway, document(), busy=9_000) == SECOND
    assert expected_tokens(gateway) == 0
    assert await ask(gateway, document(), ANSWER, TURN) == SECOND
    assert BLOCKS * BLOCK_BYTES / 4 < expected_tokens(gateway) < BLOCKS * BLOCK_BYTES / 3
    assert await ask(gateway, document(1)) == FIRST, "what begins otherwise goes anywhere"
    assert expected_tokens(gateway) == 0


async def test_short_prompts_tiers_of_one_server_and_embeddings_are_not_looked_into() -> None:
    gateway = Gateway()
    await ask(gateway, document(blocks=1))
    await gateway.ask({"model": "large", "messages": [document()]})
    body = {"model": "small", "input": document()["content"]}
    await gateway.ask(body, operation=Operation.EMBEDDINGS)
    assert len(gateway.world.prefixes) == 0


async def test_what_one_tenants_prompts_left_on_a_server_says_nothing_to_another() -> None:
    gateway = Gateway(TWO_TIERS + TENANTS)
    assert await ask(gateway, document(), key=TEAM_KEY, busy=9_000) == SECOND
    assert await ask(gateway, document(), key=GUEST_KEY) == FIRST
    assert expected_tokens(gateway) == 0
    assert await ask(gateway, document(), key=TEAM_KEY) == SECOND


async def test_a_short_conversation_goes_on_where_it_was() -> None:
    gateway = Gateway()
    assert await ask(gateway, TURN, busy=9_000) == SECOND
    assert await ask(gateway, TURN, ANSWER, TURN) == SECOND
    assert 0 < expected_tokens(gateway) <= 16


async def test_a_conversation_whose_history_was_cut_has_lost_what_was_computed() -> None:
    gateway = Gateway()
    gateway.network.plan.general = speaks(Words(model="answer", input_tokens=900))
    assert await ask(gateway, TURN, busy=9_000) == SECOND
    assert await ask(gateway, TURN, ANSWER, TURN) == FIRST
    assert expected_tokens(gateway) == 0


async def test_a_server_that_says_it_had_less_has_lost_what_it_was_sent_before() -> None:
    gateway = Gateway()
    for cached, told in ((0, False), (500, True), (0, True)):
        gateway.network.plan.general = speaks(Words(model="answer", input_tokens=1_000, cached_tokens=cached))
        assert await ask(gateway, document(7), busy=9_000) == SECOND
        assert states(gateway)[1].tells_cached is told
    assert await ask(gateway, document(), busy=9_000) == SECOND
    gateway.clock.advance(61.0)
    assert await ask(gateway, document(7), TURN, busy=9_000) == SECOND
    assert expected_tokens(gateway) > 1_000, "until now nothing was lost that was there for more than a minute"
    assert await ask(gateway, document()) == FIRST, "and with it what was used less recently"
    assert await ask(gateway, document(7), TURN) == SECOND, "but that it has computed anew"


async def test_what_a_server_says_of_a_prompt_without_blocks_changes_nothing() -> None:
    gateway = Gateway()
    gateway.network.plan.general = speaks(Words(model="answer", input_tokens=1_000, cached_tokens=500))
    await ask(gateway, document())
    before = len(gateway.world.prefixes)
    await ask(gateway, TURN)
    await gateway.ask({"model": "large", "messages": [document()]})
    assert (states(gateway)[0].tells_cached, len(gateway.world.prefixes)) == (True, before)


def test_workers_share_the_servers_that_they_choose_among() -> None:
    gateway = Gateway()
    tiers = gateway.policy.snapshot.tiers
    found = list(chosen_among(tiers.values(), gateway.world.endpoints))
    small = tiers[TierName("small")]
    assert [mark for mark, _ in found] == [mark_of(endpoint, small) for endpoint in small.endpoints]
    assert [state for _, state in found] == states(gateway), "and not the one server of a tier that has no other"


async def test_a_server_that_nobody_reaches_begins_anew() -> None:
    gateway = Gateway()
    assert await ask(gateway, document(), busy=9_000) == SECOND
    gateway.network.plan.general = _second_is_gone
    for _ in range(5):
        await ask(gateway, document(), busy=9_000)
    marks = [mark_of(state.endpoint, gateway.policy.snapshot.tiers[TierName("small")]) for state in states(gateway)]
    assert states(gateway)[1].breaker.is_open
    assert gateway.world.prefixes._bits.keys() == {marks[0]}


KEYED_TIERS = (TWO_TIERS + TENANTS).replace("context: 32k", "context: 32k\n    prompt_cache_key: true")


def sent_key(gateway: Gateway) -> str | None:
    """Return the key that the last server was sent."""
    key: str | None = gateway.network.requests[-1].json.get("prompt_cache_key")
    return key


async def test_prompts_of_a_tenant_that_begin_alike_are_sent_one_key_where_servers_take_it() -> None:
    gateway = Gateway(KEYED_TIERS)
    await ask(gateway, document(), key=TEAM_KEY)
    first = sent_key(gateway)
    assert first is not None
    await ask(gateway, document(), ANSWER, TURN, key=TEAM_KEY)
    assert sent_key(gateway) == first
    for other, key in ((document(1), TEAM_KEY), (document(), GUEST_KEY)):
        await ask(gateway, other, key=key)
        assert sent_key(gateway) not in (first, None)
    text = {"model": "small", "prompt": document()["content"]}
    await gateway.ask(text, key=TEAM_KEY, operation=Operation.COMPLETIONS)
    assert sent_key(gateway) not in (first, None)


async def test_short_prompts_other_tiers_and_clients_with_a_key_of_their_own_are_sent_none() -> None:
    gateway = Gateway(KEYED_TIERS)
    await ask(gateway, document(blocks=2), key=TEAM_KEY)
    assert sent_key(gateway) is None
    await gateway.ask({"model": "large", "messages": [document()]}, key=TEAM_KEY)
    assert sent_key(gateway) is None
    await gateway.ask({"model": "small", "messages": [document()], "prompt_cache_key": "mine"}, key=TEAM_KEY)
    assert sent_key(gateway) == "mine"


def _second_is_gone(request: SeenRequest) -> Script:
    is_second = dict(request.headers)[b"host"] == SECOND.encode()
    return Unreachable() if is_second else speaks()(request)


def test_a_servers_mark_is_of_its_address_and_model_and_not_of_its_place() -> None:
    gateway = Gateway()
    small, large = (gateway.policy.snapshot.tiers[TierName(name)] for name in ("small", "large"))
    one, two = small.endpoints
    assert mark_of(one, small) != mark_of(two, small)
    assert mark_of(one, small) != mark_of(one, large)
    assert len(mark_of(one, small)) == 6
