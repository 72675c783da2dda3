"""The gateway's own way in that world: the shipped table of endpoints, index and news, of one gateway or of several."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from gateway.core.picker import EndpointTable
from gateway.core.place import Place
from gateway.core.prefix_index import Mark, PrefixIndex
from gateway.core.prefix_share import PrefixShare, Told
from gateway.domain.ability import Ability
from gateway.domain.ids import EndpointId, TierName
from gateway.domain.money import Price
from gateway.domain.request import Need, Operation
from gateway.domain.tier import Endpoint, Tier, TierLimits
from load_tests.prefix_world import Asked

TELLS_EVERY_S: Final = 0.25
"""As often as over Redis."""
EXPECTED_ANSWER_TOKENS: Final = 350
_ROOM: Final = 10**9
_NEVER_LATE_S: Final = 1e6
"""The world has no limits: it is the choice that is looked at, not what is turned away."""


def the_tier(servers: int) -> Tier:
    """Return a tier of so many servers."""
    return Tier(
        name=TierName("tier"),
        rank=0,
        model="model",
        price=Price(0, 0, 0),
        context_tokens=_ROOM,
        supports=Need.NONE,
        max_output_tokens=_ROOM,
        expected_output_tokens=EXPECTED_ANSWER_TOKENS,
        ability=Ability("", 0.0, (), 0.0, 0.5, ()),
        limits=TierLimits(_NEVER_LATE_S, 0.0, _NEVER_LATE_S, _NEVER_LATE_S, _ROOM, in_flight_tokens=_ROOM),
        endpoints=tuple(
            Endpoint(EndpointId(f"tier/{at}"), f"http://server-{at}/v1", "vllm", None, "lean") for at in range(servers)
        ),
    )


@dataclass(slots=True)
class _Sent:
    asked: Asked
    place: Place
    mark: Mark
    expected_blocks: int


class Gateway:
    """One gateway: what it knows, and whom it sends what."""

    def __init__(self, tier: Tier, chance: Callable[[], float], *, tells: bool) -> None:
        self._tier = tier
        self._chance = chance
        self._table = EndpointTable()
        self._index = PrefixIndex(tells=tells)
        self._marks = [endpoint.base_url.encode() for endpoint in tier.endpoints]
        self._positions = {endpoint.id: at for at, endpoint in enumerate(tier.endpoints)}
        self._sent: dict[int, _Sent] = {}
        states = [self._table.state(endpoint) for endpoint in tier.endpoints]
        self.share = PrefixShare(self._index, lambda: zip(self._marks, states, strict=True))

    def choose(self, number: int, asked: Asked) -> int:
        """Do what the pipeline does: look into the index, take a place, and note what was sent."""
        depths = self._index.match(asked.blocks, self._marks, asked.at_s)
        cached = {
            endpoint.id: asked.cached_tokens(depth)
            for endpoint, depth in zip(self._tier.endpoints, depths, strict=True)
        }
        place = self._table.take(
            self._tier,
            asked.at_s,
            self._chance(),
            prompt_tokens=asked.prompt_tokens,
            answer_tokens=EXPECTED_ANSWER_TOKENS,
            cached=cached,
        )
        assert place is not None, "there is room for everything"
        server = self._positions[place.endpoint.id]
        self._index.insert(asked.blocks, self._marks[server], asked.at_s)
        self._sent[number] = _Sent(asked, place, self._marks[server], depths[server])
        return server

    def begun(self, number: int, now_s: float) -> None:
        """Take note of a first token."""
        self._sent[number].place.began_to_answer(Operation.CHAT, now_s, answer_tokens=None)

    def ended(self, number: int, now_s: float, had_blocks: int) -> None:
        """Take note of an end, and of what the server says it had."""
        sent = self._sent.pop(number)
        sent.place.leave(now_s)
        self._index.correct(sent.asked.blocks, sent.mark, sent.expected_blocks, had_blocks, sent.asked.at_s)


@dataclass(order=True, slots=True)
class _Post:
    at_s: float
    order: int
    gateway: int = field(compare=False)
    told: Told = field(compare=False)


class Gateways:
    """Several gateways, each given requests at random. `late_s` is how late they hear each other; None: never."""

    def __init__(self, servers: int, gateways: int = 1, late_s: float | None = None, seed: int = 1) -> None:
        self._random = Random(seed)
        tier = the_tier(servers)
        tells = late_s is not None
        self._gateways = [Gateway(tier, self._random.random, tells=tells) for _ in range(gateways)]
        self._by: dict[int, Gateway] = {}
        self._late_s = late_s
        self._tells_at_s = 0.0
        self._post: list[_Post] = []
        self._posted = 0

    def choose(self, number: int, asked: Asked) -> int:
        """Let a gateway decide."""
        self._exchange(asked.at_s)
        gateway = self._by[number] = self._random.choice(self._gateways)
        return gateway.choose(number, asked)

    def begun(self, number: int, now_s: float) -> None:
        """Tell the gateway that sent it."""
        self._exchange(now_s)
        self._by[number].begun(number, now_s)

    def ended(self, number: int, now_s: float, had_blocks: int) -> None:
        """Tell the gateway that sent it."""
        self._exchange(now_s)
        self._by.pop(number).ended(number, now_s, had_blocks)

    def _exchange(self, now_s: float) -> None:
        """Let pass what was told until now, and what of it has come."""
        if self._late_s is None:
            return
        while self._tells_at_s <= now_s:
            at_s = self._tells_at_s
            for position, gateway in enumerate(self._gateways):
                told = gateway.share.tell()
                if told.blocks or told.pending is not None:
                    self._posted += 1
                    heapq.heappush(self._post, _Post(at_s + self._late_s, self._posted, position, told))
            self._deliver(at_s)
            self._tells_at_s += TELLS_EVERY_S
        self._deliver(now_s)

    def _deliver(self, now_s: float) -> None:
        has_come = False
        while self._post and self._post[0].at_s <= now_s:
            post, has_come = heapq.heappop(self._post), True
            for position, gateway in enumerate(self._gateways):
                if position != post.gateway:
                    gateway.share.hear_blocks(post.told.blocks, post.at_s)
                    if post.told.pending is not None:
                        gateway.share.hear_pending(str(post.gateway), post.told.pending, post.at_s)
        if has_come:
            for gateway in self._gateways:
                gateway.share.settle(now_s)
