"""Stage 8, account: what it cost. Runs for every request that held money, however it ended, after its last byte."""

from gateway.core.accounting import baseline_usd_nano, settlement_of
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
    """Settle the hold with the exact charge, or void it. The ledger retries by itself what it cannot post now.

    A kept answer is charged what its route asks for one, and its tokens, which no server was asked for, count for none.
    """
    hold = trail.arrival.hold
    assert hold is not None, "asked only where something was held"
    relayed = trail.relayed
    used = NO_USAGE if relayed is None else relayed.billed
    await world.ledger.settle(settlement_of(hold, used, trail.charge_usd_nano))
