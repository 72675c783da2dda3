"""Ledgers of every kind, opened alike, and what is said to them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.adapters.memory_ledger import MemoryLedger
from gateway.adapters.redis_ledger import RedisLedger, RedisLedgerSettings
from gateway.adapters.redis_turn import TurnClient
from gateway.domain.ids import RequestId, TenantId
from gateway.domain.ledger import Allowance, Hold, Settlement
from gateway.ports import Clock, Ledger
from tests.support.redis_server import PATIENT_S, MonotonicClock, RedisServer
from tests.support.redis_socket import SIMULATED
from tests.support.redis_stores import stores_on

AGES_S = 10**9
"""A window that no test outlives: it began in 2001 and turns in 2033."""

TENANT = TenantId("search")
LEDGERS = ["memory", "redis, one worker", "redis, two workers", f"{SIMULATED}, two workers"]
PATIENT = RedisLedgerSettings(hold_timeout_s=PATIENT_S, settle_timeout_s=PATIENT_S, rate_window_s=AGES_S)


class Workers:
    """What two workers see of one ledger; alone, one worker is both."""

    def __init__(self, *ledgers: Ledger) -> None:
        self._ledgers = ledgers
        self._turn = 0

    def one_of(self, number: int) -> Ledger:
        """Return the worker of that number, round and round."""
        return self._ledgers[number % len(self._ledgers)]

    @property
    def next(self) -> Ledger:
        """Return one worker after the other."""
        self._turn += 1
        return self.one_of(self._turn)


@asynccontextmanager
async def opened(kind: str, server: RedisServer, clock: Clock | None = None) -> AsyncIterator[Workers]:
    """Open an empty ledger of that kind."""
    if kind == "memory":
        memory = MemoryLedger(clock or MonotonicClock(), rate_window_s=AGES_S)
        yield Workers(memory)
        await memory.aclose()
        return

    def ledger_of(client: TurnClient) -> RedisLedger:
        return RedisLedger(client, clock=MonotonicClock(), chance=lambda: 0.5, settings=PATIENT)

    async with stores_on(kind, server, ledger_of, 1 if kind == "redis, one worker" else 2) as ledgers:
        yield Workers(*ledgers)


def an_allowance(
    *, budget: int | None = None, requests: int | None = None, tokens: int | None = None, window_s: int = AGES_S
) -> Allowance:
    """Build an allowance."""
    return Allowance(budget, window_s, requests, tokens)


def a_hold(
    name: str,
    allowance: Allowance,
    amount: int = 0,
    *,
    tokens: int = 0,
    tenant: TenantId = TENANT,
    expires_s: float = 3_600.0,
) -> Hold:
    """Build a hold."""
    return Hold(RequestId(name), tenant, allowance, amount, tokens, expires_s)


def a_settlement(hold: Hold, charge: int = 0, *, tokens: int = 0) -> Settlement:
    """Build the end of a hold."""
    return Settlement(hold, charge, tokens)
