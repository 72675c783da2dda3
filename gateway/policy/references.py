"""Every name in a policy must stand for something: a tier, a route, a reference model, a price, a secret.

The document is searched as it came, not as the types read it, so that a wrong name is told even where the entry
around it has other mistakes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Final

from gateway.domain.money import Price
from gateway.domain.tier import Secret
from gateway.policy.calibration_file import Calibrated, read_calibration
from gateway.policy.load import read_document
from gateway.policy.problems import MAX_FINDINGS, Finding, Path, Plain, describe, did_you_mean, listed
from gateway.policy.source import PolicySource
from gateway.policy.world import World

_NAMED: Final = (
    (("models", "*", "route"), "routes"),
    (("models", "*", "tier"), "tiers"),
    (("routes", "*", "tiers", "*"), "tiers"),
    (("tenants", "*", "tiers", "*"), "tiers"),
    (("tenants", "*", "models", "*"), "models"),
)
"""Where a name stands, and the section that must have it."""

_SECRETS: Final = (
    ("tiers", "*", "endpoints", "*", "api_key"),
    ("tenants", "*", "keys", "*"),
    ("tenants", "*", "batch_keys", "*"),
    ("classifier", "remote", "api_key"),
    ("classifier", "systemone", "api_key"),
)
_LISTS: Final = (
    ("tiers", "*", "supports"),
    ("tiers", "*", "lanes"),
    ("routes", "*", "tiers"),
    ("routes", "*", "fallback", "on"),
    ("tenants", "*", "tiers"),
    ("tenants", "*", "models"),
)
_SINGULAR: Final = {"tiers": "tier", "routes": "route", "models": "model alias"}

PriceKey = tuple[str, str | None]
"""A model's name in the price catalogue, and the provider if one is named."""


@dataclass(slots=True)
class Resolved:
    """What the references stand for, each looked up once."""

    secrets: dict[str, Secret] = field(default_factory=dict)
    prices: dict[PriceKey, Price] = field(default_factory=dict)
    calibrations: dict[str, Calibrated] = field(default_factory=dict)
    """By path, as the policy has it."""


def resolve(root: dict[str, Plain], world: World) -> tuple[Resolved, list[Finding]]:
    """Look every reference up, and return what they stand for with those that stand for nothing."""
    resolved = Resolved()
    every = chain(
        _resolve_secrets(root, world, resolved),
        _resolve_prices(root, world, resolved),
        _unknown_names(root),
        _unknown_abilities(root, world),
        _resolve_calibrations(root, world, resolved),
        _repeated(root),
    )
    # Looking for the nearest name takes a while, so a file of nothing but wrong names is not searched to its end.
    return resolved, list(islice(every, MAX_FINDINGS))


def calibrations_named(content: bytes) -> list[str]:
    """Return the paths of the calibration files that a policy names; none where it cannot be read."""
    root = read_document(PolicySource("", content)).root
    return [path for _, path in texts_at(root, ("tiers", "*", "ability", "calibration"))]


