"""Mixed operations of many tenants, who ask the same questions in scopes of the same names, on one index of questions.

Each kept question names its tenant, its scope and a number that rises, so that one which comes back proves whose it is.
Nobody ever finds one of another tenant, or of another scope, however near it lies: all of them lie in the same places.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from gateway.domain.ids import TenantId
from gateway.domain.semantic import SemanticEntry, SemanticScope
from gateway.ports_semantic import SemanticIndex
from tests.isolation.fuzz import Fuzz, Verdict, play_all
from tests.support.redis_server import PATIENT_S

_SCOPES: Final = 4
_WIDTH: Final = 16
_COUNT: Final = 4
_TTL_S: Final = 600.0
_WEIGHTS: Final = {"ask": 900, "ask elsewhere": 70, "forget": 30}


class IndexPlayer:
    """Plays a fuzz on the indexes of several workers."""

    def __init__(
        self,
        fuzz: Fuzz,
        indexes: Sequence[SemanticIndex],
        wall_s: Callable[[], float],
        on_done: Callable[[int], None],
    ) -> None:
        self._fuzz = fuzz
        self._indexes = indexes
        self._wall_s = wall_s
        self._on_done = on_done
        self._draws = Random(fuzz.seed)
        self._number = 0
        self._tenants = [TenantId(f"tenant-{number}") for number in range(fuzz.tenants)]
        self._vectors = [bytes(self._draws.randrange(256) for _ in range(_WIDTH)) for _ in range(fuzz.texts)]
        self.verdict = Verdict()

    async def play(self) -> Verdict:
        """Play to the end."""
        await play_all(self._fuzz, self._draws, _WEIGHTS, self._do, self.verdict, self._on_done)
        return self.verdict

    async def _do(self, name: str) -> None:
        text, index = self._draws.randrange(self._fuzz.texts), self._draws.choice(self._indexes)
        scope = SemanticScope(self._draws.choice(self._tenants), f"{self._draws.randrange(_SCOPES):064x}")
        match name:
            case "ask":
                await self._ask(index, scope, text)
            case "ask elsewhere":
                # A scope that its tenant keeps nothing in, but for which others' have the same name.
                await self._look(index, replace(scope, tenant=TenantId(f"{scope.tenant} again")), text)
            case _:
                index.forget(scope, f"{text:064x}")
        # An index in memory never waits; the others are to have their turn all the same.
        await asyncio.sleep(0)

    async def _ask(self, index: SemanticIndex, scope: SemanticScope, text: int) -> None:
        """Look for a question; keep it where none was found, as a request does that a model server answers."""
        if await self._look(index, scope, text):
            return
        self._number += 1
        told = f"{scope.tenant}|{scope.digest}|{self._number}"
        index.put(scope, SemanticEntry(f"{text:064x}", told, self._vectors[text], self._wall_s(), _TTL_S))

    async def _look(self, index: SemanticIndex, scope: SemanticScope, text: int) -> bool:
        """Tell whether the very question was found, and judge whatever was."""
        found = await index.nearest(scope, self._vectors[text], _COUNT, PATIENT_S)
        for each in found:
            if not each.entry.text.startswith(f"{scope.tenant}|{scope.digest}|"):
                self.verdict.leaks.append(f"{scope} was given {each.entry.text!r}")
        is_known = any(each.entry.answer == f"{text:064x}" for each in found)
        self.verdict.done["found"] += is_known
        return is_known
