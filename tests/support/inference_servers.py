"""A scripted v2 inference server: in memory, over HTTP on loopback, and over gRPC on loopback."""

import asyncio
import json
from array import array
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

import grpc
import numpy as np

from gateway.adapters.oip_grpc import GrpcInference
from gateway.adapters.oip_http import HttpInference
from gateway.adapters.oip_messages import MESSAGES, PACKAGE
from gateway.adapters.oip_model import (
    ATTENTION_MASK,
    EMBEDDING,
    EMBEDDING_WIDTH,
    FAMILIARITY,
    INPUT_IDS,
    LATENT,
    VECTOR,
    InferenceServer,
    Rows,
    ServedModel,
    Tensor,
    row_of,
    rows_of,
)
from gateway.adapters.remote_trouble import Overloaded, Refused, RemoteTrouble, TooLate, Unreachable
from gateway.adapters.upstream_lean import LeanTransport
from gateway.domain.remote_model import RemoteModel
from tests.support.behaviours import json_reply
from tests.support.fault_server import FaultServer
from tests.support.networks import free_port
from tests.support.scripts import End, Reply, Script, SeenRequest, Send

WIDTH = 3
MODEL = "tiergate_encoder"
OURS = ServedModel(
    inputs=(Tensor(INPUT_IDS, "INT64", (-1, -1)), Tensor(ATTENTION_MASK, "INT64", (-1, -1))),
    outputs=(Tensor(LATENT, "FP32", (-1, WIDTH)), Tensor(EMBEDDING, "FP32", (-1, EMBEDDING_WIDTH))),
)


@dataclass(frozen=True, slots=True)
class Output:
    """One output of an answer. `shape` None is one row of the numbers."""

    name: str
    numbers: tuple[float, ...]
    datatype: str = "FP32"
    shape: tuple[int, ...] | None = None

    def described(self) -> dict[str, Any]:
        """Return it without its numbers."""
        shape = (1, len(self.numbers)) if self.shape is None else self.shape
        return {"name": self.name, "datatype": self.datatype, "shape": shape}


@dataclass(slots=True)
class Asked:
    """One inference as the server saw it."""

    ids: list[int]
    mask: list[int]
    version: str
    key: str | None
    gone: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class InferenceScript:
    """What the server is and does. `trouble` is None, or what comes of every inference instead of an answer.

    Troubles: `full`, `broken`, `late`, `refused`, `stalls`.
    """

    served: ServedModel = OURS
    model: str = MODEL
    is_ready: bool = True
    is_loaded: bool = True
    key: str | None = None
    trouble: str | None = None
    changed: Mapping[str, Output] = field(default_factory=dict)
    """Outputs that are answered otherwise than they should be, by the name of the one asked for."""
    said: str = "scripted"
    asked: list[Asked] = field(default_factory=list)

    def outputs(self, asked: Asked, wanted: Iterable[str]) -> list[Output]:
        """Return what is answered: by default numbers from which one can tell what was asked."""
        sound = {
            LATENT: Output(LATENT, latent_of(asked.ids, asked.mask)),
            EMBEDDING: Output(EMBEDDING, embedding_of(asked.ids)),
            FAMILIARITY: Output(FAMILIARITY, (0.75,)),
            VECTOR: Output(VECTOR, (0.6, -0.8)),
        }
        return [self.changed.get(name, sound[name]) for name in wanted]


def latent_of(ids: Sequence[int], mask: Sequence[int]) -> tuple[float, ...]:
    """Return the default latent: the sum of the ids that count, how many they are, and a half."""
    return (float(sum(i for i, m in zip(ids, mask, strict=True) if m)), float(sum(mask)), 0.5)


def embedding_of(ids: Sequence[int]) -> tuple[float, ...]:
    """Return the default embedding: of length 1, with its one in the place that the first id names."""
    return tuple(1.0 if place == ids[0] % EMBEDDING_WIDTH else 0.0 for place in range(EMBEDDING_WIDTH))


@dataclass(slots=True)
class Served:
    """A client of ours, and the server behind it."""

    server: InferenceServer
    script: InferenceScript
    remote: RemoteModel


