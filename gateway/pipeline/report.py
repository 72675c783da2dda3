"""What a caller's word that a kept answer is wrong does: nobody is given that answer again.

Where it was the answer to other words, and the report names the request, the two questions are held to differ.
"""

from collections import Counter

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.identity import ExactKey
from gateway.domain.purge import ReportOutcome, Selection
from gateway.domain.receipt import Receipt
from gateway.pipeline.lookup import cache_scope
from gateway.pipeline.semantic_proof import take_report
from gateway.pipeline.world import World
from gateway.policy.snapshot import VirtualKey
from gateway.ports import StoreUnavailable
from gateway.wire.cache_json import Report

_BACK_S = 1.0


class CacheReports:
    """Takes reports of wrong answers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.counts: Counter[ReportOutcome] = Counter()

    async def take(self, key: VirtualKey, report: Report) -> tuple[str, ReportOutcome]:
        """Purge the answer reported, and return its name and what became of the report.

        The same report again changes nothing. Raises GatewayError `not_found` for what this caller's partition does
        not hold and never lost to a report, `invalid_value` for a request whose answer is not kept, and
        `cache_unavailable`; then nobody knows whether it was purged.
        """
        try:
            entry, receipt = (report.entry, None) if report.entry else await self._entry_of(key, report)
            outcome = await self._purge(ExactKey(cache_scope(key, self._world.cache_master).tenant, entry))
        except StoreUnavailable as error:
            self.counts[ReportOutcome.UNAVAILABLE] += 1
            raise cache_unavailable() from error
        self.counts[outcome] += 1
        if outcome is ReportOutcome.UNKNOWN:
            message = f"There is no kept answer {entry!r}: it was never this tenant's, or it has expired."
            raise GatewayError(ErrorCode.NOT_FOUND, message)
        if outcome is ReportOutcome.ACCEPTED and receipt is not None:
            take_report(receipt, key, self._world)
        return entry, outcome

    async def _purge(self, key: ExactKey) -> ReportOutcome:
        cache = self._world.cache
        if await cache.get(key) is not None:
            await cache.purge(Selection(key.tenant, entry=key.digest))
            return ReportOutcome.ACCEPTED
        return ReportOutcome.REPEATED if await cache.was_purged(key) else ReportOutcome.UNKNOWN

    async def _entry_of(self, key: VirtualKey, report: Report) -> tuple[str, Receipt]:
        assert report.request_id is not None, "a report names an entry or a request"
        receipt = await self._world.receipts.get(key.tenant.id, report.request_id)
        if receipt is None:
            self.counts[ReportOutcome.UNKNOWN] += 1
            message = (
                f"There is no request {report.request_id[:80]!r}: it was never this tenant's, or it is older than the "
                "receipts kept (policy: receipts.keep)."
            )
            raise GatewayError(ErrorCode.NOT_FOUND, message)
        if receipt.cache_entry is None:
            self.counts[ReportOutcome.UNKNOWN] += 1
            message = (
                f"The answer to {report.request_id!r} is not kept (cache {receipt.cache}), so nobody will be given it "
                "again. Say what you think of it with POST /v1/feedback."
            )
            raise GatewayError(ErrorCode.INVALID_VALUE, message, param="request_id")
        return receipt.cache_entry, receipt


def cache_unavailable() -> GatewayError:
    """Say that a purge may have been heard of by nobody."""
    message = "What keeps answers does not answer, so nobody knows whether it was purged; ask again."
    return GatewayError(ErrorCode.CACHE_UNAVAILABLE, message, retry_after_s=_BACK_S)