def texts_at(root: Plain, pattern: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """Yield the texts at the paths that match; `*` stands for any key or position."""
    for path, value in values_at(root, pattern):
        if isinstance(value, str):
            yield path, value


def values_at(root: Plain, pattern: tuple[str, ...], at: Path = ()) -> Iterator[tuple[Path, Plain]]:
    """Yield the values at the paths that match; `*` stands for any key or position."""
    if not pattern:
        yield at, root
        return
    for key, value in _children(root, pattern[0]):
        yield from values_at(value, pattern[1:], (*at, key))


def _children(node: Plain, part: str) -> Iterator[tuple[str | int, Plain]]:
    if isinstance(node, dict):
        yield from ((key, value) for key, value in node.items() if part in {"*", key})
    elif isinstance(node, tuple) and part == "*":
        yield from enumerate(node)


def _unknown_names(root: dict[str, Plain]) -> Iterator[Finding]:
    declared = {section: _names(root.get(section)) for section in _SINGULAR}
    for pattern, section in _NAMED:
        for path, name in texts_at(root, pattern):
            if name not in declared[section]:
                message = f"expected the name of a {_SINGULAR[section]}, found {describe(name)}"
                yield Finding(path, message, _name_hint(name, section, declared))


def _names(section: Plain) -> list[str]:
    return list(section) if isinstance(section, dict) else []


def _name_hint(name: str, section: str, declared: Mapping[str, list[str]]) -> str:
    for other, names in declared.items():
        if other != section and name in names:
            if other == "models":
                return f"`{name}` is a model alias, and an alias stands for a route or a tier, never for an alias"
            return f"`{name}` is a {_SINGULAR[other]}, not a {_SINGULAR[section]}"
    return did_you_mean(name, declared[section]) or f"this policy has no `{section}`"


def _repeated(root: dict[str, Plain]) -> Iterator[Finding]:
    for pattern in _LISTS:
        for path, value in values_at(root, pattern):
            seen: set[str] = set()
            for inner, item in texts_at(value, ("*",)):
                if item in seen:
                    yield Finding(
                        (*path, *inner), f"expected each name once, found {describe(item)} again", "remove it"
                    )
                seen.add(item)


def _unknown_abilities(root: dict[str, Plain], world: World) -> Iterator[Finding]:
    for path, name in texts_at(root, ("tiers", "*", "ability", "like")):
        if world.catalogue.find(name) is None:
            near = world.catalogue.nearest(name)
            hint = f"the nearest are {listed(near)}" if near else "`tiergate doctor` lists them"
            yield Finding(path, f"expected a reference model, found {describe(name)}", hint)


def _resolve_calibrations(root: dict[str, Plain], world: World, resolved: Resolved) -> Iterator[Finding]:
    if world.calibrations is None:
        return
    for path, written in texts_at(root, ("tiers", "*", "ability", "calibration")):
        if written not in resolved.calibrations:
            content = world.calibrations(written)
            if isinstance(content, str):
                hint = f"write it: tiergate calibrate --tier {path[1]} --policy FILE"
                yield Finding(path, f"expected a calibration file at {describe(written)}: {content}", hint)
                continue
            found = read_calibration(written, content, world.catalogue)
            if isinstance(found, list):
                yield from (Finding(path, f"expected a sound calibration: {message}", hint) for message, hint in found)
                continue
            resolved.calibrations[written] = found
        calibrated = resolved.calibrations[written]
        for _, model in texts_at(root, ("tiers", str(path[1]), "model")):
            if model != calibrated.model:
                message = f"expected a calibration of the tier's model {describe(model)}, found one of "
                hint = f"calibrate again: tiergate calibrate --tier {path[1]} --policy FILE"
                yield Finding(path, message + describe(calibrated.model), hint)


def _resolve_secrets(root: dict[str, Plain], world: World, resolved: Resolved) -> Iterator[Finding]:
    wrong: dict[str, str] = {}
    for pattern in _SECRETS:
        for path, reference in texts_at(root, pattern):
            if not reference.startswith(("env:", "file:/")):
                continue
            if reference not in resolved.secrets and reference not in wrong:
                answer = world.secrets(reference)
                if isinstance(answer, Secret):
                    resolved.secrets[reference] = answer
                else:
                    wrong[reference] = answer
            if reference in wrong:
                yield Finding(path, f"expected a secret behind {describe(reference)}: {wrong[reference]}")


def _resolve_prices(root: dict[str, Plain], world: World, resolved: Resolved) -> Iterator[Finding]:
    for path, price in values_at(root, ("tiers", "*", "price")):
        key, at = _price_key(root, path, price)
        if key is None:
            continue
        found = world.prices.find(*key)
        if found is not None:
            resolved.prices[key] = found
            continue
        near = world.prices.nearest(*key)
        hint = (f"the nearest are {listed(near)}; " if near else "") + "or give the price as {input: …, output: …}"
        where = f" at the provider {describe(key[1])}" if key[1] is not None else ""
        yield Finding(at, f"expected a model of the price catalogue, found {describe(key[0])}{where}", hint)


def _price_key(root: dict[str, Plain], path: Path, price: Plain) -> tuple[PriceKey | None, Path]:
    if price == "catalog":
        for _, named in texts_at(root, ("tiers", str(path[1]), "model")):
            return (named, None), path
    elif isinstance(price, dict):
        model, provider = price.get("catalog"), price.get("provider")
        if isinstance(model, str) and (provider is None or isinstance(provider, str)):
            return (model, provider), (*path, "catalog")
    return None, path