class FakeInference:
    """`InferenceServer` in memory. Set `is_reachable` to False for a server that is down."""

    def __init__(self, script: InferenceScript, remote: RemoteModel) -> None:
        self.script = script
        self.is_reachable = True
        self.is_closed = False
        self._remote = remote

    async def is_ready(self) -> bool:
        """Tell what the script says."""
        self._reach()
        return self.script.is_ready

    async def served_model(self) -> ServedModel:
        """Describe what the script says."""
        self._reach()
        self._admit()
        return self.script.served

    async def is_loaded(self) -> bool:
        """Tell what the script says."""
        self._reach()
        return self.script.is_loaded

    async def infer(self, ids: Sequence[int], mask: Sequence[int], served: ServedModel, timeout_s: float) -> Rows:
        """Do what the script says."""
        self._reach()
        self._admit()
        asked = Asked([*ids], [*mask], self._remote.version or "", self._key())
        self.script.asked.append(asked)
        if self.script.trouble == "stalls":
            try:
                await asyncio.Event().wait()
            finally:
                asked.gone.set()
        if self.script.trouble is not None:
            raise _TROUBLES[self.script.trouble](self.script.said)
        outputs = self.script.outputs(asked, served.wanted)
        found = {
            each.name: row_of(
                each.name, each.datatype, [*each.described()["shape"]], np.array(each.numbers, dtype=np.float32)
            )
            for each in outputs
        }
        return rows_of(found, served.wanted)

    async def aclose(self) -> None:
        """Remember that it was closed."""
        self.is_closed = True

    def _reach(self) -> None:
        if not self.is_reachable:
            raise Unreachable("scripted: nobody there")

    def _admit(self) -> None:
        if self.script.key not in {None, self._key()}:
            raise Refused("scripted: unknown key")
        if self._remote.model != self.script.model:
            raise Refused("scripted: no such model")

    def _key(self) -> str | None:
        return None if self._remote.api_key is None else self._remote.api_key.reveal()


_TROUBLES: dict[str, type[RemoteTrouble]] = {
    "full": Overloaded,
    "broken": RemoteTrouble,
    "late": TooLate,
    "refused": Refused,
}
_GRPC_THREADS = 8
_HTTP = {"full": 503, "throttled": 429, "broken": 500, "late": 504, "refused": 400}
_GRPC = {
    "full": grpc.StatusCode.UNAVAILABLE,
    "throttled": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "broken": grpc.StatusCode.INTERNAL,
    "late": grpc.StatusCode.DEADLINE_EXCEEDED,
    "refused": grpc.StatusCode.INVALID_ARGUMENT,
}


@asynccontextmanager
async def inference(kind: str, script: InferenceScript, *, is_up: bool = True, **fields: Any) -> AsyncIterator[Served]:
    """Serve the script as `kind`: fake, http, binary (HTTP with that extension) or grpc.

    `fields` are those of the RemoteModel.
    """
    if kind == "binary":
        script.served = replace(script.served, is_binary=True)
    remote = replace(RemoteModel("http://scripted:8000", "grpc" if kind == "grpc" else "http", MODEL), **fields)
    if kind == "fake":
        fake = FakeInference(script, remote)
        fake.is_reachable = is_up
        yield Served(fake, script, remote)
    elif kind in {"http", "binary"}:
        async with _http(script, remote, is_up=is_up) as served:
            yield served
    else:
        async with _grpc(script, remote, is_up=is_up) as served:
            yield served


@asynccontextmanager
async def _http(script: InferenceScript, remote: RemoteModel, *, is_up: bool) -> AsyncIterator[Served]:
    transport = LeanTransport()
    async with FaultServer() as server:
        server.plan.general = lambda seen: over_http(script, seen)
        origin = server.origin if is_up else f"http://127.0.0.1:{free_port()}"
        remote = replace(remote, base_url=origin)
        client = HttpInference(remote, transport)
        try:
            yield Served(client, script, remote)
        finally:
            await client.aclose()
            await transport.aclose()


def over_http(script: InferenceScript, seen: SeenRequest) -> Script:
    """Answer one HTTP request as the script says."""
    bearer = (seen.header(b"authorization") or b"").decode().removeprefix("Bearer ") or None
    if seen.path == "/v2":
        extensions = ["binary_tensor_data"] if script.served.is_binary else []
        return json_reply(200, json.dumps({"name": "scripted", "version": "1", "extensions": extensions}).encode())
    path = seen.path.removeprefix("/v2/")
    if path == "health/ready":
        return json_reply(200 if script.is_ready else 503, b"{}")
    if script.key not in {None, bearer}:
        return json_reply(401, _error(script.said))
    model, _, version = path.removeprefix("models/").removesuffix("/infer").removesuffix("/ready").partition("/")
    if model != script.model:
        return json_reply(404, _error(f"no model {model}"))
    if path.endswith("/ready"):
        return json_reply(200, json.dumps({"name": MODEL, "ready": script.is_loaded}).encode())
    if not path.endswith("/infer"):
        return json_reply(200, json.dumps(_described(script.served)).encode())
    inputs = {each["name"]: each for each in seen.json["inputs"]}
    asked = Asked(
        inputs[INPUT_IDS]["data"], inputs[ATTENTION_MASK]["data"], version.removeprefix("versions/"), bearer, seen.gone
    )
    script.asked.append(asked)
    if script.trouble == "stalls":
        return Reply(before=(End.STALL,))
    if script.trouble is not None:
        return json_reply(_HTTP[script.trouble], _error(script.said))
    return _answered(script.outputs(asked, [each["name"] for each in seen.json["outputs"]]), seen.json["outputs"][0])


