"""The demo's policy: `policies/demo.yaml`, with the ports of the servers that really run."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

WIDTH = 120
"""Longer lines would be folded in the copy that people are invited to edit."""


@dataclass(frozen=True, slots=True)
class TierOnShow:
    """What the demo says of a tier. Prices are USD per million tokens, as the policy writes them."""

    name: str
    model: str
    like: str
    input_price: str
    output_price: str


def shipped_policy() -> str:
    """Return `policies/demo.yaml`, which is packaged with the gateway."""
    return files("gateway.app").joinpath("builtin", "demo.yaml").read_text(encoding="utf-8")


def fill_in(policy: str, urls: Mapping[str, str]) -> str:
    """Give each tier its server's URL; leave out the tiers that have none, and the models that stand for them."""
    document = _reader().load(policy)
    tiers, models = document["tiers"], document["models"]
    missing = [name for name in tiers if name not in urls]
    for name in missing:
        del tiers[name]
    for alias in [alias for alias, target in models.items() if target.get("tier") in missing]:
        del models[alias]
    for name, url in urls.items():
        tiers[name]["endpoints"][0]["url"] = url
    written = io.StringIO()
    _reader().dump(document, written)
    return written.getvalue()


def tiers_on_show(policy: str) -> tuple[TierOnShow, ...]:
    """Return the tiers of a policy, cheapest first."""
    tiers: CommentedMap = _reader().load(policy)["tiers"]
    return tuple(
        TierOnShow(
            name, tier["model"], tier["ability"]["like"], _usd(tier["price"]["input"]), _usd(tier["price"]["output"])
        )
        for name, tier in tiers.items()
    )


def _usd(amount: float) -> str:
    return f"{amount:.3f}".removesuffix("0")


def _reader() -> YAML:
    reader = YAML(typ="rt")
    reader.width = WIDTH
    reader.preserve_quotes = True
    return reader
