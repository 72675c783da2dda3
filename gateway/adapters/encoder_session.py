"""The encoder by ONNX Runtime. Loaded by name and only where it is wanted: the package is optional.

Inputs `input_ids` and `attention_mask`, int64, (texts) x (tokens). Outputs `latent`, (texts) x K, and `embedding`,
(texts) x its width, each row of length 1; and, where the model has them, `familiarity`, (texts), from 0 to 1, and
`vector`, (texts) x D, each row of length 1.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from gateway.adapters.encoder_model import CannotEncode, EncoderFailed, Floats, Ids, Passed
from gateway.adapters.onnx_runtime import onnxruntime

CUDA: Final = "cuda"
CPU: Final = "cpu"
PROVIDER: Final = {CUDA: "CUDAExecutionProvider", CPU: "CPUExecutionProvider"}

_INPUTS: Final = {"input_ids", "attention_mask"}
_LATENT: Final = "latent"
_EMBEDDING: Final = "embedding"
_OUTPUTS: Final = (_LATENT, _EMBEDDING)
_FAMILIARITY: Final = "familiarity"
_VECTOR: Final = "vector"
_SEVERITY_ERROR: Final = 3
_STATE: Final = onnxruntime.capi.onnxruntime_pybind11_state
_FAILURES: Final[tuple[type[Exception], ...]] = (
    RuntimeError,
    ValueError,
    *(kind for kind in vars(_STATE).values() if isinstance(kind, type) and issubclass(kind, Exception)),
)
"""The runtime's own errors have no common base."""


def has_cuda() -> bool:
    """Tell whether the installed runtime could use a GPU; whether there is one, only a session tells."""
    return PROVIDER[CUDA] in onnxruntime.get_available_providers()


class EncoderSession:
    """Holds to `EncoderModel`."""

    def __init__(self, model: Path, device: str, *, width: int, threads: int = 1, runtime: Any = onnxruntime) -> None:
        """Load a model onto a device and make sure that it is really used. `width` is K. Raises CannotEncode."""
        self.device = device
        self._width = width
        self._session = _open(model, device, threads, runtime)
        found = {each.name for each in self._session.get_inputs()}, {each.name for each in self._session.get_outputs()}
        if found[0] != _INPUTS or not found[1].issuperset(_OUTPUTS):
            raise CannotEncode(
                f"{model}: expected the inputs input_ids and attention_mask and the outputs latent and embedding, "
                f"found {sorted(found[0])} and {sorted(found[1])}. Write it again: "
                "python -m router_models encoder build"
            )
        self._wanted = [*_OUTPUTS, *(name for name in (_FAMILIARITY, _VECTOR) if name in found[1])]

    def run(self, ids: Ids, mask: Ids) -> Passed:
        """Pass a batch through. Raises EncoderFailed."""
        try:
            found: list[Floats] = self._session.run(self._wanted, {"input_ids": ids, "attention_mask": mask})
        except _FAILURES as error:
            raise EncoderFailed(f"the encoder failed on {self.device}: {error}") from error
        told = dict(zip(self._wanted, found, strict=True))
        latent, familiarity = told[_LATENT], told.get(_FAMILIARITY)
        if latent.shape != (len(ids), self._width):
            raise EncoderFailed(f"the encoder's latent is {latent.shape}, not {(len(ids), self._width)}")
        known = None if familiarity is None else familiarity.reshape(len(ids))
        return Passed(latent, told[_EMBEDDING], known, told.get(_VECTOR))

    def warm_up(self, shapes: Sequence[tuple[int, int]]) -> None:
        """Pass batches of these shapes through, so that no request waits for memory or kernels. Raises CannotEncode."""
        for texts, tokens in shapes:
            ones = np.ones((texts, tokens), dtype=np.int64)
            try:
                self.run(ones, ones)
            except EncoderFailed as error:
                raise CannotEncode(f"{error}, on a trial of {texts} texts of {tokens} tokens") from error


def _open(model: Path, device: str, threads: int, runtime: Any) -> Any:
    provider = PROVIDER[device]
    if provider not in runtime.get_available_providers():
        raise CannotEncode(
            f"the encoder is to run on {device}, and the installed onnxruntime {runtime.__version__} has no "
            f"{provider}. Run: pip uninstall onnxruntime; pip install 'tiergate[encoder-gpu]'"
        )
    options = runtime.SessionOptions()
    options.log_severity_level = _SEVERITY_ERROR
    options.intra_op_num_threads = threads
    # A thread that spins while it waits takes its core from the event loop.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if device == CUDA:
        # CUDA's libraries may have come as packages, in which no loader looks of itself.
        runtime.preload_dlls()
    try:
        session = runtime.InferenceSession(model, options, providers=[provider])
    except _FAILURES as error:
        raise CannotEncode(f"{model}: onnxruntime cannot load it on {device}: {error}") from error
    # Without this a failure on the GPU would be answered by a silent session on the CPU.
    session.disable_fallback()
    used = session.get_providers()
    if used[0] != provider:
        raise CannotEncode(
            f"the encoder is to run on {device}, and its session runs on {', '.join(used)}: the driver or the CUDA "
            "libraries are missing or of another version. Run `tiergate doctor`; then install the versions that "
            f"onnxruntime-gpu {runtime.__version__} names, or write `classifier: {{device: cpu}}`"
        )
    return session