def _answered(outputs: Sequence[Output], asked: Mapping[str, Any]) -> Reply:
    if not asked.get("parameters", {}).get("binary_data"):
        told = [{**each.described(), "parameters": None, "data": each.numbers} for each in outputs]
        return json_reply(200, json.dumps({"model_name": MODEL, "outputs": told}).encode())
    raw = [array("f", each.numbers).tobytes() for each in outputs]
    sized = [
        {**each.described(), "parameters": {"binary_data_size": len(content)}}
        for each, content in zip(outputs, raw, strict=True)
    ]
    head = json.dumps({"model_name": MODEL, "outputs": sized}).encode()
    headers = (
        (b"content-type", b"application/octet-stream"),
        (b"inference-header-content-length", str(len(head)).encode()),
    )
    return Reply(200, headers, body=(Send(head + b"".join(raw)),))


def _error(said: str) -> bytes:
    return json.dumps({"error": said}).encode()


def _described(served: ServedModel) -> dict[str, Any]:
    return {
        "name": MODEL,
        "platform": "onnx_onnxv1",
        "inputs": [{"name": t.name, "datatype": t.datatype, "shape": t.shape} for t in served.inputs],
        "outputs": [{"name": t.name, "datatype": t.datatype, "shape": t.shape} for t in served.outputs],
    }


@asynccontextmanager
async def _grpc(script: InferenceScript, remote: RemoteModel, *, is_up: bool) -> AsyncIterator[Served]:
    # In threads: gRPC's asyncio server leaves events behind, which the next test's loop would be given.
    server = grpc.server(ThreadPoolExecutor(_GRPC_THREADS))
    service = _Service(script, asyncio.get_running_loop())
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            getattr(service, name), MESSAGES[f"{name}Request"].FromString, MESSAGES[f"{name}Response"].SerializeToString
        )
        for name in ("ServerReady", "ModelReady", "ModelMetadata", "ModelInfer")
    }
    service_name = f"{PACKAGE}.GRPCInferenceService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service_name, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    remote = replace(remote, base_url=f"http://127.0.0.1:{port if is_up else free_port()}")
    client = GrpcInference(remote)
    try:
        yield Served(client, script, remote)
    finally:
        await client.aclose()
        await asyncio.to_thread(server.stop(None).wait)


class _Service:
    """The same script as gRPC's methods, which name themselves."""

    def __init__(self, script: InferenceScript, loop: asyncio.AbstractEventLoop) -> None:
        self._script = script
        self._loop = loop

    def ServerReady(self, request: Any, context: Any) -> Any:
        return MESSAGES["ServerReadyResponse"](ready=self._script.is_ready)

    def ModelReady(self, request: Any, context: Any) -> Any:
        self._admit(request.name, context)
        return MESSAGES["ModelReadyResponse"](ready=self._script.is_loaded)

    def ModelMetadata(self, request: Any, context: Any) -> Any:
        self._admit(request.name, context)
        described = _described(self._script.served)
        return MESSAGES["ModelMetadataResponse"](
            name=described["name"], inputs=described["inputs"], outputs=described["outputs"]
        )

    def ModelInfer(self, request: Any, context: Any) -> Any:
        script = self._script
        key = self._admit(request.model_name, context)
        assert [each.name for each in request.inputs] == [INPUT_IDS, ATTENTION_MASK]
        ids, mask = (array("q", raw).tolist() for raw in request.raw_input_contents)
        asked = Asked(ids, mask, request.model_version, key)
        script.asked.append(asked)
        if script.trouble == "stalls":
            left = Event()
            context.add_callback(left.set)
            left.wait()
            self._loop.call_soon_threadsafe(asked.gone.set)
            return MESSAGES["ModelInferResponse"]()
        if script.trouble is not None:
            context.abort(_GRPC[script.trouble], script.said)
        outputs = script.outputs(asked, [each.name for each in request.outputs])
        return MESSAGES["ModelInferResponse"](
            model_name=script.model,
            outputs=[each.described() for each in outputs],
            raw_output_contents=[array("f", each.numbers).tobytes() for each in outputs],
        )

    def _admit(self, model: str, context: Any) -> str | None:
        bearer = dict(context.invocation_metadata()).get("authorization", "").removeprefix("Bearer ") or None
        if self._script.key not in {None, bearer}:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, self._script.said)
        if model != self._script.model:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no model {model}")
        return bearer
