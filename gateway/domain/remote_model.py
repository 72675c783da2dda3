"""The difficulty model where another server runs it."""

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
