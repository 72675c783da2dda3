"""What a tier is held to, and what follows when it is missed, in words."""

from gateway.domain.tier import NO_SLO, Tier
from gateway.policy import words
from gateway.policy.snapshot import PolicySnapshot

_PROMPT_TOKENS = 1_000


def beside(tier: Tier, snapshot: PolicySnapshot) -> list[str]:
    """Return the other tiers of the routes that the tier is on, cheapest first: where its requests can go."""
    shared = {name for route in snapshot.routes.values() if tier.name in route.tiers for name in route.tiers}
    return [name for name in snapshot.tiers if name in shared and name != tier.name]


def objective(tier: Tier, snapshot: PolicySnapshot) -> str | None:
    """Say what the tier is held to and what follows; None where the policy asks for nothing."""
    if tier.slo == NO_SLO:
        return None
    held = ", and ".join(_held(tier))
    others = beside(tier, snapshot)
    if not others:
        return f"{held}; while it misses that, it is told, and nothing moves: no route has another tier beside it"
    return (
        f"{held}; while it misses that, a tenth more of its requests every 10 s goes to {' or '.join(others)}, "
        "nine tenths at most"
    )


def _held(tier: Tier) -> list[str]:
    """Return the objectives, each in words."""
    held = []
    if tier.slo.ttft_p95_s is not None:
        per_prompt = words.duration(tier.limits.ttft_s_per_input_token * _PROMPT_TOKENS)
        first = words.duration(tier.slo.ttft_p95_s)
        held.append(f"95 % of streams begin within {first}, and {per_prompt} for each 1,000 tokens of their prompt")
    if tier.slo.itl_p95_s is not None:
        held.append(f"95 % have a token every {words.duration(tier.slo.itl_p95_s)} or sooner")
    return held
