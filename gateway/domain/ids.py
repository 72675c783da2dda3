"""Names of things. Distinct types, so that a tenant cannot be passed where a tier is meant."""

from typing import NewType

RequestId = NewType("RequestId", str)
TenantId = NewType("TenantId", str)
KeyId = NewType("KeyId", str)
"""Public name of a virtual key: never the key, nor a digest one could look the key up by."""
TierName = NewType("TierName", str)
EndpointId = NewType("EndpointId", str)
"""`tier/position`, stable over reloads as long as the tier keeps its endpoints' order."""
ModelAlias = NewType("ModelAlias", str)
"""What a client may name as `model`."""
RouteName = NewType("RouteName", str)
SnapshotId = NewType("SnapshotId", str)
"""First 12 hexadecimal digits of the SHA-256 of the policy's source and the artefact's digest."""
