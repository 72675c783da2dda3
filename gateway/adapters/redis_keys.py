"""Names of keys in Redis: everything of a tenant in one slot, and nothing a tenant's name could bend.

tg:{<tag of the tenant>}:<kind>:<name>
"""

import hashlib
from functools import lru_cache

from gateway.domain.ids import TenantId

TENANTS_REMEMBERED = 4_096


@lru_cache(maxsize=TENANTS_REMEMBERED)
def tenant_prefix(tenant: TenantId) -> str:
    """Begin every key of the tenant."""
    return f"tg:{{{tenant_tag(tenant)}}}:"


@lru_cache(maxsize=TENANTS_REMEMBERED)
def tenant_tag(tenant: TenantId) -> str:
    """Name the tenant in keys. The tag is a digest, so braces, stars and line ends in a name mean nothing."""
    return hashlib.blake2b(tenant.encode(), digest_size=12).hexdigest()
