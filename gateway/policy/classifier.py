"""The dearer stages of the difficulty model: what a policy may not say of them, and the noun that it becomes."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from gateway.domain.classifier import ENCODER_CPU_TOKENS, ClassifierTerms, EncoderDevice
from gateway.domain.remote_model import RemoteModel, SystemOneModel
from gateway.policy.problems import Finding
from gateway.policy.references import Resolved
from gateway.policy.schema import Policy
from gateway.policy.schema_classifier import ClassifierSpec, RemoteSpec, SystemOneSpec


def classifier_contradictions(policy: Policy) -> Iterator[Finding]:
    """Yield what contradicts itself in the section `classifier`, and the routes that ask for what it rules out."""
    spec = policy.classifier
    if spec.window >= spec.deadline:
        hint = "a request would be given up before it is begun"
        yield Finding(("classifier", "window"), "expected a duration below that of `deadline`", hint)
    if spec.device == "cpu" and "tokens" in spec.model_fields_set and spec.tokens > ENCODER_CPU_TOKENS:
        hint = "on the CPU more takes too long; lower it, or remove this line"
        yield Finding(("classifier", "tokens"), f"expected at most {ENCODER_CPU_TOKENS} with `device: cpu`", hint)
    if spec.remote is not None and spec.remote.protocol == "grpc" and urlsplit(spec.remote.url).path:
        hint = "gRPC knows no paths; stop at the port"
        yield Finding(("classifier", "remote", "url"), "expected a URL without a path with `protocol: grpc`", hint)
    for name, route in policy.routes.items():
        if route.scorer == "encoder" and spec.device == "off":
            hint = "the policy says `classifier: {device: off}`; choose another device, or `scorer: auto`"
            yield Finding(("routes", name, "scorer"), "expected a scorer that is there, found `encoder`", hint)
        if route.scorer == "remote" and spec.remote is None:
            hint = "add `classifier: {remote: {url: …, model: …}}`"
            yield Finding(("routes", name, "scorer"), "expected a scorer that is there, found `remote`", hint)
        if route.scorer == "systemone" and spec.systemone is None:
            hint = "add `classifier: {systemone: {url: …, model: …, scale: {slope: …, offset: …}}}`"
            yield Finding(("routes", name, "scorer"), "expected a scorer that is there, found `systemone`", hint)


def build_classifier(spec: ClassifierSpec, resolved: Resolved) -> ClassifierTerms:
    """Build the noun."""
    return ClassifierTerms(
        device=EncoderDevice(spec.device),
        deadline_s=spec.deadline,
        cpu_deadline_s=spec.cpu_deadline,
        window_s=spec.window,
        queue=spec.queue,
        tokens=spec.tokens,
        remote=None if spec.remote is None else _remote(spec.remote, resolved),
        systemone=None if spec.systemone is None else _systemone(spec.systemone, resolved),
    )


def _remote(spec: RemoteSpec, resolved: Resolved) -> RemoteModel:
    return RemoteModel(
        base_url=spec.url,
        protocol=spec.protocol,
        model=spec.model,
        version=spec.version,
        api_key=None if spec.api_key is None else resolved.secrets[spec.api_key],
    )


def _systemone(spec: SystemOneSpec, resolved: Resolved) -> SystemOneModel:
    return SystemOneModel(
        base_url=spec.url,
        model=spec.model,
        slope=spec.scale.slope,
        offset=spec.scale.offset,
        api_key=None if spec.api_key is None else resolved.secrets[spec.api_key],
    )
