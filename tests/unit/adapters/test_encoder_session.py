"""The encoder by ONNX Runtime, on a toy of two layers."""

from pathlib import Path

import numpy as np
import pytest

from gateway.adapters.encoder_model import CannotEncode, EncoderFailed, EncoderModel, encode_rows
from gateway.adapters.encoder_session import CPU, CUDA, EncoderSession, has_cuda
from gateway.adapters.onnx_runtime import onnxruntime
from tests.support.toy_encoders import EMBEDDING, ScriptedModel, write_toy_encoder

VOCABULARY, LATENT, PADDING = 50, 3, 0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "encoder.onnx"
    write_toy_encoder(path, vocabulary=VOCABULARY, latent=LATENT)
    return path


@pytest.fixture(scope="module")
def session(model: Path) -> EncoderSession:
    return EncoderSession(model, CPU, width=LATENT)


def test_a_text_says_the_same_alone_and_in_company(session: EncoderSession) -> None:
    port: EncoderModel = session
    rows = [[1, 2, 3], [4, 5, 6, 7, 8, 9], [10]]
    together = encode_rows(port, rows, PADDING)
    for row, found in zip(rows, together, strict=True):
        (alone,) = encode_rows(port, [row], PADDING)
        assert found.latent == pytest.approx(alone.latent, abs=1e-5)
        assert found.familiarity is None
        assert len(found.latent) == LATENT


def test_an_embedding_has_length_one_in_units_of_an_int8(session: EncoderSession) -> None:
    (found,) = encode_rows(session, [[1, 2, 3]], PADDING)
    numbers = np.frombuffer(found.embedding, dtype=np.int8).astype(float) / 127
    assert len(numbers) == EMBEDDING
    assert float(np.sum(numbers**2)) == pytest.approx(1.0, abs=0.05)


def test_a_model_may_tell_how_much_it_knows(tmp_path: Path) -> None:
    path = tmp_path / "encoder.onnx"
    write_toy_encoder(path, vocabulary=VOCABULARY, latent=LATENT, has_familiarity=True)
    found = encode_rows(EncoderSession(path, CPU, width=LATENT), [[1, 2], [3]], PADDING)
    assert [each.familiarity for each in found] == [1.0, 0.5]


def test_a_model_may_tell_where_a_text_lies_among_others(tmp_path: Path, session: EncoderSession) -> None:
    path = tmp_path / "encoder.onnx"
    write_toy_encoder(path, vocabulary=VOCABULARY, latent=LATENT, has_vector=True)
    (tells,) = encode_rows(EncoderSession(path, CPU, width=LATENT), [[1, 2]], PADDING)
    told, embedded = (np.frombuffer(each, np.int8) for each in (tells.vector, tells.embedding))
    assert (told == -embedded).all()
    assert (tells.place, tells.familiarity) == (tells.vector, None)
    (silent,) = encode_rows(session, [[1, 2]], PADDING)
    assert (silent.vector, silent.place) == (b"", silent.embedding)


def test_a_session_is_warmed_up_in_the_shapes_it_will_see(session: EncoderSession) -> None:
    session.warm_up([(1, 16), (4, 32)])


def test_a_model_of_another_width_is_found_out_by_warming_up(model: Path) -> None:
    with pytest.raises(CannotEncode, match=r"latent is \(1, 3\), not \(1, 8\), on a trial of 1 texts of 16 tokens"):
        EncoderSession(model, CPU, width=8).warm_up([(1, 16)])


def test_a_pass_that_the_runtime_refuses_is_a_failure(session: EncoderSession) -> None:
    with pytest.raises(EncoderFailed, match="failed on cpu"):
        encode_rows(session, [[VOCABULARY + 1]], PADDING)


def test_what_is_no_number_is_a_failure() -> None:
    with pytest.raises(EncoderFailed, match="no number"):
        encode_rows(ScriptedModel(is_mad=True), [[1]], PADDING)


@pytest.mark.skipif(has_cuda(), reason="this runtime has CUDA")
def test_a_gpu_that_the_runtime_cannot_use_is_told_with_what_to_install(model: Path) -> None:
    with pytest.raises(CannotEncode, match=r"no CUDAExecutionProvider. Run: .*tiergate\[encoder-gpu\]"):
        EncoderSession(model, CUDA, width=LATENT)


def test_a_session_that_runs_elsewhere_than_it_should_is_refused(model: Path) -> None:
    with pytest.raises(CannotEncode, match="is to run on cuda, and its session runs on CPUExecutionProvider"):
        EncoderSession(model, CUDA, width=LATENT, runtime=RuntimeThatFallsBack())


class RuntimeThatFallsBack:
    """An ONNX Runtime that lists CUDA and loads its libraries, and whose sessions run on the CPU all the same."""

    __version__ = onnxruntime.__version__
    SessionOptions = onnxruntime.SessionOptions

    def get_available_providers(self) -> list[str]:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def preload_dlls(self) -> None:
        """There are none."""

    def InferenceSession(
        self, model: Path, options: onnxruntime.SessionOptions, providers: list[str]
    ) -> onnxruntime.InferenceSession:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "encoder.onnx"
    path.write_bytes(content)
    with pytest.raises(CannotEncode, match=r"encoder.onnx: onnxruntime cannot load it on cpu"):
        EncoderSession(path, CPU, width=LATENT)


def test_a_model_with_other_outputs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "encoder.onnx"
    write_toy_encoder(path, vocabulary=VOCABULARY, latent=LATENT, latent_name="logits")
    with pytest.raises(CannotEncode, match="outputs latent and embedding, found"):
        EncoderSession(path, CPU, width=LATENT)
