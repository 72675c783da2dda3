"""Tenants and their keys: from checked types to the nouns of the snapshot."""

import hashlib
from typing import Final

from gateway.domain.batch import Priority
from gateway.domain.identity import Sharing
from gateway.domain.ids import KeyId, ModelAlias, TenantId, TierName
from gateway.domain.ledger import Allowance
from gateway.policy.contradictions import OPEN_TENANT
from gateway.policy.references import Resolved
from gateway.policy.schema import Policy
from gateway.policy.schema_tenants import TenantSpec, keys_of
from gateway.policy.snapshot import Tenant, VirtualKey

_WINDOW_S: Final = {"minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800, "month": 2_592_000}


def key_digest(key: str) -> bytes:
    """Return what a virtual key is stored and compared as."""
    return hashlib.sha256(key.encode()).digest()


def build_tenant(name: str, spec: TenantSpec) -> Tenant:
    """Build a tenant."""
    budget, rate = spec.budget, spec.rate
    return Tenant(
        id=TenantId(name),
        allowance=Allowance(
            budget_usd_nano=None if budget is None else budget.usd,
            budget_window_s=_WINDOW_S["day" if budget is None else budget.window],
            requests_per_minute=rate.rpm,
            tokens_per_minute=rate.tpm,
        ),
        tiers=None if spec.tiers is None else frozenset(map(TierName, spec.tiers)),
        aliases=None if spec.models is None else frozenset(map(ModelAlias, spec.models)),
        may_pin=spec.allow.pin_tier,
        may_debug=spec.allow.debug,
        may_record_text=spec.record_text,
        trace_text_until_s=spec.trace_text_until,
        strongest_share=spec.strongest_share,
        cache_scope=spec.cache.scope,
        share=spec.share,
    )


def sharing_of(name: str, spec: TenantSpec, digest: bytes) -> Sharing | None:
    """Return whose kept answers a tenant's key shares. `digest` is the key's.

    A key's own secret follows from the key itself: its place among the tenant's keys may become another's.
    """
    scope = spec.cache.scope
    if scope == "tenant":
        return None
    if scope == "key":
        return Sharing(TenantId(name), TenantId(f"{name}\0{hashlib.sha256(digest).hexdigest()}"))
    return Sharing(TenantId(scope), TenantId(scope))


def open_key() -> VirtualKey:
    """Return who everyone is while a policy names no tenants: someone who may do everything."""
    tenant = Tenant(TenantId(OPEN_TENANT), Allowance(), None, None, may_pin=True, may_debug=True)
    return VirtualKey(KeyId(OPEN_TENANT), tenant)


def build_keys(policy: Policy, resolved: Resolved) -> dict[bytes, VirtualKey]:
    """Build every tenant's keys, by their digests."""
    keys = {}
    for name, spec in policy.tenants.items():
        tenant = build_tenant(name, spec)
        for field, position, reference in keys_of(spec):
            digest = key_digest(resolved.secrets[reference].reveal())
            sharing = sharing_of(name, spec, digest)
            if field == "keys":
                keys[digest] = VirtualKey(KeyId(f"{name}/{position}"), tenant, sharing)
            else:
                keys[digest] = VirtualKey(KeyId(f"{name}/batch/{position}"), tenant, sharing, Priority.BATCH)
    return keys
