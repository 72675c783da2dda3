"""What a worker knows of one endpoint: what is under way there, how it has been doing, and what it says of itself."""

from collections import Counter
from typing import Final

from gateway.core.breaker import Breaker, Standing
from gateway.core.concurrency import ConcurrencyLimit
from gateway.core.latency import Slowness
from gateway.domain.load import ServerLoad
from gateway.domain.request import Operation
from gateway.domain.tier import Endpoint, TierLimits

STANDINGS: Final = (*(standing.value for standing in Standing), "busy", "gray")
"""What an endpoint may be at a moment, as `EndpointState.standing` names it."""
_NEVER_S: Final = float("-inf")
_DURATION_SHARE: Final = 0.1
LOAD_VALID_S: Final = 10.0
"""What a server said of its load longer ago is not believed."""
OTHERS_VALID_S: Final = 2.0
"""What other workers said of their own load longer ago is over by now."""
ANSWER_SHARE: Final = 0.125
"""What a token of an answer under way counts for beside one of a prompt that waits: a server works on answers beside
prompts, and each slows the others a little."""
_KV_FULL_FROM: Final = 0.8
"""From here on a server's cache for prompts is filling up, and at 1 it puts requests off."""


class EndpointState:
    """One endpoint's state. Whoever picks reads it; the places taken on it change it. Times are monotonic seconds."""

    __slots__ = (
        "_load",
        "_load_at_s",
        "_others_at_s",
        "_others_tokens",
        "answered_began_s",
        "breaker",
        "busy_until_s",
        "concurrency",
        "duration_s",
        "endpoint",
        "in_flight",
        "is_gray",
        "operation",
        "outstanding_tokens",
        "pending_tokens",
        "picked_at",
        "probes",
        "probes_usd_nano",
        "prompt_tokens",
        "ramp",
        "score",
        "slowness",
        "tells_cached",
        "used_s",
        "weight",
    )

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.in_flight = 0
        self.prompt_tokens = 0
        """Of the prompts under way."""
        self.outstanding_tokens = 0
        """Of the prompts under way and the answers expected to them."""
        self.pending_tokens = 0
        """Of the prompts under way, what has to be computed before they have content."""
        self.breaker = Breaker()
        self.concurrency = ConcurrencyLimit()
        self.slowness = Slowness()
        self.score = 1.0
        """How many times slower than its peers it is."""
        self.is_gray = False
        """So slow that it is given a trickle only."""
        self.ramp = 1.0
        """The share of its usual load that it may be given for having been out: 0 while it is."""
        self.weight = 1.0
        """The share of its usual load that it may be given, as slow as it is, too: 0 while it is out, or gray."""
        self.busy_until_s = _NEVER_S
        self.duration_s = 1.0
        """How long a call takes, on average."""
        self.answered_began_s = _NEVER_S
        """When the newest call that was answered had begun: since then it is known to live."""
        self.operation = Operation.CHAT
        """What it last answered: a probe asks the same."""
        self.tells_cached = False
        """It has said of an answer that some of its prompt was cached."""
        self.used_s = _NEVER_S
        self.picked_at = 0
        """The count of its tier's picks at its last one."""
        self.probes: Counter[str] = Counter()
        """Tokens that were asked of it to see whether it serves, by result: `answered`, `failed`."""
        self.probes_usd_nano = 0
        self._load: ServerLoad | None = None
        self._load_at_s = _NEVER_S
        self._others_tokens = 0
        self._others_at_s = _NEVER_S

    def mark_busy(self, until_s: float) -> None:
        """Leave the endpoint alone until then; an earlier time than already set changes nothing."""
        self.busy_until_s = max(self.busy_until_s, until_s)

    def has_room(self, limits: TierLimits, prompt_tokens: int) -> bool:
        """Tell whether another request fits beside those under way. Alone, one always does, however long."""
        if not self.in_flight:
            return True
        fill = limits.fill
        most, most_tokens = self.most(limits.in_flight), limits.in_flight_tokens
        if fill < 1.0:
            most, most_tokens = int(most * fill), int(most_tokens * fill)
        return self.in_flight < most and self.prompt_tokens + prompt_tokens <= most_tokens

    def most(self, policy: int) -> int:
        """Return how many requests may be under way now; `policy` is the limit that the policy sets."""
        most = self.concurrency.most(policy)
        return most if self.weight >= 1.0 or not self.weight else max(1, int(most * self.weight))

    def is_out(self, now_s: float) -> bool:
        """Tell whether it is left alone, whatever room it has."""
        return now_s < self.busy_until_s or not (self.weight or self.is_gray)

    def standing(self, now_s: float) -> str:
        """Name its state, as metrics do: its breaker's, or `busy` or `gray` where that one has nothing to say."""
        if self.breaker.standing is not Standing.HEALTHY:
            return self.breaker.standing.value
        if now_s < self.busy_until_s:
            return "busy"
        return "gray" if self.is_gray else "healthy"

    def note_load(self, load: ServerLoad | None, now_s: float) -> None:
        """Take note of what the server says of its load; None when it said nothing."""
        self._load, self._load_at_s = load, now_s

    def load(self, now_s: float) -> ServerLoad | None:
        """Return what the server last said of its load, if that was not long ago."""
        return self._load if now_s - self._load_at_s <= LOAD_VALID_S else None

    def load_tokens(self, now_s: float, usual_tokens: float) -> float:
        """Estimate the tokens ahead of a new request: our own outstanding ones, and others' that the server tells of.

        Requests beyond ours count with `usual_tokens` each. A server whose cache is filling up counts up to double.
        """
        load = self.load(now_s)
        if load is None:
            return self.outstanding_tokens
        others = max(0, load.running + load.waiting - self.in_flight)
        tokens = self.outstanding_tokens + others * usual_tokens
        if load.kv_usage is not None and load.kv_usage > _KV_FULL_FROM:
            tokens *= 1.0 + (min(load.kv_usage, 1.0) - _KV_FULL_FROM) / (1.0 - _KV_FULL_FROM)
        return tokens

    def note_others(self, pending_tokens: int, now_s: float) -> None:
        """Take note of what other workers have pending there, all together."""
        self._others_tokens, self._others_at_s = pending_tokens, now_s

    def waiting_tokens(self, now_s: float, usual_tokens: float) -> float:
        """Estimate the tokens of prompts that wait, everybody's.

        Others' are known from the other workers, and as requests that the server says are waiting beyond ours.
        """
        others = self._others_tokens if now_s - self._others_at_s <= OTHERS_VALID_S else 0
        load = self.load(now_s)
        if load is not None:
            waiting = min(load.waiting, max(0, load.running + load.waiting - self.in_flight))
            others = max(others, int(waiting * usual_tokens))
        return self.pending_tokens + others

    def ahead_tokens(self, now_s: float, usual_tokens: float) -> float:
        """Estimate the tokens that are computed before a new prompt's: those that wait, and a share of the answers'."""
        answers = self.outstanding_tokens - self.prompt_tokens
        return self.waiting_tokens(now_s, usual_tokens) + ANSWER_SHARE * answers

    def note_duration(self, took_s: float) -> None:
        """Take note of how long a call took from its start to its end."""
        self.duration_s += _DURATION_SHARE * (took_s - self.duration_s)

    def frees_after_s(self) -> float:
        """Estimate how long until one of the calls under way is over."""
        return self.duration_s / max(1, self.in_flight)
