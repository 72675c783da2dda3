"""Which endpoint of a tier an attempt goes to.

Where something is known of who has computed the prompt's beginning, the least cost, in tokens:

    ahead + uncached · (1 + c · (mean ahead + uncached / 2) / usual)

`ahead` is computed before the prompt, `uncached` is what must be computed of it. While servers are idle that is the
time to its first token. The more requests wait, the more of them each token computed anew holds up, whichever server it
is on: then what was computed before decides. The half of itself is for those who come while it is computed.

Otherwise two random choices: of two endpoints drawn at random the one with fewer tokens ahead is taken. That keeps the
longest queue within a constant of the mean without every worker rushing to the same idle server (Mitzenmacher 2001).
Tokens, not requests, are counted, since one request may be a thousand times another.

Endpoints that come back, or are slower than their peers, are drawn less; by the least cost, one that comes back costs
more, and how slow one is shows in the tokens ahead. Who is much slower is given a trickle, which finds out when it no
longer is.
"""

import math
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import Final

from gateway.core.endpoint_state import EndpointState
from gateway.core.place import Place, Servers
from gateway.core.quarantine import Quarantine
from gateway.domain.decision import ReasonCode, Shortage
from gateway.domain.ids import EndpointId, TierName
from gateway.domain.tier import Endpoint, Tier, TierLimits

CROWDING: Final = 3.5
"""How much more a token that must be computed anew counts for each usual request that waits at a server on average."""
TRICKLE_PICKS: Final = 250
"""One in so many requests of its tier goes to a gray endpoint: few enough to leave the 99th percentile alone."""
TRICKLE_S: Final = 30.0
"""Or one after so long, where requests are few."""
RETRY_AFTER_S_MAX: Final = 60.0


class EndpointTable:
    """All that a worker knows of its endpoints. It outlives a reload of the policy."""

    __slots__ = ("_servers", "_states", "quarantine")

    def __init__(self) -> None:
        self.quarantine = Quarantine()
        self._states: dict[tuple[EndpointId, str], EndpointState] = {}
        self._servers: dict[TierName, Servers] = {}

    def state(self, endpoint: Endpoint) -> EndpointState:
        """Return the endpoint's state, a fresh one at its first mention. Another address is another endpoint."""
        key = (endpoint.id, endpoint.base_url)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = EndpointState(endpoint)
        return state

    def servers(self, tier: Tier) -> Servers:
        """Return what is known of a tier's endpoints together."""
        servers = self._servers.get(tier.name)
        if servers is None:
            states = [self.state(endpoint) for endpoint in tier.endpoints]
            servers = self._servers[tier.name] = Servers(tier, states)
        elif servers.endpoints is not tier.endpoints:
            servers.resolve(tier, [self.state(endpoint) for endpoint in tier.endpoints])
        return servers

    def unavailable(self, tiers: Iterable[Tier], now_s: float, *, prompt_tokens: int = 0) -> dict[TierName, Shortage]:
        """Return the tiers none of whose endpoints may be given a prompt of that length now, each with why."""
        short = {}
        for tier in tiers:
            servers = self.servers(tier)
            if now_s >= servers.look_at_s:
                servers.look(now_s)
            for state in servers.states:
                if not state.is_out(now_s) and state.has_room(tier.limits, prompt_tokens):
                    break
            else:
                shortage = _shortage(servers, now_s, prompt_tokens)
                if shortage is not None:
                    short[tier.name] = shortage
        return short

    def serves(self, tier: Tier, now_s: float) -> bool:
        """Tell whether an endpoint of a tier is in service, whatever room it has."""
        return any(not state.is_out(now_s) for state in self._looked_at(tier, now_s).states)

    def has_room(self, tier: Tier, now_s: float, *, prompt_tokens: int) -> bool:
        """Tell whether an endpoint in service has room for a prompt of that length. None is tried that is out."""
        return any(
            not state.is_out(now_s) and state.has_room(tier.limits, prompt_tokens)
            for state in self._looked_at(tier, now_s).states
        )

    def _looked_at(self, tier: Tier, now_s: float) -> Servers:
        servers = self.servers(tier)
        if now_s >= servers.look_at_s:
            servers.look(now_s)
        return servers

    def count_available(self, tier: Tier, now_s: float) -> int:
        """Count the endpoints of a tier to which attempts may go; 1 for a tier of which one may be tried again."""
        servers = self._looked_at(tier, now_s)
        able = sum(not state.is_out(now_s) and state.has_room(tier.limits, 0) for state in servers.states)
        return able or int(servers.to_try(now_s) is not None)

    def take(
        self,
        tier: Tier,
        now_s: float,
        chance: float,
        *,
        prompt_tokens: int,
        answer_tokens: int,
        tried: Collection[EndpointId] = (),
        cached: Mapping[EndpointId, int] | None = None,
    ) -> Place | None:
        """Take a place on one of a tier's endpoints, or None when each was tried, is out, or is full.

        `chance` is uniform in [0, 1). `cached` are the tokens of the prompt that endpoints are believed to have
        computed already; None where nothing is known of its beginning.
        """
        servers = self.servers(tier)
        if now_s >= servers.look_at_s:
            servers.look(now_s)
        servers.picks += 1
        limits = tier.limits
        able = [
            state
            for state in servers.states
            if state.weight
            and now_s >= state.busy_until_s
            and state.has_room(limits, prompt_tokens)
            and state.endpoint.id not in tried
        ]
        is_trial = False
        state: EndpointState | None
        if servers.gray and (not able or not tried):
            state = _trickle(servers, limits, now_s, prompt_tokens, tried, must=not able)
            if state is not None:
                able = [state]
        if able:
            state = _choose(servers, able, now_s, chance, prompt_tokens, cached)
        else:
            state = servers.to_try(now_s, prompt_tokens, tried)
            if state is None:
                return None
            is_trial = True
        has_tokens = 0 if cached is None else cached.get(state.endpoint.id, 0)
        return Place(
            servers,
            state,
            now_s,
            prompt_tokens,
            prompt_tokens + answer_tokens,
            cached_tokens=has_tokens,
            is_trial=is_trial,
        )

    def take_again(
        self, endpoint: Endpoint, tier: Tier, now_s: float, prompt_tokens: int, answer_tokens: int
    ) -> Place | None:
        """Take a place on that endpoint if it has room, for a call that is to be made there once more."""
        servers, state = self.servers(tier), self.state(endpoint)
        if not state.has_room(tier.limits, prompt_tokens):
            return None
        return Place(servers, state, now_s, prompt_tokens, prompt_tokens + answer_tokens)

    def forget_all_but(self, endpoints: Container[EndpointId]) -> None:
        """Drop what is known of endpoints that a new policy no longer has. Attempts under way keep their state."""
        self._states = {key: state for key, state in self._states.items() if key[0] in endpoints}
        self._servers.clear()


