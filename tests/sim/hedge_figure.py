"""What hedging is worth: first contents while one call in a hundred stalls, and what second calls cost."""

from dataclasses import dataclass
from random import Random
from typing import Final

from msgspec.structs import replace

from tests.sim.case import Ask, Case, Mode, Server, Shape
from tests.sim.policies import host_name
from tests.sim.run import Run
from tests.sim.stage import play

STALLING: Final = 0.01
STALL_S: Final = 5.0
RATE_PER_S: Final = 20.0
"""Requests a second, at random. The budget has no floor: with fewer than a handful a second it buys hardly anything."""
P99_RATIO_MAX: Final = 1.5
EXTRA_MAX: Final = 0.02
_REPLICAS: Final = 3
_SHAPE: Final = Shape(
    servers=(_REPLICAS,), ttft_s=20.0, deadline_s=60.0, in_flight=1_000, in_flight_per_key=4_000, hedges_as_usual=True
)


@dataclass(frozen=True, slots=True)
class Hedging:
    """One seed's figures: times to the first content in seconds, and `extra` calls as a share of the requests."""

    seed: int
    requests: int
    sound_p50_s: float
    sound_p99_s: float
    """Hedged too, with nothing that stalls."""
    bare_p99_s: float
    """With stalls, and without hedges."""
    p99_s: float
    extra: float
    sound_extra: float
    stalls: int
    """Requests whose first call stalled."""
    felt: int
    """Those of them whose client waited for the whole of it."""

    @property
    def ratio(self) -> float:
        """Return how many times longer the 99th percentile is than without stalls."""
        return self.p99_s / self.sound_p99_s

    @property
    def is_within(self) -> bool:
        """Tell whether the tail is as short, and second calls are as few, as they have to be."""
        return self.ratio <= P99_RATIO_MAX and max(self.extra, self.sound_extra) <= EXTRA_MAX


def hedging(seed: int, requests: int) -> Hedging:
    """Play the same requests three times: with stalls and hedges, without stalls, and without hedges."""
    case = hedging_case(seed, requests)
    servers = tuple(replace(server, stalling=0.0) for server in case.servers)
    stalled = _played(case)
    sound = _played(replace(case, servers=servers))
    bare = _played(replace(case, shape=replace(case.shape, hedges_as_usual=False)))
    times_s, sound_s, bare_s = _ttfts_s(stalled), _ttfts_s(sound), _ttfts_s(bare)
    return Hedging(
        seed,
        requests,
        sound_p50_s=_share_of(sound_s, 0.5),
        sound_p99_s=_share_of(sound_s, 0.99),
        bare_p99_s=_share_of(bare_s, 0.99),
        p99_s=_share_of(times_s, 0.99),
        extra=len(stalled.calls) / requests - 1.0,
        sound_extra=len(sound.calls) / requests - 1.0,
        stalls=sum(at_s > STALL_S for at_s in bare_s),
        felt=sum(at_s > STALL_S for at_s in times_s),
    )


def hedging_case(seed: int, requests: int) -> Case:
    """Draw requests that come at random, with prompts of every length, to three alike servers."""
    draws, at_s, asks = Random(f"hedging {seed}"), 0.0, []
    for number in range(requests):
        at_s += draws.expovariate(RATE_PER_S)
        words = min(1_500, max(3, int(draws.lognormvariate(5.3, 0.8))))
        asks.append(Ask(number, at_s=round(at_s, 6), tokens=2, prompt_words=words))
    servers = tuple(
        Server(
            host_name(0, number),
            per_token_s=0.0005,
            gap_s=0.1,
            jitter=1.0,
            slots=64,
            stalling=STALLING,
            stall_s=STALL_S,
        )
        for number in range(_REPLICAS)
    )
    return Case(seed, Mode.SAFETY, _SHAPE, servers, tuple(asks))


def _played(case: Case) -> Run:
    run = play(case, is_told=False)
    assert not run.trouble, run.trouble
    return run


def _ttfts_s(run: Run) -> list[float]:
    return sorted(client.responder.part_times_s[0] - client.came_s for client in run.clients.values())


def _share_of(ranked: list[float], share: float) -> float:
    return ranked[int(share * (len(ranked) - 1))]
