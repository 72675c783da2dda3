"""A report that a kept answer is wrong: nobody of the tenant is given it again, and nobody else notices."""

from dataclasses import replace

import pytest

from gateway.adapters.memory_cache import MemoryCache
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.identity import ExactKey
from gateway.domain.ids import RequestId
from gateway.domain.purge import ReportOutcome
from gateway.pipeline.report import CacheReports
from gateway.policy.snapshot import VirtualKey
from gateway.policy.tenants import key_digest
from gateway.ports import StoreUnavailable
from gateway.wire.cache_json import Report
from tests.support.gateways import CHAT, GUEST_KEY, KEYED, TEAM_KEY, Gateway
from tests.support.semantic import Semantic


def key_of(gateway: Gateway, secret: bytes) -> VirtualKey:
    return gateway.policy.snapshot.keys[key_digest(secret.decode())]


async def kept(gateway: Gateway, key: bytes = TEAM_KEY) -> str:
    """Have an answer kept, and return its name."""
    await gateway.ask(CHAT, key=key)
    entry = gateway.receipt.cache_entry
    assert entry is not None
    return entry


@pytest.mark.parametrize("by", ["entry", "request"])
async def test_a_reported_answer_is_given_to_nobody_again(by: str) -> None:
    gateway = Gateway(KEYED)
    reports, team = CacheReports(gateway.world), key_of(gateway, TEAM_KEY)
    entry = await kept(gateway)
    report = Report(entry, None, "") if by == "entry" else Report(None, gateway.receipt.request_id, "wrong")
    assert await reports.take(team, report) == (entry, ReportOutcome.ACCEPTED)
    assert await reports.take(team, report) == (entry, ReportOutcome.REPEATED)
    client = await gateway.ask(CHAT, key=TEAM_KEY)
    assert client.responder.headers[b"x-tiergate-cache"] == b"miss"
    # The new answer lies under the same name, and may be wrong as well.
    assert await reports.take(team, Report(entry, None, "")) == (entry, ReportOutcome.ACCEPTED)
    assert reports.counts == {ReportOutcome.ACCEPTED: 2, ReportOutcome.REPEATED: 1}


async def test_a_hit_may_be_reported_by_its_request() -> None:
    gateway = Gateway(KEYED)
    entry = await kept(gateway)
    await gateway.ask(CHAT, key=TEAM_KEY)
    report = Report(None, gateway.receipt.request_id, "")
    told = await CacheReports(gateway.world).take(key_of(gateway, TEAM_KEY), report)
    assert told == (entry, ReportOutcome.ACCEPTED)


async def test_nobody_reports_an_answer_of_another_tenant() -> None:
    gateway = Gateway(KEYED)
    reports, guest = CacheReports(gateway.world), key_of(gateway, GUEST_KEY)
    entry = await kept(gateway)
    for report in (Report(entry, None, ""), Report(None, gateway.receipt.request_id, ""), Report("f" * 64, None, "")):
        with pytest.raises(GatewayError) as refused:
            await reports.take(guest, report)
        assert refused.value.code is ErrorCode.NOT_FOUND
    assert reports.counts == {ReportOutcome.UNKNOWN: 3}
    assert (await gateway.ask(CHAT, key=TEAM_KEY)).responder.headers[b"x-tiergate-cache"] == b"exact"


async def test_an_answer_that_is_not_kept_cannot_be_reported() -> None:
    gateway = Gateway(KEYED)
    await gateway.ask(CHAT, key=TEAM_KEY, headers=((b"cache-control", b"no-store"),))
    with pytest.raises(GatewayError, match="is not kept") as refused:
        await CacheReports(gateway.world).take(
            key_of(gateway, TEAM_KEY), Report(None, RequestId(gateway.receipt.request_id), "")
        )
    assert refused.value.code is ErrorCode.INVALID_VALUE


class SilentCache(MemoryCache):
    """A shared store that is away."""

    async def get(self, key: ExactKey) -> None:
        """Know of nothing."""

    async def was_purged(self, key: ExactKey) -> bool:
        """Not know."""
        raise StoreUnavailable


async def test_a_store_that_does_not_answer_is_told() -> None:
    gateway = Gateway(KEYED)
    entry = await kept(gateway)
    world = replace(gateway.world, cache=SilentCache(gateway.clock))
    reports = CacheReports(world)
    with pytest.raises(GatewayError) as refused:
        await reports.take(key_of(gateway, TEAM_KEY), Report(entry, None, ""))
    assert (refused.value.code, refused.value.retry_after_s) == (ErrorCode.CACHE_UNAVAILABLE, 1.0)
    assert reports.counts == {ReportOutcome.UNAVAILABLE: 1}


async def test_a_reported_answer_to_other_words_counts_once_as_wrong_and_its_question_is_forgotten() -> None:
    semantic, first, again = Semantic(), "What is the capital of France?", "Which city is the capital of France?"
    semantic.verifier.tell(first, again, 1.0)
    policy = KEYED.replace("cache: {exact: 1h,", "cache: {exact: 1h, semantic: {shadow: 0.1%},")
    gateway = Gateway(policy, semantic=semantic.parts, clock=semantic.clock)
    for question in (first, again):
        await gateway.ask({"model": "auto", "messages": [{"role": "user", "content": question}]}, key=TEAM_KEY)
    assert gateway.receipt.cache == "semantic"
    reports, report = CacheReports(gateway.world), Report(None, gateway.receipt.request_id, "")
    for outcome in (ReportOutcome.ACCEPTED, ReportOutcome.REPEATED):
        assert (await reports.take(key_of(gateway, TEAM_KEY), report))[1] is outcome
    assert (semantic.proofs.right, semantic.proofs.wrong) == (0, 1)
    assert semantic.index.stats()["entries"] == 0
