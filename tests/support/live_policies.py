"""Policies for gateways that run as processes: real model servers in two tiers, or one scripted server as many."""

import json
from collections.abc import Iterable, Mapping

TEAM_KEY, GUEST_KEY, POOR_KEY = "sk-team", "sk-guest", "sk-poor"
KEYS: Mapping[str, str] = {"TEAM_KEY": TEAM_KEY, "GUEST_KEY": GUEST_KEY, "POOR_KEY": POOR_KEY}
"""The variables that the tenants below refer to."""
TENANTS = """\
tenants:
  team: {keys: [env:TEAM_KEY], allow: {pin_tier: true}}
  guest: {keys: [env:GUEST_KEY], rate: {rpm: 1}, tiers: [small], models: [auto]}
  poor: {keys: [env:POOR_KEY], budget: {usd: 0.000001, window: day}}
"""


def two_tiers(small_url: str, large_url: str, *, aliases: Iterable[str] = (), tenants: str = "") -> str:
    """Return a policy over two llama.cpp servers, "nano" below "small", with `aliases` of the route beside `auto`.

    At its dial every request starts on the small tier.
    """
    routed = "".join(f"  {json.dumps(alias)}: {{route: balanced}}\n" for alias in aliases)
    return f"""\
version: 1
tiers:
  small:
    model: nano
    price: {{input: 1, output: 2}}
    context: 4k
    supports: [tools, json_schema]
    ability: {{like: llama-3.1-8b-instruct}}
    endpoints: [{{url: "{small_url}", dialect: llamacpp}}]
  large:
    model: small
    price: {{input: 10, output: 20}}
    context: 4k
    supports: [tools, json_schema]
    ability: {{like: gpt-4o}}
    endpoints: [{{url: "{large_url}", dialect: llamacpp}}]
models:
  auto: {{route: balanced}}
  cached: {{route: cached}}
  small: {{tier: small}}
  large: {{tier: large}}
{routed}routes:
  balanced: {{dial: 1000000, cache: {{exact: off}}}}
  cached: {{dial: 1000000, cache: {{exact: 1h}}}}
{tenants}"""


def scripted_tiers(url: str, behaviours: Iterable[str], *, unreachable_url: str) -> str:
    """Return a policy with one tier a behaviour of the scripted server, and each as an alias in two ways.

    `NAME` stands for that tier alone; `NAME+` for a route that may go on to the tier `ok`. A colon in a behaviour's
    name is a dash in the tier's. The tier `unreachable` has nobody behind it, and `patient` waits for a mute server,
    which is given two requests at once.
    """
    tiers = {name.replace(":", "-"): (name, url) for name in behaviours}
    tiers |= {"unreachable": ("ok", unreachable_url), "patient": ("mute", url), "ok": ("ok", url)}
    lines = ["version: 1", "tiers:"]
    for tier, (model, base_url) in tiers.items():
        limit = "30s" if tier == "patient" else "500ms"
        in_flight = 2 if tier == "patient" else 256
        lines += [
            f"  {tier}:",
            f'    model: "{model}"',
            f"    price: {{input: {1_000 if tier == 'ok' else 1}, output: 1}}",
            "    context: 32k",
            "    supports: [tools, json_schema, vision, decisions]",
            f"    ability: {{like: {'gpt-4o' if tier == 'ok' else 'llama-3.1-8b-instruct'}}}",
            f"    limits: {{connect: 500ms, ttft: {limit}, answer: {limit}, stall: 500ms, in_flight: {in_flight}}}",
            f'    endpoints: [{{url: "{base_url}"}}]',
        ]
    lines.append("models:")
    for tier in tiers:
        lines += [f"  {tier}: {{tier: {tier}}}", f"  {tier}+: {{route: {tier}}}"]
    lines.append("routes:")
    for tier in tiers:
        rungs = "ok" if tier == "ok" else f"{tier}, ok"
        lines.append(f"  {tier}: {{tiers: [{rungs}], dial: 1000000000, cache: {{exact: off}}}}")
    return "\n".join([*lines, ""])
