"""Whatever tenants ask at once of an index of questions, nobody finds another's; and the check can fail."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.adapters.memory_semantic import MemorySemanticIndex
from gateway.domain.ids import TenantId
from gateway.domain.semantic import Neighbour, SemanticEntry, SemanticScope
from tests.isolation.fuzz import Fuzz
from tests.isolation.index_fuzz import IndexPlayer
from tests.isolation.index_stores import INDEX_KINDS, SEARCHED, opened_indexes
from tests.isolation.stores import wall_s
from tests.support.clocks import ManualClock
from tests.support.search_server import NEEDS_SEARCH

SHORT = Fuzz(2_000, tenants=10, texts=10)


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=NEEDS_SEARCH if kind in SEARCHED else ()) for kind in INDEX_KINDS]
)
async def test_nobody_finds_a_question_of_another_tenant_or_scope(kind: str) -> None:
    async with opened_indexes(kind) as indexes:
        verdict = await IndexPlayer(SHORT, indexes, wall_s, lambda _: None).play()
    assert verdict.leaks == []
    assert verdict.done["found"] > 500, "the index was of use"
    assert min(verdict.done[name] for name in ("ask", "ask elsewhere", "forget")) > 0


class OneForAll(MemorySemanticIndex):
    """An index that forgets whose a question is."""

    async def nearest(self, scope: SemanticScope, vector: bytes, count: int, within_s: float) -> Sequence[Neighbour]:
        return await super().nearest(replace(scope, tenant=TenantId("")), vector, count, within_s)

    def put(self, scope: SemanticScope, entry: SemanticEntry) -> None:
        super().put(replace(scope, tenant=TenantId("")), entry)


class OneScope(MemorySemanticIndex):
    """An index that knows tenants, and not their scopes."""

    async def nearest(self, scope: SemanticScope, vector: bytes, count: int, within_s: float) -> Sequence[Neighbour]:
        return await super().nearest(replace(scope, digest=""), vector, count, within_s)

    def put(self, scope: SemanticScope, entry: SemanticEntry) -> None:
        super().put(replace(scope, digest=""), entry)


@pytest.mark.parametrize("kind", [OneForAll, OneScope])
async def test_an_index_that_mixes_scopes_up_is_found_out(kind: type[MemorySemanticIndex]) -> None:
    verdict = await IndexPlayer(SHORT, [kind(ManualClock(wall_s=wall_s()))], wall_s, lambda _: None).play()
    assert verdict.leaks
