"""The model repository for Triton: what its configuration says is what the ONNX file and the gateway's check say."""

import argparse
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gateway.adapters.oip_model import EMBEDDING_WIDTH, ServedModel, Tensor, misfits
from router_models.data import DataError
from router_models.triton import NAME, Layout, add_triton_command, config_text
from tests.architecture.sources import ROOT
from tests.support.protobuf_text import parse

SHIPPED = ROOT / "deploy/triton" / NAME / "config.pbtxt"
ARTEFACT = ROOT / "router_models/artifacts"
TYPES = {"TYPE_INT64": "INT64", "TYPE_FP32": "FP32"}
ONNX_TYPES = {"tensor(int64)": "INT64", "tensor(float)": "FP32"}


def tensors(config: dict[str, Any], kind: str) -> tuple[Tensor, ...]:
    """Return the inputs or outputs as a server describes them: Triton puts the batch before `dims`."""
    return tuple(Tensor(each["name"], TYPES[each["data_type"]], (-1, *each["dims"])) for each in config[kind])


def latent_width() -> int:
    """Return K of the artefact that ships."""
    width: int = json.loads((ARTEFACT / "manifest.json").read_text())["latent"]
    return width


def encoder(folder: Path, content: bytes = b"onnx", **changes: object) -> Path:
    """Write something that passes for an encoder's artefact."""
    folder.mkdir()
    (folder / "model.fp16.onnx").write_bytes(content)
    files = {"model.fp16.onnx": hashlib.sha256(b"onnx").hexdigest()}
    manifest = {"latent": 5, "embedding": 384, "vector": 9, "files": files, **changes}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def run(*arguments: str) -> str:
    """Run the command and return what it says."""
    parser = argparse.ArgumentParser()
    add_triton_command(parser.add_subparsers(), ARTEFACT)
    chosen = parser.parse_args(["triton", *arguments])
    said = io.StringIO()
    assert chosen.run(chosen, Console(file=said, width=1_000)) == 0
    return said.getvalue()


def test_the_shipped_configuration_is_the_one_that_the_command_writes() -> None:
    wanted = config_text(Layout(latent_width()))
    assert SHIPPED.read_text() == wanted, f"write it again: python -m router_models triton --to {SHIPPED.parents[1]}"


def test_the_gateway_takes_what_is_served_by_it_for_its_own_model() -> None:
    config = parse(SHIPPED.read_text())
    assert config["name"] == NAME
    assert misfits(ServedModel(tensors(config, "input"), tensors(config, "output")), latent_width()) == []


def test_requests_are_batched_within_two_milliseconds_on_the_gpu() -> None:
    config = parse(SHIPPED.read_text())
    batching = config["dynamic_batching"]
    assert batching["max_queue_delay_microseconds"] == 2_000
    assert max(batching["preferred_batch_size"]) <= config["max_batch_size"]
    assert config["instance_group"] == [{"kind": "KIND_GPU", "count": 1}]


def test_the_configuration_says_what_the_onnx_file_says() -> None:
    runtime = pytest.importorskip("gateway.adapters.onnx_runtime").onnxruntime
    model = ARTEFACT / "encoder" / "model.int8.onnx"
    if not model.exists():
        pytest.skip(f"{model.relative_to(ROOT)} is not there: python -m router_models train writes it")
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    config = parse(SHIPPED.read_text())
    for kind, nodes in (("input", session.get_inputs()), ("output", session.get_outputs())):
        says = {
            node.name: Tensor(
                node.name, ONNX_TYPES[node.type], tuple(size if isinstance(size, int) else -1 for size in node.shape)
            )
            for node in nodes
        }
        for tensor in tensors(config, kind):
            assert says[tensor.name] == tensor


def test_the_command_lays_the_model_out(tmp_path: Path) -> None:
    artefact = encoder(tmp_path / "encoder")
    said = run("--to", str(tmp_path / "models"), "--encoder", str(artefact), "--instances", "2")
    folder = tmp_path / "models" / NAME
    assert (folder / "1" / "model.onnx").read_bytes() == b"onnx"
    config = parse((folder / "config.pbtxt").read_text())
    assert config["output"][0]["dims"] == [5]
    assert config["output"][1]["dims"] == [EMBEDDING_WIDTH]
    assert config["output"][2]["dims"] == [9]
    assert config["instance_group"] == [{"kind": "KIND_GPU", "count": 2}]
    for warm_up in config["model_warmup"]:
        for each in warm_up["inputs"]:
            (tokens,) = each["value"]["dims"]
            assert len((folder / "warmup" / each["value"]["input_data_file"]).read_bytes()) == 8 * tokens
    assert f"--model-repository={tmp_path / 'models'}" in said


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_the_device_is_the_one_that_was_asked_for(device: str) -> None:
    config = parse(config_text(Layout(8, device=device)))
    assert config["instance_group"] == [{"kind": f"KIND_{device.upper()}", "count": 1}]


def test_a_model_that_is_not_there_or_another_is_told_and_nothing_written(tmp_path: Path) -> None:
    for artefact in (tmp_path / "nowhere", encoder(tmp_path / "other", b"another file")):
        with pytest.raises(DataError, match=f"{artefact}.*python -m router_models"):
            run("--to", str(tmp_path / "models"), "--encoder", str(artefact))
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("text", ["name", 'name: "a" }', "a {", "a [ 1", "{ }", "a ; 1"])
def test_what_is_no_configuration_is_not_taken_for_one(text: str) -> None:
    with pytest.raises((ValueError, StopIteration)):
        parse(text)
