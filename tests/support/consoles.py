"""A gateway in memory with its console, and ways to ask it as the page and as others would."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from starlette.routing import BaseRoute

from gateway.adapters.artefact import Artefact
from gateway.adapters.cache_figures import CacheFigures
from gateway.adapters.ledger_watch import ObservedLedger
from gateway.adapters.memory_ledger import MemoryLedger
from gateway.app.console.diary import Diary
from gateway.app.console.routes import console_routes
from gateway.app.console.sources import Place, Sources
from gateway.app.door import create_app
from gateway.app.policy_in_force import PolicyInForce
from gateway.app.policy_reading import read_artefact
from gateway.pipeline.world import SemanticParts
from gateway.policy.problems import Problem
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.source import PolicySource
from gateway.ports import Scorer
from tests.support.clocks import ManualClock
from tests.support.gateways import KEYED, Gateway
from tests.unit.policy.worlds import compile_text

ADMIN_PORT, PORT = 8081, 8080
ARTEFACT: Artefact = read_artefact(None)


class Console:
    """One worker and its console. `ask` answers what a browser on this machine would get."""

    def __init__(
        self,
        policy: str = KEYED,
        *,
        place: Place | None = None,
        semantic: SemanticParts | None = None,
        scorer: Scorer | None = None,
        clock: ManualClock | None = None,
    ) -> None:
        self.ledger = ObservedLedger(MemoryLedger(clock or ManualClock()))
        self.gateway = Gateway(policy, ledger=self.ledger, semantic=semantic, scorer=scorer, clock=clock)
        self.policy = PolicyInForce(
            self.gateway.policy.snapshot, PolicySource("policies/p.yaml", policy), _compile, may_open=True
        )
        self.diary = Diary(self.gateway.clock.wall_s())
        self.cache = CacheFigures()
        self.sources = Sources(
            self.gateway.world,
            self.policy,
            _Model(),
            self.ledger,
            self.cache,
            self.diary,
            self._drain,
            place or Place(1, 1, ADMIN_PORT, PORT),
        )
        self.routes: list[BaseRoute] = console_routes(self.sources)

    async def ask(
        self,
        path: str,
        form: Mapping[str, str] | None = None,
        *,
        host: str = f"127.0.0.1:{ADMIN_PORT}",
        port: int = ADMIN_PORT,
        is_page: bool = True,
    ) -> httpx.Response:
        """Ask for a path, or send a form to it, by the listener on that port."""
        app = create_app(self.gateway.pipeline, self.routes)
        # httpx tells the application the address of its base URL as that of the listener.
        transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 50_000))
        given = {"host": host, **({"hx-request": "true"} if is_page else {})}
        async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{port}") as client:
            if form is None:
                return await client.get(path, headers=given)
            return await client.post(path, data=dict(form), headers=given)

    def _drain(self) -> None:
        for receipt in self.gateway.kept.receipts:
            self.diary.record(receipt)
            self.cache.record(receipt)
        self.gateway.kept.receipts.clear()


@dataclass(frozen=True, slots=True)
class _Model:
    artefact: Artefact = ARTEFACT


def _compile(source: PolicySource) -> PolicySnapshot | list[Problem]:
    return compile_text(source.content, source.name)
