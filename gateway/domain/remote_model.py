"""The difficulty model where another server runs it, or a decision model that stands for it."""

from gateway.domain.noun import noun
from gateway.domain.tier import Secret


@noun
class RemoteModel:
    """A model on a server that speaks the Open Inference Protocol v2.

    `base_url` ends before `/v2`, without a slash; `https` means TLS over gRPC too. `version` None leaves the choice to
    the server.
    """

    base_url: str
    protocol: str
    """`http` or `grpc`."""
    model: str
    version: str | None = None
    api_key: Secret | None = None


@noun
class SystemOneModel:
    """A decision model on a server that speaks the System One API.

    `base_url` ends before `/systemone`, without a slash. `slope` and `offset` bring its answers to our scale
    (`core.difficulty_curve.rescaled`): 1 and 0 where they are on it already.
    """

    base_url: str
    model: str
    slope: float
    offset: float
    api_key: Secret | None = None
