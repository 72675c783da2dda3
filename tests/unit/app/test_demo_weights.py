"""The models that are written here, read back."""

from pathlib import Path

import pytest

from gateway.app.demo_models import write_model

gguf = pytest.importorskip("gguf")


@pytest.mark.parametrize(("shape", "low", "high"), [("nano", 110_000, 140_000), ("small", 5_000_000, 5_500_000)])
def test_a_model_has_the_size_it_is_named_for(shape: str, low: int, high: int, tmp_path: Path) -> None:
    write_model(shape, tmp_path / "model.gguf")
    reader = gguf.GGUFReader(tmp_path / "model.gguf")
    assert low < sum(int(tensor.n_elements) for tensor in reader.tensors) < high


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        write_model("nano", tmp_path / name, seed)
    first, same, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == same
    assert first != other


def test_every_byte_can_be_read_and_only_printable_text_is_said(tmp_path: Path) -> None:
    write_model("nano", tmp_path / "model.gguf")
    reader = gguf.GGUFReader(tmp_path / "model.gguf")
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    assert all(f"<0x{byte:02X}>" in tokens for byte in range(256))
    [output] = [tensor.data for tensor in reader.tensors if tensor.name == "output.weight"]
    said = {token for token, row in zip(tokens, output, strict=True) if row.any()}
    assert said == {chr(code) for code in range(33, 127)} | {"▁", "<|im_end|>"}
