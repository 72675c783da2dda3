"""The file format: the dearer stages of the difficulty model."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from gateway.policy.quantities import Quantity, Text, refusal
from gateway.policy.scales import COUNT, DURATION, NUMBER, TOKENS
from gateway.policy.schema_endpoints import SecretReference, check_url
from gateway.policy.schema_tiers import ModelName
from gateway.policy.section import Section, optional, required


def check_server(url: str) -> str:
    """Refuse what is no base URL of an inference server. Raises PydanticCustomError."""
    if "/v2/" in f"{url}/":
        raise refusal("a base URL such as http://triton:8000", "stop before `/v2`: the gateway adds it itself")
    return check_url(url)


class RemoteSpec(Section):
    """A server that runs the encoder and speaks the Open Inference Protocol v2, such as NVIDIA Triton."""

    url: Annotated[str, Text("a base URL", r"[!-~]{1,2000}"), AfterValidator(check_server)] = required(
        "Base URL up to `/v2`, such as `http://triton:8000`; for `grpc` that of its gRPC port, and `https` for TLS."
    )
    protocol: Literal["http", "grpc"] = optional("http", "Which form of the protocol; `grpc` needs tiergate[remote].")
    model: ModelName = required("The model's name on the server.")
    version: ModelName | None = optional(None, "The model's version; the server chooses when absent.")
    api_key: SecretReference | None = optional(
        None, "Sent as bearer token: `env:NAME` or `file:/path`; nothing is sent when absent."
    )


def check_decider(url: str) -> str:
    """Refuse what is no base URL of a System One server. Raises PydanticCustomError."""
    if url.rstrip("/").endswith("/systemone"):
        raise refusal(
            "a base URL such as http://decider:8000/v1", "stop before `/systemone`: the gateway adds it itself"
        )
    return check_url(url)


class ScaleSpec(Section):
    """Where a System One server's answers lie on the scale from no reference model failing to all of them."""

    slope: Annotated[float, Quantity(NUMBER, "0", "100", above=True)] = required(
        "By what the logit of its answer is multiplied; 1 for another Tiergate, whose answers are on the scale."
    )
    offset: Annotated[float, Quantity(NUMBER, "-100", "100")] = required("What is then added; 0 for another Tiergate.")


class SystemOneSpec(Section):
    """A server that answers typed questions (System One): llama.cpp with a decision model, or another Tiergate."""

    url: Annotated[str, Text("a base URL", r"[!-~]{1,2000}"), AfterValidator(check_decider)] = required(
        "Base URL up to `/systemone`, such as `http://decider:8000/v1`."
    )
    model: ModelName = required("The model's name on the server; of another Tiergate `tiergate/` and an alias.")
    scale: ScaleSpec = required(
        "What its answers mean, since of a model that was never compared with graded answers nothing is known. The "
        "chance of failing that it tells is sigmoid(slope · logit + offset)."
    )
    api_key: SecretReference | None = optional(
        None, "Sent as bearer token: `env:NAME` or `file:/path`; nothing is sent when absent."
    )


class ClassifierSpec(Section):
    """The encoder and scorers elsewhere, which are asked while the cheap stages leave a decision open."""

    device: Literal["auto", "cuda", "cpu", "off"] = optional(
        "auto",
        "Where the encoder runs: on a GPU where there is one; on a GPU, or the gateway does not start; on the CPU, "
        "which one 96-token text keeps busy for 20 ms; or nowhere.",
    )
    deadline: Annotated[float, Quantity(DURATION, "1ms", "10s")] = optional(
        "20ms", "Longest wait for the encoder on a GPU and for a scorer elsewhere; then the stage before it decides."
    )
    cpu_deadline: Annotated[float, Quantity(DURATION, "1ms", "10s")] = optional(
        "60ms", "Longest wait for the encoder on the CPU, also after a GPU was lost."
    )
    window: Annotated[float, Quantity(DURATION, "0ms", "1s")] = optional(
        "2ms", "Longest time that a request waits for others to be encoded with; on the CPU none does."
    )
    queue: Annotated[int, Quantity(COUNT, "1", "100000")] = optional(
        256, "Requests that wait for the encoder, or for a scorer elsewhere, at once; further ones do without."
    )
    tokens: Annotated[int, Quantity(TOKENS, "16", "512")] = optional(
        256, "Tokens that are read of a request, at its beginning and its end; on the CPU 96 at most."
    )
    remote: RemoteSpec | None = optional(None, "A server to ask, for `scorer: remote` and where there is no encoder.")
    systemone: SystemOneSpec | None = optional(None, "A decision model to ask, for `scorer: systemone`.")
