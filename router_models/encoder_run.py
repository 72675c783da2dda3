"""Texts through an ONNX file of the encoder, on a device that is really used."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.adapters.onnx_runtime import onnxruntime
from gateway.core.encoder_text import encoder_ids
from gateway.core.wordpiece import WordPieces
from gateway.domain.classifier import ENCODER_TOKENS
from router_models.data import DataError
from router_models.encoder_graph import INPUTS
from router_models.encoder_weights import Floats

Ids = NDArray[np.int64]

PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_SEVERITY_ERROR: Final = 3


class Padded(NamedTuple):
    """A batch, (texts) x (tokens): ids, and 1 where one counts."""

    ids: Ids
    mask: Ids


def rows_of(pieces: WordPieces, texts: Sequence[str], tokens: int = ENCODER_TOKENS) -> list[list[int]]:
    """Return what the encoder reads of each text, as serving cuts it."""
    return [encoder_ids(pieces, text, "", tokens) for text in texts]


def padded(rows: Sequence[Sequence[int]], padding: int) -> Padded:
    """Fill rows up to the longest."""
    width = max(map(len, rows))
    ids = np.full((len(rows), width), padding, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for position, row in enumerate(rows):
        ids[position, : len(row)] = row
        mask[position, : len(row)] = 1
    return Padded(ids, mask)


class EncoderRun:
    """A session on one device. `threads` 0 leaves the number to the runtime."""

    def __init__(self, model: Path | bytes, device: str = "cpu", threads: int = 0) -> None:
        """Open the session and make sure of the device. Raises DataError."""
        self.device = device
        self.session = _open(model, device, threads)
        self.outputs: tuple[str, ...] = tuple(each.name for each in self.session.get_outputs())

    @property
    def providers(self) -> tuple[str, ...]:
        """Tell what the session runs on, the first first."""
        return tuple(self.session.get_providers())

    def run(self, batch: Padded, outputs: Sequence[str] = ()) -> list[Floats]:
        """Pass a batch through; return the named outputs, or all."""
        found: list[Floats] = self.session.run(list(outputs or self.outputs), dict(zip(INPUTS, batch, strict=True)))
        return found


class BoundRun:
    """The same with inputs and outputs that stay on the device, one set for each shape of batch."""

    def __init__(self, model: EncoderRun, outputs: Sequence[str]) -> None:
        self._session = model.session
        self._device = model.device
        self._outputs = tuple(outputs)
        self._bound: dict[tuple[int, ...], tuple[Any, list[Any]]] = {}

    def run(self, batch: Padded) -> list[Floats]:
        """Copy a batch to the device, pass it through, and copy the outputs back."""
        binding, places = self._bound.get(batch.ids.shape) or self._bind(batch)
        for place, values in zip(places, batch, strict=True):
            place.update_inplace(values)
        self._session.run_with_iobinding(binding)
        found: list[Floats] = binding.copy_outputs_to_cpu()
        return found

    def _bind(self, batch: Padded) -> tuple[Any, list[Any]]:
        binding = self._session.io_binding()
        places = [onnxruntime.OrtValue.ortvalue_from_numpy(values, self._device, 0) for values in batch]
        for name, place in zip(INPUTS, places, strict=True):
            binding.bind_ortvalue_input(name, place)
        for name in self._outputs:
            binding.bind_output(name, self._device)
        self._bound[batch.ids.shape] = binding, places
        return binding, places


def _open(model: Path | bytes, device: str, threads: int) -> Any:
    provider = PROVIDERS[device]
    if provider not in onnxruntime.get_available_providers():
        raise DataError(
            f"the installed onnxruntime {onnxruntime.__version__} has no {provider}, which --device {device} needs. "
            "Run: pip uninstall onnxruntime; pip install onnxruntime-gpu[cuda,cudnn]"
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SEVERITY_ERROR
    options.intra_op_num_threads = threads
    if device == "cuda":
        # CUDA's libraries may have come as packages, in which no loader looks of itself.
        onnxruntime.preload_dlls()
    session = onnxruntime.InferenceSession(model, options, providers=[provider])
    # Without this a failure on the GPU would be answered by a silent session on the CPU.
    session.disable_fallback()
    if session.get_providers()[0] != provider:
        raise DataError(
            f"asked for {provider}, the session runs on {', '.join(session.get_providers())}: the driver or the CUDA "
            f"libraries are missing, or not the version that onnxruntime-gpu {onnxruntime.__version__} names"
        )
    return session
