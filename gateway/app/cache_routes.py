"""The routes about kept answers: a caller's report that one is wrong, and what operators ask on the machine itself."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.app.asgi import AsgiInbound
from gateway.app.events import LogEvent, marked
from gateway.app.local_only import only_from_here
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import TenantId
from gateway.domain.purge import ReportOutcome, Selection
from gateway.pipeline.admit import identify
from gateway.pipeline.explain_cache import explain_cache, partition_of, unknown_name
from gateway.pipeline.report import CacheReports, cache_unavailable
from gateway.pipeline.world import World
from gateway.ports import StoreUnavailable
from gateway.wire.cache_json import (
    REPORT_BYTES_MAX,
    read_purge,
    read_question,
    read_report,
    tally_document,
    write_report,
)
from gateway.wire.headers import check_content_headers

log = logging.getLogger("tiergate")

_JSON = "application/json"
_ORDER_BYTES_MAX = 4 * 1024
_QUESTION_MORE_BYTES = 4 * 1024
"""What stands around a request of which is asked whether it would be given a kept answer."""


Figures: TypeAlias = Callable[[], Sequence[dict[str, Any]]]
"""Tells what the cache gave and saved since the start, by tenant and route."""


def cache_routes(world: World, reports: CacheReports, figures: Figures, unreached: int = 0) -> list[BaseRoute]:
    """Build them. `unreached` is how many workers beside this one have a cache that is none of its store."""
    routes = _CacheRoutes(world, reports, figures, unreached)
    return [
        Route("/v1/cache/report", routes.report, methods=["POST"]),
        Route("/admin/cache/stats", routes.stats, methods=["GET"]),
        Route("/admin/cache/purge", routes.purge, methods=["POST"]),
        Route("/admin/cache/explain", routes.explain, methods=["POST"]),
    ]


class _CacheRoutes:
    def __init__(self, world: World, reports: CacheReports, figures: Figures, unreached: int) -> None:
        self._world = world
        self._reports = reports
        self._figures = figures
        self._unreached = unreached

    async def report(self, request: Request) -> Response:
        """Take a caller's word that a kept answer is wrong."""
        key = identify(request.headers.raw, self._world.policy.snapshot)
        try:
            report = read_report(await self._body(request, REPORT_BYTES_MAX, "A report"))
        except GatewayError:
            self._reports.counts[ReportOutcome.INVALID] += 1
            raise
        entry, outcome = await self._reports.take(key, report)
        facts = marked(LogEvent.CACHE_REPORTED, tenant=key.tenant.id, entry=entry)
        said = (key.tenant.id, entry, outcome, report.reason)
        log.info("tenant %s reported the kept answer %s (%s): %r", *said, extra=facts)
        return Response(write_report(entry, outcome), media_type=_JSON)

    async def stats(self, request: Request) -> Response:
        """Tell what the cache gave, saved and holds; of a tenant, if one is named, what lies in the store, too."""
        only_from_here(request)
        tenant = request.query_params.get("tenant")
        held = {"store": self._world.cache.stats(), "semantic": self._world.semantic.index.stats()}
        document: dict[str, Any] = {"object": "cache.stats", **held}
        rows = self._figures()
        if tenant is not None:
            partition = partition_of(self._world.policy.snapshot, TenantId(tenant))
            try:
                document["held"] = tally_document(await self._world.cache.count(Selection(partition)))
            except StoreUnavailable as error:
                raise cache_unavailable() from error
            rows = [row for row in rows if row["tenant"] == tenant]
        return Response(msgspec.json.encode({**document, "rows": rows}), media_type=_JSON)

    async def purge(self, request: Request) -> Response:
        """Purge what an operator names, for every worker that shares the store; or only count it."""
        only_from_here(request)
        world, snapshot = self._world, self._world.policy.snapshot
        order = read_purge(await self._body(request, _ORDER_BYTES_MAX, "A purge"), world.clock.wall_s())
        partition_of(snapshot, order.selection.tenant)
        if order.selection.route is not None and order.selection.route not in snapshot.routes:
            raise unknown_name("route", order.selection.route, snapshot.routes)
        try:
            found = await (world.cache.count if order.is_dry_run else world.cache.purge)(order.selection)
        except StoreUnavailable as error:
            raise cache_unavailable() from error
        if not order.is_dry_run:
            facts = marked(LogEvent.CACHE_PURGED, tenant=order.selection.tenant, count=found.entries)
            log.info("purged of the cache: %s; %d kept answers were found", order.selection, found.entries, extra=facts)
        told = {"object": "cache.purge", "dry_run": order.is_dry_run, **tally_document(found)}
        if self._unreached:
            told["unreached_workers"] = self._unreached
        return Response(msgspec.json.encode(told), media_type=_JSON)

    async def explain(self, request: Request) -> Response:
        """Tell whether a request would be given a kept answer, and why not."""
        only_from_here(request)
        limit = self._world.policy.snapshot.limits.body_bytes + _QUESTION_MORE_BYTES
        question = read_question(await self._body(request, limit, "The request asked about"))
        told = msgspec.to_builtins(await explain_cache(question, self._world))
        return Response(msgspec.json.encode({"object": "cache.explanation", **told}), media_type=_JSON)

    async def _body(self, request: Request, limit_bytes: int, what: str) -> bytes:
        check_content_headers(request.headers.raw)
        inbound = AsgiInbound(request.scope, request.receive)
        try:
            return await inbound.read_body(limit_bytes, self._world.policy.snapshot.limits.body_timeout_s)
        except GatewayError as error:
            if error.code is ErrorCode.BODY_TOO_LARGE:
                message = f"{what} may have at most {limit_bytes} bytes."
                raise GatewayError(ErrorCode.BODY_TOO_LARGE, message) from error
            raise
