"""Which endpoint of a tier an attempt goes to.

Two random choices: of two endpoints drawn at random the one with fewer tokens ahead is taken. That keeps the longest
queue within a constant of the mean without every worker rushing to the same idle server (Mitzenmacher 2001). Tokens,
not requests, are counted, since one request may be a thousand times another. The draw is by weight: an endpoint that
comes back, or is slower than its peers, is drawn less. One that is much slower is given a trickle, which finds out
when it no longer is.
"""

from collections.abc import Collection, Container, Iterable, Sequence
from typing import Final

from gateway.core.endpoint_state import EndpointState
from gateway.core.place import Place, Servers
from gateway.core.quarantine import Quarantine
from gateway.domain.decision import ReasonCode, Shortage
from gateway.domain.ids import EndpointId, TierName
from gateway.domain.tier import Endpoint, Tier

AFFINITY: Final = 1.25
"""The endpoint that holds a prompt's beginning is kept to while its load is below this many times the mean."""
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

    def count_available(self, tier: Tier, now_s: float) -> int:
        """Count the endpoints of a tier to which attempts may go; 1 for a tier of which one may be tried again."""
        servers = self.servers(tier)
        if now_s >= servers.look_at_s:
            servers.look(now_s)
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
        prefer: EndpointId | None = None,
    ) -> Place | None:
        """Take a place on one of a tier's endpoints, or None when each was tried, is out, or is full.

        `chance` is uniform in [0, 1). `prefer` names the endpoint that holds the beginning of the prompt.
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
            state = _trickle(servers, now_s, prompt_tokens, tried, must=not able)
            if state is not None:
                able = [state]
        if able:
            state = _choose(servers, able, now_s, chance, prefer, prompt_tokens + answer_tokens)
        else:
            state = servers.to_try(now_s, prompt_tokens, tried)
            if state is None:
                return None
            is_trial = True
        return Place(servers, state, now_s, prompt_tokens, prompt_tokens + answer_tokens, is_trial=is_trial)

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
    prefer: EndpointId | None,
    tokens: int,
) -> EndpointState:
    if len(able) == 1:
        return able[0]
    usual = servers.usual_tokens
    if prefer is not None:
        loads = [state.load_tokens(now_s, usual) for state in able]
        for state, load in zip(able, loads, strict=True):
            if state.endpoint.id == prefer and load + tokens <= AFFINITY * (sum(loads) / len(loads) + tokens):
                return state
    if servers.is_even:
        first, step = divmod(int(chance * len(able) * (len(able) - 1)), len(able) - 1)
        one, other = able[first], able[(first + 1 + step) % len(able)]
    else:
        one, other = _draw_two(able, chance)
    return other if other.load_tokens(now_s, usual) < one.load_tokens(now_s, usual) else one


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
    servers: Servers, now_s: float, prompt_tokens: int, tried: Container[EndpointId], *, must: bool
) -> EndpointState | None:
    """Return the gray endpoint whose turn it is; any that has room if there is nothing better."""
    for state in servers.gray:
        is_due = servers.picks - state.picked_at >= TRICKLE_PICKS or now_s - state.used_s >= TRICKLE_S
        if (
            (must or is_due)
            and not state.is_out(now_s)
            and state.has_room(servers.limits, prompt_tokens)
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
