"""Who may share an answer, and under which key it lies."""

from gateway.domain.ids import RouteName, TenantId
from gateway.domain.noun import noun


@noun
class CacheScope:
    """A hard partition: nothing is ever read across scopes. `secret` keys the HMAC of everything inside."""

    tenant: TenantId
    secret: bytes


@noun
class Sharing:
    """Whose answers a caller shares, where that is not its tenant's.

    `partition` is the tenant, or the group of tenants, whose partition they lie in; `secret_of` is whose secret keys
    them there: the group's, or the caller's own.
    """

    partition: TenantId
    secret_of: TenantId


@noun
class ExactKey:
    """Where an exact answer lies: the tenant's partition and a 32-byte HMAC-SHA256 in hexadecimal.

    `tenant` is the name of the partition, which may be a group's.
    """

    tenant: TenantId
    digest: str


@noun
class CachedAnswer:
    """A whole answer as the model server gave it (never a truncated or failed one), and what it cost then."""

    body: bytes
    tier: str
    served_model: str
    input_tokens: int
    output_tokens: int
    stored_at_s: float
    """Wall-clock seconds since the epoch."""
    took_s: float = 0.0
    """How long the model servers took over it."""
    route: RouteName = RouteName("")
    """The route that it was given on."""
    purge: int = 0
    """Number of the tenant's last purge that was known when it was asked for; 0 for none."""
