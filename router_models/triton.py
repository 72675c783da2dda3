"""Lay the encoder out as NVIDIA Triton wants to find it: a folder of the model's name, with its configuration.

    DIR/tiergate_encoder/config.pbtxt
    DIR/tiergate_encoder/1/model.onnx
    DIR/tiergate_encoder/warmup/ones_32      what the server asks itself before it is ready

There is no queue policy: with one, even with a bound on the queue alone, Triton 2.51 let one request in a hundred wait
half a second while it had little to do, and without one none in 1,500. The gateway bounds what it sends and how long it
waits.
"""

import argparse
import hashlib
import json
import shutil
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from router_models.data import DataError

NAME: Final = "tiergate_encoder"
"""The model's name on the server, which a policy names under `classifier: remote: model:`."""
PREFERRED_BATCHES: Final = (8, 16, 32, 64)
MAX_BATCH: Final = 256
MAX_QUEUE_DELAY_US: Final = 2_000
"""How long a request may wait for others; the gateway's own encoder waits as long (`classifier: window:`)."""
WARM_UPS: Final = ((1, 32), (PREFERRED_BATCHES[-1], 256))
"""Texts and tokens: the ends of what comes, so that no request pays for the model's first run."""
PRECISION: Final = {"gpu": "fp16", "cpu": "fp32"}
"""8-bit integers are scaled by the largest number of a pass, so what a text is padded and batched with moves its
latent: by an eighth of the latent's standard deviation over texts (root mean square). In the others nothing moves."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What differs between installations. `device` is `gpu` or `cpu`; widths are those of the model's outputs."""

    latent: int
    embedding: int = 384
    vector: int = 128
    device: str = "gpu"
    instances: int = 1


def config_text(layout: Layout) -> str:
    """Write the configuration of the model."""
    preferred = ", ".join(map(str, PREFERRED_BATCHES))
    warm_ups = ",\n".join(_warm_up(texts, tokens) for texts, tokens in WARM_UPS)
    return f"""\
name: "{NAME}"
backend: "onnxruntime"
max_batch_size: {MAX_BATCH}
input [
  {{ name: "input_ids" data_type: TYPE_INT64 dims: [ -1 ] }},
  {{ name: "attention_mask" data_type: TYPE_INT64 dims: [ -1 ] }}
]
output [
  {{ name: "latent" data_type: TYPE_FP32 dims: [ {layout.latent} ] }},
  {{ name: "embedding" data_type: TYPE_FP32 dims: [ {layout.embedding} ] }},
  {{ name: "vector" data_type: TYPE_FP32 dims: [ {layout.vector} ] }}
]
dynamic_batching {{
  preferred_batch_size: [ {preferred} ]
  max_queue_delay_microseconds: {MAX_QUEUE_DELAY_US}
}}
instance_group [
  {{ kind: KIND_{layout.device.upper()} count: {layout.instances} }}
]
model_warmup [
{warm_ups}
]
"""


def _warm_up(texts: int, tokens: int) -> str:
    inputs = "\n".join(
        f"""\
    inputs {{
      key: "{name}"
      value {{ data_type: TYPE_INT64 dims: [ {tokens} ] input_data_file: "ones_{tokens}" }}
    }}"""
        for name in ("input_ids", "attention_mask")
    )
    return f"""\
  {{
    name: "{texts} of {tokens} tokens"
    batch_size: {texts}
{inputs}
  }}"""


def write_repository(model: Path, to: Path, layout: Layout) -> Path:
    """Copy an ONNX file and write what belongs to it below `to`; return the model's folder."""
    folder = to / NAME
    for part in ("1", "warmup"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model, folder / "1" / "model.onnx")
    for _, tokens in WARM_UPS:
        (folder / "warmup" / f"ones_{tokens}").write_bytes(array("q", [1] * tokens).tobytes())
    (folder / "config.pbtxt").write_text(config_text(layout), "utf-8")
    return folder


def read_encoder(directory: Path, precision: str) -> tuple[Path, dict[str, Any]]:
    """Return the encoder's ONNX file in that precision, and its manifest. Raises DataError."""
    manifest_path, model = directory / "manifest.json", directory / f"model.{precision}.onnx"
    try:
        manifest: dict[str, Any] = json.loads(manifest_path.read_text("utf-8"))
        wanted, found = manifest["files"].get(model.name), hashlib.sha256(model.read_bytes()).hexdigest()
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{directory} holds no encoder in {precision} ({error}); {_REMEDY}") from error
    if wanted != found:
        raise DataError(f"{model} is not the file that its manifest names: its SHA-256 is {found}; {_REMEDY}")
    return model, manifest


_REMEDY: Final = "python -m router_models train writes it, --encoder names another"


def add_triton_command(commands: Any, shipped: Path) -> None:
    """Add the command to those of `python -m router_models`; `shipped` is where the artefact lies by default."""
    what = "lay the encoder out for NVIDIA Triton"
    command = commands.add_parser(
        "triton", help=what, description=what, epilog="example: python -m router_models triton --to models"
    )
    command.set_defaults(run=_triton)
    command.add_argument("--to", type=Path, required=True, help="the model repository; made if it is not there")
    command.add_argument(
        "--encoder", type=Path, default=shipped / "encoder", help="the encoder's artefact (%(default)s)"
    )
    command.add_argument("--device", choices=sorted(PRECISION), default="gpu", help="where it is to run (%(default)s)")
    command.add_argument("--precision", choices=("fp16", "fp32", "int8"), help="fp16 on a GPU, fp32 on a CPU if absent")
    command.add_argument("--instances", type=int, default=1, help="copies on each device (%(default)s)")


def _triton(chosen: argparse.Namespace, console: Console) -> int:
    model, manifest = read_encoder(chosen.encoder, chosen.precision or PRECISION[chosen.device])
    layout = Layout(manifest["latent"], manifest["embedding"], manifest["vector"], chosen.device, chosen.instances)
    folder = write_repository(model, chosen.to, layout)
    console.print(f"{model} laid out in {folder}; serve it: tritonserver --model-repository={chosen.to}")
    return 0
