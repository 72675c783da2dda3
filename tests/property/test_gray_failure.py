"""One replica of three turns ten times slower, in virtual time: most of its share moves away, and comes back."""

import heapq
import random
from dataclasses import dataclass, field

import pytest

from gateway.core.picker import EndpointTable
from gateway.core.place import Place
from gateway.domain.ids import EndpointId
from gateway.domain.request import Operation
from tests.support.tiers import a_tier

TIER = a_tier("small", endpoints=3)
SLOW = TIER.endpoints[0].id
SLOWER = 10.0
FAILS_AT_S, MENDED_AT_S, END_S = 60.0, 180.0, 300.0
NOTICED_WITHIN_S = 10.0
RATE_RPS = 24.0


@dataclass(slots=True)
class Seen:
    """One request: when it came, where it went, and how long its first content took."""

    at_s: float
    endpoint: EndpointId
    ttft_s: float


@dataclass(slots=True)
class World:
    """Arrivals at random, servers whose beginnings take longer with the prompt and vary, answers of some seconds."""

    seed: int
    fails: bool
    seen: list[Seen] = field(default_factory=list)

    def run(self) -> "World":
        """Serve until the end, event by event."""
        rng, table = random.Random(self.seed), EndpointTable()
        events: list[tuple[float, int, str, Place | None]] = [(0.0, 0, "arrives", None)]
        number = 0
        while events:
            now_s, _, what, place = heapq.heappop(events)
            if what == "arrives":
                tokens = min(8_000, int(rng.lognormvariate(6.5, 1.0)))
                place = table.take(TIER, now_s, rng.random(), prompt_tokens=tokens, answer_tokens=200)
                assert place is not None, "nobody is refused in this world"
                ttft_s = self._ttft_s(rng, place, tokens, now_s)
                self.seen.append(Seen(now_s, place.endpoint.id, ttft_s))
                follows = [(now_s + ttft_s, "begins"), (now_s + ttft_s + rng.uniform(1.0, 5.0), "ends")]
                next_s = now_s + rng.expovariate(RATE_RPS)
                if next_s < END_S:
                    number += 1
                    heapq.heappush(events, (next_s, number, "arrives", None))
                for at_s, event in follows:
                    number += 1
                    heapq.heappush(events, (at_s, number, event, place))
            elif place is not None and what == "begins":
                place.began_to_answer(Operation.CHAT, now_s, answer_tokens=None)
            elif place is not None:
                place.leave(now_s)
        return self

    def _ttft_s(self, rng: random.Random, place: Place, tokens: int, now_s: float) -> float:
        usual_s = (0.25 + 0.0001 * tokens) * rng.lognormvariate(0.0, 0.25)
        is_slow = self.fails and place.endpoint.id == SLOW and FAILS_AT_S <= now_s < MENDED_AT_S
        return usual_s * (SLOWER if is_slow else 1.0)

    def share(self, from_s: float, to_s: float) -> float:
        """Return the slow replica's share of the requests of that time."""
        within = [one.endpoint for one in self.seen if from_s <= one.at_s < to_s]
        return within.count(SLOW) / len(within)

    def p99_s(self, from_s: float, to_s: float) -> float:
        """Return the 99th percentile of the time to first content in that time."""
        within = sorted(one.ttft_s for one in self.seen if from_s <= one.at_s < to_s)
        return within[int(0.99 * len(within))]


@pytest.mark.parametrize("seed", range(5))
def test_a_replica_ten_times_slower_loses_its_share_within_ten_seconds_and_has_it_back_when_mended(seed: int) -> None:
    """Case 76."""
    sick, sound = World(seed, fails=True).run(), World(seed, fails=False).run()
    before = sick.share(0.0, FAILS_AT_S)
    noticed_s = FAILS_AT_S + NOTICED_WITHIN_S
    assert before == pytest.approx(1 / 3, abs=0.05)
    assert sick.share(noticed_s, MENDED_AT_S) <= 0.2 * before
    assert sick.p99_s(noticed_s, MENDED_AT_S) <= 1.3 * sound.p99_s(noticed_s, MENDED_AT_S)
    assert sick.share(MENDED_AT_S + 60.0, END_S) == pytest.approx(1 / 3, abs=0.05)


def test_replicas_that_merely_vary_keep_their_shares() -> None:
    world = World(11, fails=False).run()
    for from_s in range(0, int(END_S), 30):
        assert world.share(from_s, from_s + 30.0) == pytest.approx(1 / 3, abs=0.08)
