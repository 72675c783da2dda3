"""Thousands of tokens at once, of several choices, in writes of any size: they go out as they were written."""

import pytest

from tests.support.behaviours import bursts
from tests.support.gateways import STREAM, Gateway
from tests.support.openai_bodies import interleaved_events

TOKENS = 2_000
"""Of each choice: a second of what the fastest servers write."""


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("choices", [2, 3, 4])
async def test_no_event_of_a_burst_is_reordered_merged_or_lost(choices: int, seed: int) -> None:
    gateway = Gateway()
    gateway.network.plan.general = bursts(TOKENS, seed=seed)
    client = await gateway.ask({**STREAM, "n": choices})
    written = interleaved_events("answer", choices, TOKENS, seed=seed)
    assert client.responder.body == b"".join(written)
    assert gateway.receipt.usage.output_tokens == choices * TOKENS
