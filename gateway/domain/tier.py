"""Tiers and their endpoints: what ops declare, with every reference resolved."""

from gateway.domain.ability import Ability
from gateway.domain.ids import EndpointId, TierName
from gateway.domain.money import Price
from gateway.domain.noun import noun
from gateway.domain.request import Need, Operation


class Secret:
    """A credential that never prints. Read it with `reveal()`, at the one place that sends it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the credential itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@noun
class Endpoint:
    """One addressable model server. `base_url` ends before the operation's path, without a slash."""

    id: EndpointId
    base_url: str
    dialect: str
    api_key: Secret | None
    transport: str
    """`lean` (our own) or `httpx`."""
    metrics_url: str | None = None
    """Where it tells of its load, if it is asked."""
    apis: tuple[Operation, ...] = (Operation.CHAT,)
    """Of the operations that ask for a chat, those that it serves."""

    @property
    def takes_key_header(self) -> bool:
        """Tell whether it is sent its key as `x-api-key`."""
        return self.dialect == "anthropic"

    @property
    def wants_signatures(self) -> bool:
        """Tell whether it refuses thoughts that nobody signed."""
        return self.dialect == "anthropic"


@noun
class TierLimits:
    """What an attempt on this tier may take. `ttft_s` grows by `ttft_s_per_input_token` with the prompt.

    `ttft_s` is for streams. A server that does not stream says nothing before its last token: `answer_s` is for those.
    `in_flight` and `in_flight_tokens` (of the prompts) are for each server, and kept always. `fill` is the share of
    both, and of what a server has been seen to bear, up to which these requests may fill it: the rest is for others.
    """

    ttft_s: float
    ttft_s_per_input_token: float
    stall_s: float
    connect_s: float
    in_flight: int
    answer_s: float = 120.0
    in_flight_tokens: int = 2_000_000
    fill: float = 1.0


@noun
class TierSlo:
    """What 95 % of a tier's streams keep to; None where the policy asks for nothing.

    `ttft_p95_s` is of a short prompt: it grows with the prompt as `TierLimits.ttft_s` does.
    """

    ttft_p95_s: float | None = None
    itl_p95_s: float | None = None


NO_SLO = TierSlo()


@noun
class Tier:
    """An ordered class of interchangeable model servers. `rank` 0 is the cheapest."""

    name: TierName
    rank: int
    model: str
    price: Price
    context_tokens: int
    supports: Need
    max_output_tokens: int
    expected_output_tokens: int
    ability: Ability
    limits: TierLimits
    endpoints: tuple[Endpoint, ...]
    slo: TierSlo = NO_SLO
    idle_probe_s: float | None = None
    """After so long without a request a server is asked for one token; None: never."""
    refuses: tuple[str, ...] = ()
    """Members of a request that its servers do not take."""
    takes_cache_key: bool = False
    """Its servers find what they have computed by `prompt_cache_key`."""
    is_flex: bool = False
    """Its servers are asked for OpenAI's `service_tier: flex`: it is a tier as batch requests see it."""
    shares_prefixes: bool = False
    """Its servers may use what they computed for one tenant's prompt for another's."""