def _choose(
    servers: Servers,
    able: Sequence[EndpointState],
    now_s: float,
    chance: float,
    prompt_tokens: int,
    cached: Mapping[EndpointId, int] | None,
) -> EndpointState:
    if len(able) == 1:
        return able[0]
    if cached is not None:
        return _least_cost(servers, able, now_s, chance, prompt_tokens, cached)
    if servers.is_even:
        first, step = divmod(int(chance * len(able) * (len(able) - 1)), len(able) - 1)
        one, other = able[first], able[(first + 1 + step) % len(able)]
    else:
        one, other = _draw_two(able, chance)
    usual = servers.usual_tokens
    return other if other.load_tokens(now_s, usual) < one.load_tokens(now_s, usual) else one


def _least_cost(
    servers: Servers,
    able: Sequence[EndpointState],
    now_s: float,
    chance: float,
    prompt_tokens: int,
    cached: Mapping[EndpointId, int],
) -> EndpointState:
    usual = max(servers.usual_tokens, 1.0)
    ahead = [state.ahead_tokens(now_s, usual) for state in able]
    crowd = sum(ahead) / len(ahead)
    # From a random one on: of those that cost the same each is taken as often.
    first = int(chance * len(able))
    best, least = able[first], math.inf
    for at in range(first - len(able), first):
        state = able[at]
        uncached = max(0, prompt_tokens - cached.get(state.endpoint.id, 0))
        cost = (ahead[at] + uncached * (1.0 + CROWDING * (crowd + uncached / 2) / usual)) / state.ramp
        if cost < least:
            best, least = state, cost
    return best


def _draw_two(able: Sequence[EndpointState], chance: float) -> tuple[EndpointState, EndpointState]:
    """Draw an ordered pair by weight. What is left of chance after the first draw serves the second."""
    one, left = _draw(able, chance)
    return one, _draw([state for state in able if state is not one], left)[0]


def _draw(able: Sequence[EndpointState], chance: float) -> tuple[EndpointState, float]:
    at = chance * sum(state.weight for state in able)
    *others, last = able
    for state in others:
        if at < state.weight:
            return state, at / state.weight
        at -= state.weight
    # Rounding may leave a grain beyond the last.
    return last, min(at / last.weight, 1.0) if last.weight else 0.0


def _trickle(
    servers: Servers,
    limits: TierLimits,
    now_s: float,
    prompt_tokens: int,
    tried: Container[EndpointId],
    *,
    must: bool,
) -> EndpointState | None:
    """Return the gray endpoint whose turn it is; any that has room if there is nothing better."""
    for state in servers.gray:
        is_due = servers.picks - state.picked_at >= TRICKLE_PICKS or now_s - state.used_s >= TRICKLE_S
        if (
            (must or is_due)
            and not state.is_out(now_s)
            and state.has_room(limits, prompt_tokens)
            and state.endpoint.id not in tried
        ):
            return state
    return None


def _shortage(servers: Servers, now_s: float, prompt_tokens: int) -> Shortage | None:
    if servers.to_try(now_s, prompt_tokens) is not None:
        return None
    if any(not state.is_out(now_s) for state in servers.states):
        wait_s = min(state.frees_after_s() for state in servers.states if not state.is_out(now_s))
        return Shortage(ReasonCode.FULL, min(wait_s, RETRY_AFTER_S_MAX))
    back_s = min(max(state.busy_until_s, state.breaker.until_s, now_s) for state in servers.states)
    return Shortage(ReasonCode.UNHEALTHY, min(max(servers.try_at_s, back_s) - now_s, RETRY_AFTER_S_MAX))
