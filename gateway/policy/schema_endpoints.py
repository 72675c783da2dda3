"""The file format: the model servers of a tier."""

from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator

from gateway.policy.quantities import Text, refusal
from gateway.policy.section import Section, optional, required

SecretReference = Annotated[
    str,
    Text(
        "a reference to a secret, `env:NAME` or `file:/path`",
        r"env:[A-Za-z_][A-Za-z0-9_]{0,127}|file:/[^\x00-\x1f\x7f]{1,1000}",
        "a policy never holds the secret itself",
    ),
]
_BASE_URL = "a base URL such as http://10.0.0.7:8000/v1"


def check_url(url: str) -> str:
    """Refuse what is no base URL of a model server, and drop a slash at its end. Raises PydanticCustomError."""
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0
    except ValueError:
        raise refusal(_BASE_URL, "it cannot be read as a URL") from None
    if parts.username is not None or parts.password is not None:
        raise refusal(f"{_BASE_URL} without credentials", "give the key as `api_key: env:NAME`")
    if parts.scheme not in {"http", "https"}:
        raise refusal(_BASE_URL, "it must start with http:// or https://")
    if not parts.hostname or not has_port:
        raise refusal(_BASE_URL, "it must name a host, and a port from 1 to 65535 if any")
    if parts.query or parts.fragment:
        raise refusal(_BASE_URL, "remove what follows `?` or `#`")
    if parts.path.rstrip("/").endswith(("/completions", "/embeddings", "/models")):
        raise refusal(_BASE_URL, "stop before the operation: the gateway adds `/chat/completions` itself")
    if _is_link_local(parts.hostname):
        raise refusal(_BASE_URL, "link-local addresses are refused: cloud providers serve credentials there")
    return url.rstrip("/")


def _is_link_local(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_link_local


def check_metrics(written: str) -> str:
    """Refuse what is neither a word nor the address of a page. Raises PydanticCustomError."""
    if written in {"auto", "off"}:
        return written
    parts = urlsplit(check_url(written))
    if not parts.path:
        raise refusal("`auto`, `off`, or the URL of a page of metrics", "add its path, such as /metrics")
    return written


class EndpointSpec(Section):
    """One model server of the tier."""

    url: Annotated[str, Text("a base URL", r"[!-~]{1,2000}"), AfterValidator(check_url)] = required(
        "Base URL up to the operation, such as `http://10.0.0.7:8000/v1`."
    )
    dialect: Literal["openai", "vllm", "sglang", "llamacpp", "basic", "anthropic"] = optional(
        "openai",
        "What the server speaks; `basic` is never sent `stream_options`, so its streamed tokens are counted; "
        "`anthropic` is sent its key as `x-api-key`.",
    )
    apis: tuple[Literal["chat", "messages", "responses"], ...] | None = optional(
        None,
        "In which APIs the server takes a chat: OpenAI's chat completions, Anthropic's Messages, OpenAI's Responses. A "
        "request goes on as it came where the server takes its client's own, and is translated otherwise, into the "
        "first named if the server takes no chat completions. `[messages]` for the dialect anthropic and `[chat]` for "
        "all others, when absent.",
    )
    api_key: SecretReference | None = optional(
        None, "Sent as bearer token: `env:NAME` or `file:/path`; nothing is sent when absent."
    )
    metrics: Annotated[str, Text("`auto`, `off` or a URL", r"[!-~]{1,2000}"), AfterValidator(check_metrics)] = optional(
        "auto",
        "Where the server tells how many requests it has, from everybody; read every 2 s. `auto` is `/metrics` beside "
        "the base URL for the dialects vllm, sglang and llamacpp, and nothing for others; or a URL, as of Triton.",
    )
    transport: Literal["lean", "httpx"] = optional(
        "lean",
        "Both speak HTTP/1.1 over pooled connections: `lean` is the gateway's own; `httpx` takes forty times its CPU, "
        "for a server that `lean` does not get on with.",
    )
