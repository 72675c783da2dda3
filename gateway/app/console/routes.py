"""The console's routes. They answer by the admin listener alone, from what the worker keeps anyway."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.app.asgi import AsgiInbound
from gateway.app.console import now_view, playground
from gateway.app.console.diary import series
from gateway.app.console.markup import Markup, join, tag
from gateway.app.console.page import shell, status_line
from gateway.app.console.policy_view import policy_view
from gateway.app.console.receipt_view import receipt_view, receipts
from gateway.app.console.sources import Sources
from gateway.app.local_only import only_by
from gateway.domain.errors import ErrorCode, GatewayError

FORM_BYTES_MAX: Final = 256 * 1024
STATIC: Final = Path(__file__).with_name("static")
_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""On every answer. Nothing of it may be kept by a browser but the files, which are asked for by their digest."""
_LIVE: Final[Mapping[str, tuple[str, Callable[[Sources], Markup]]]] = {
    "status": ("p", status_line),
    "figures": ("dl", now_view.figures),
    "tiers": ("tbody", now_view.tiers),
    "endpoints": ("tbody", now_view.endpoints),
    "cache": ("tbody", now_view.cache),
    "proofs": ("tbody", now_view.proofs),
    "budgets": ("tbody", now_view.budgets),
    "receipts": ("tbody", lambda sources: receipts(sources.diary)),
}
"""What changes by itself: by the id of the part of the page, its element and what fills it."""


def console_routes(sources: Sources) -> list[BaseRoute]:
    """Build them."""
    console = _Console(sources)
    port = sources.place.admin_port
    endpoints = {
        "/": console.root,
        "/console": console.page,
        "/console/static/{name}": console.static,
        "/console/now": console.now,
        "/console/series": console.series,
        "/console/receipts/{request_id}": console.receipt,
        "/console/curve/{route}": console.curve,
        "/console/policy": console.policy,
    }
    asked = Route("/console/playground", only_by(port, console.playground), methods=["POST"])
    return [*(Route(path, only_by(port, endpoint), methods=["GET"]) for path, endpoint in endpoints.items()), asked]


class _Console:
    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._files = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in _TYPES}
        versions = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in self._files.items()}
        self._paths = {name: f"/console/static/{name}?{version}" for name, version in versions.items()}
        self._curves: dict[tuple[str, str], bytes] = {}

    async def root(self, request: Request) -> Response:
        return RedirectResponse("/console", headers=HEADERS)

    async def page(self, request: Request) -> Response:
        return _html(shell(self._sources, self._paths, request.url.hostname or ""))

    async def static(self, request: Request) -> Response:
        """Answer one of the console's own files; a browser keeps it for as long as its digest is in its address."""
        name = request.path_params["name"]
        content = self._files.get(name)
        if content is None:
            raise GatewayError(ErrorCode.NOT_FOUND, "The console has no such file.")
        kept = {"cache-control": "public, max-age=31536000, immutable"} if request.url.query else {}
        return Response(content, headers={**HEADERS, **kept}, media_type=_TYPES[Path(name).suffix])

    async def now(self, request: Request) -> Response:
        """Write every part of the page that changes by itself, each with the id of where it goes."""
        self._sources.drain()
        return _html(join(_part(name, *part, self._sources) for name, part in _LIVE.items()))

    async def series(self, request: Request) -> Response:
        self._sources.drain()
        wall_s = self._sources.world.clock.wall_s()
        return _json(series(self._sources.diary, list(self._sources.policy.snapshot.tiers), wall_s))

    async def receipt(self, request: Request) -> Response:
        self._sources.drain()
        found = self._sources.diary.find(request.path_params["request_id"])
        if found is None:
            # Not a failure of the page: requests pass on while one reads.
            return _html(tag("p", "It is no longer among the last requests. Its receipt: tiergate explain --id …"))
        return _html(receipt_view(found))

    async def curve(self, request: Request) -> Response:
        """Answer what a route's dial does; computed once for each policy and route, off the event loop."""
        policy, name = self._sources.policy.snapshot, request.path_params["route"]
        known = self._curves.get((policy.id, name))
        if known is None:
            artefact = self._sources.model.artefact
            told = await asyncio.to_thread(playground.curve_document, name, policy, artefact)
            self._curves = {key: kept for key, kept in self._curves.items() if key[0] == policy.id}
            known = self._curves[policy.id, name] = msgspec.json.encode(told)
        return Response(known, headers=HEADERS, media_type="application/json")

    async def playground(self, request: Request) -> Response:
        """Say where a prompt would go."""
        limit_s = self._sources.policy.snapshot.limits.body_timeout_s
        body = await AsgiInbound(request.scope, request.receive).read_body(FORM_BYTES_MAX, limit_s)
        try:
            question = playground.question_of(_form(body))
        except GatewayError as refusal:
            return _html(playground.refused(refusal))
        snapshot, artefact = self._sources.policy.snapshot, self._sources.model.artefact
        return _html(await asyncio.to_thread(playground.told, question, snapshot, artefact))

    async def policy(self, request: Request) -> Response:
        return _html(policy_view(self._sources.policy))


def _part(name: str, element: str, write: Callable[[Sources], Markup], sources: Sources) -> Markup:
    """Write what takes the place of the content of the element of that id.

    Within a template, as a browser drops rows that stand outside of a table.
    """
    return tag("template", tag(element, write(sources), id=name, hx_swap_oob="innerHTML"))


def _html(content: Markup) -> Response:
    return Response(content, headers=HEADERS, media_type="text/html; charset=utf-8")


def _json(document: Mapping[str, Any]) -> Response:
    return Response(msgspec.json.encode(document), headers=HEADERS, media_type="application/json")


def _form(body: bytes) -> Mapping[str, str]:
    """Read a form as browsers send it. Raises GatewayError."""
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=16))
    except ValueError as error:
        raise GatewayError(ErrorCode.INVALID_VALUE, "This is not a form as a browser sends it.") from error
