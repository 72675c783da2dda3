"""The Open Inference Protocol v2 over gRPC. Needs the extra `remote`; only a policy that asks for gRPC loads this."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import grpc
import numpy as np

from gateway.adapters.oip_messages import MESSAGES, SERVICE
from gateway.adapters.oip_model import ATTENTION_MASK, INPUT_IDS, INPUT_TYPE, Rows, ServedModel, Tensor, row_of, rows_of
from gateway.adapters.remote_trouble import BadAnswer, Overloaded, Refused, RemoteTrouble, TooLate, Unreachable
from gateway.domain.remote_model import RemoteModel

MAX_ANSWER_BYTES: Final = 64 * 1024
_FLOAT_BYTES: Final = 4
_MAX_SAID_CHARS: Final = 200
_PORTS: Final = {"http": 80, "https": 443}
_LOOK_TIMEOUT_S: Final = 2.0
"""For questions about the model, where whoever asks sets no limit."""
_OPTIONS: Final = (
    # gRPC by itself waits up to two minutes before it connects again; when to ask again is decided by the scorer.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.max_receive_message_length", MAX_ANSWER_BYTES),
    ("grpc.enable_http_proxy", 0),
    # Two scorers of one process, of an old policy and a new one, are not to share a connection that one closes.
    ("grpc.use_local_subchannel_pool", 1),
)
_REFUSALS: Final = {
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.INVALID_ARGUMENT,
}


class GrpcInference:
    """`InferenceServer` over one channel of its own, opened at the first call: a channel belongs to an event loop.

    With `blocking` every call blocks its thread. For a look before the event loop runs: gRPC keeps one queue of events
    for all loops of a process, and those that a closed loop left behind would hold up the loop that comes after it.
    """

    def __init__(self, remote: RemoteModel, *, blocking: bool = False) -> None:
        parts = urlsplit(remote.base_url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        self._target = f"{host}:{parts.port or _PORTS[parts.scheme]}"
        self._is_secure = parts.scheme == "https"
        self._blocking = blocking
        self._channel: Any = None
        self._methods: dict[str, Callable[..., Any]] = {}
        self._named = {"name": remote.model, "version": remote.version or ""}
        self._asked = {"model_name": remote.model, "model_version": remote.version or ""}
        key = remote.api_key
        self._metadata = () if key is None else (("authorization", f"Bearer {key.reveal()}"),)

    async def is_ready(self) -> bool:
        """Ask for the server's health."""
        return bool((await self._call("ServerReady", {})).ready)

    async def is_loaded(self) -> bool:
        """Ask for the model's health."""
        return bool((await self._call("ModelReady", self._named)).ready)

    async def served_model(self) -> ServedModel:
        """Return what the server says of the model."""
        told = await self._call("ModelMetadata", self._named)
        inputs, outputs = (
            tuple(Tensor(each.name, each.datatype, tuple(each.shape)) for each in described)
            for described in (told.inputs, told.outputs)
        )
        return ServedModel(inputs, outputs)

    async def infer(self, ids: Sequence[int], mask: Sequence[int], served: ServedModel, timeout_s: float) -> Rows:
        """Return the wanted outputs for one text. The server is told the time with the call."""
        shape = (1, len(ids))
        question = {
            **self._asked,
            "inputs": [{"name": name, "datatype": INPUT_TYPE, "shape": shape} for name in (INPUT_IDS, ATTENTION_MASK)],
            "outputs": [{"name": name} for name in served.wanted],
            "raw_input_contents": [array("q", ids).tobytes(), array("q", mask).tobytes()],
        }
        answer = await self._call("ModelInfer", question, timeout_s)
        return read_answer(answer, served.wanted)

    async def aclose(self) -> None:
        """Close the channel, and with it whatever is under way."""
        if self._channel is not None:
            closing = self._channel.close()
            if not self._blocking:
                await closing

    async def _call(self, name: str, fields: Mapping[str, Any], timeout_s: float = _LOOK_TIMEOUT_S) -> Any:
        method = self._methods.get(name) or self._method(name)
        try:
            answer = method(MESSAGES[f"{name}Request"](**fields), timeout=timeout_s, metadata=self._metadata)
            return answer if self._blocking else await answer
        except grpc.RpcError as error:
            raise self._trouble(error) from error

    def _method(self, name: str) -> Callable[..., Any]:
        if self._channel is None:
            self._channel = self._open()
        method: Callable[..., Any] = self._channel.unary_unary(
            f"{SERVICE}/{name}",
            request_serializer=MESSAGES[f"{name}Request"].SerializeToString,
            response_deserializer=MESSAGES[f"{name}Response"].FromString,
        )
        self._methods[name] = method
        return method

    def _open(self) -> Any:
        kind = grpc if self._blocking else grpc.aio
        if self._is_secure:
            return kind.secure_channel(self._target, grpc.ssl_channel_credentials(), options=_OPTIONS)
        return kind.insecure_channel(self._target, options=_OPTIONS)

    def _trouble(self, error: Any) -> RemoteTrouble:
        """Return what a status stands for.

        `UNAVAILABLE` comes from gRPC itself when nobody answers, and from servers whose queue is full: it is the
        server's own when the connection stands.
        """
        code = error.code()
        text = f"gRPC {code.name}{_quoted(error.details() or '')}"
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return TooLate(text)
        if code is grpc.StatusCode.UNAVAILABLE:
            return Overloaded(text) if self._is_connected() else Unreachable(text)
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            return Overloaded(text)
        return Refused(text) if code in _REFUSALS else BadAnswer(text)

    def _is_connected(self) -> bool:
        # Only gRPC's asyncio channels tell their state.
        return not self._blocking and self._channel.get_state() is grpc.ChannelConnectivity.READY


def read_answer(answer: Any, wanted: Sequence[str]) -> Rows:
    """Return the outputs of a ModelInferResponse, raw or typed. Raises BadAnswer."""
    raw = answer.raw_output_contents
    if raw and len(raw) != len(answer.outputs):
        raise BadAnswer(f"its answer describes {len(answer.outputs)} outputs and holds {len(raw)}")
    found = {}
    for position, output in enumerate(answer.outputs):
        if raw:
            content = raw[position]
            numbers = np.frombuffer(content, dtype="<f4", count=len(content) // _FLOAT_BYTES)
        else:
            numbers = np.array(output.contents.fp32_contents, dtype=np.float32)
        found[output.name] = row_of(output.name, output.datatype, [*output.shape], numbers)
    return rows_of(found, wanted)


def _quoted(said: str) -> str:
    plain = " ".join("".join(char if char.isprintable() else " " for char in said).split())
    return f", {plain[:_MAX_SAID_CHARS]!r}" if plain else ""
