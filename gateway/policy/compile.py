"""From the text of a policy to a snapshot, or to every problem with its place. Pure but for what `World` looks up.

    text ─ load ─ shape ─ references ─ contradictions ─┬─ problems
                                                       └─ build ─ snapshot

Each check runs even where an earlier one found something, on what is sound: all problems are told at once.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from gateway.domain.calibration import Catalogue
from gateway.domain.ids import ModelAlias, RouteName, SnapshotId, TierName
from gateway.domain.money import Price
from gateway.domain.receipt import ReceiptTerms
from gateway.domain.tier import Secret, Tier
from gateway.policy.build import (
    build_limits,
    build_tier,
    price_of,
)
from gateway.policy.classifier import build_classifier, classifier_contradictions
from gateway.policy.contradictions import find_contradictions, misordered
from gateway.policy.contradictions_batch import batch_contradictions, batch_prices
from gateway.policy.lanes import Lanes
from gateway.policy.load import Document, read_document
from gateway.policy.problems import MAX_FINDINGS, Finding, Problem
from gateway.policy.references import Resolved, resolve
from gateway.policy.schema import Policy
from gateway.policy.schema_tenants import keys_of
from gateway.policy.shape import check_shape
from gateway.policy.snapshot import FeedbackTerms, PolicySnapshot, Target
from gateway.policy.source import PolicySource
from gateway.policy.tenants import build_keys, open_key
from gateway.policy.world import CalibrationLookup, ChooseDial, PriceLookup, World, no_files


def compile_policy(
    source: PolicySource,
    *,
    catalogue: Catalogue,
    secrets: Callable[[str], Secret | str],
    prices: PriceLookup,
    choose_dial: ChooseDial,
    calibrations: CalibrationLookup | None = no_files,
) -> PolicySnapshot | list[Problem]:
    """Compile a policy. Total: no text makes it raise; problems come in the order of the file."""
    document = read_document(source)
    if document.root is None:
        return list(document.problems)
    world = World(catalogue, secrets, prices, choose_dial, calibrations)
    policy, findings = check_shape(document.root, document)
    resolved, unresolved = resolve(document.root, world)
    findings += [finding for finding in unresolved if not document.is_broken(finding.path)]
    findings += find_contradictions(document.root, policy)
    findings += classifier_contradictions(policy)
    findings += batch_contradictions(policy)
    prices_by_tier = _prices(policy, resolved)
    ordered = {name: price for name, price in prices_by_tier.items() if policy.tiers[name].ability}
    # Where the prices themselves are out of order, batch prices mostly are for the same reason.
    findings += list(misordered(ordered)) or misordered(batch_prices(policy, ordered), whose=" for batch requests, too")
    findings += _shared_keys(policy, resolved)
    if findings or document.problems:
        return _in_order(document, findings)
    made_from = snapshot_id(source, catalogue, [each.digest for each in resolved.calibrations.values()])
    return _build(policy, resolved, world, prices_by_tier, made_from)


def snapshot_id(source: PolicySource, catalogue: Catalogue, calibrations: Iterable[bytes] = ()) -> SnapshotId:
    """Name a snapshot by what it was made from; `calibrations` are the digests of the files that the policy names."""
    made_from = b"".join((source.content, catalogue.digest.encode(), *calibrations))
    return SnapshotId(hashlib.sha256(made_from).hexdigest()[:12])


def _prices(policy: Policy, resolved: Resolved) -> dict[str, Price]:
    known = ((name, price_of(tier, resolved)) for name, tier in policy.tiers.items())
    return {name: price for name, price in known if price is not None}


def _shared_keys(policy: Policy, resolved: Resolved) -> list[Finding]:
    """Find different references behind which the same key lies: it could not say who calls."""
    findings = []
    first: dict[Secret, str] = {}
    for name, tenant in policy.tenants.items():
        for field, position, reference in keys_of(tenant):
            secret = resolved.secrets.get(reference)
            if secret is not None and first.setdefault(secret, reference) != reference:
                message = f"expected a key of its own, found the same secret as behind `{first[secret]}`"
                findings.append(Finding(("tenants", name, field, position), message))
    return findings


def _in_order(document: Document, findings: list[Finding]) -> list[Problem]:
    problems = dict.fromkeys([*document.problems, *map(document.problem, findings)])
    in_order = sorted(problems, key=lambda problem: (problem.line, problem.column))
    if len(in_order) > MAX_FINDINGS:
        last = in_order[MAX_FINDINGS]
        return [*in_order[:MAX_FINDINGS], replace(last, path="", message="and more problems", hint="mend these first")]
    return in_order


def _build(
    policy: Policy, resolved: Resolved, world: World, prices: Mapping[str, Price], name: SnapshotId
) -> PolicySnapshot:
    tiers = {
        TierName(tier_name): build_tier(tier_name, rank, spec, prices[tier_name], resolved, world.catalogue)
        for rank, (tier_name, spec) in enumerate(policy.tiers.items())
    }
    lanes = Lanes(policy, tiers, world)
    for route_name, spec in policy.routes.items():
        lanes.add_route(RouteName(route_name), spec)
    aliases = _aliases(policy, tiers, lanes)
    return PolicySnapshot(
        id=name,
        tiers=MappingProxyType(tiers),
        routes=MappingProxyType(lanes.routes),
        aliases=MappingProxyType(aliases),
        keys=MappingProxyType(build_keys(policy, resolved)),
        open_key=None if policy.tenants else open_key(),
        limits=build_limits(policy.limits),
        batch=lanes.batch(),
        receipts=ReceiptTerms(policy.receipts.keep, policy.receipts.ttl, policy.receipts.memory),
        classifier=build_classifier(policy.classifier, resolved),
        feedback=FeedbackTerms(shared=policy.feedback.scope == "shared", sample=policy.feedback.sample),
        artefact=world.catalogue.digest,
        space=world.catalogue.space,
        references=tuple(world.catalogue.references.values()),
    )


def _aliases(policy: Policy, tiers: dict[TierName, Tier], lanes: Lanes) -> dict[ModelAlias, Target]:
    """Resolve the aliases, and add to the routes one for each tier that an alias names."""
    aliases = {}
    for name, alias in policy.models.items():
        if alias.tier is None:
            aliases[ModelAlias(name)] = Target(RouteName(str(alias.route)), None)
            continue
        tier = tiers[TierName(alias.tier)]
        aliases[ModelAlias(name)] = Target(lanes.add_pinned(tier), tier.name)
    return aliases
