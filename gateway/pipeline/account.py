"""Stage 8, account: what it cost. Runs for every request that held money, however it ended, after its last byte."""

from gateway.core.accounting import baseline_usd_nano, settlement_of, void_of
from gateway.domain.usage import NO_USAGE
from gateway.pipeline.journey import Relayed, Trail
from gateway.pipeline.world import World


def price(trail: Trail, relayed: Relayed) -> None:
    """Note usage, charge and baseline of an answer. The header and the ledger get the same figure from here."""
    trail.usage = relayed.usage
    trail.charge_usd_nano = sum([attempt.charge_usd_nano for attempt in relayed.attempts])
    assert trail.decided is not None, "what was relayed was decided before"
    trail.baseline_usd_nano = baseline_usd_nano(trail.decided.strongest, relayed.usage)


async def account(trail: Trail, world: World) -> None:
    """Settle the hold with the exact charge, or void it. The ledger retries by itself what it cannot post now."""
    hold = trail.arrival.hold
    assert hold is not None, "asked only where something was held"
    relayed = trail.relayed
    is_used = relayed is not None and relayed.billed is not NO_USAGE
    settlement = settlement_of(hold, relayed.billed, trail.charge_usd_nano) if relayed and is_used else void_of(hold)
    await world.ledger.settle(settlement)
