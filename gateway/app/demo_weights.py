"""Write small language models with random weights, so that real model servers can run where no weights can be had.

They talk nonsense, but what a gateway must get right is real: token counts, timing of chunks, stop and length, cached
tokens, answers held to a grammar. Needs the `demo` extra; `python -m gateway.app.demo_weights nano FILE`.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPACE = "▁"
"""How SentencePiece vocabularies write a space."""

Matrix = npt.NDArray[np.float16] | npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Dimensions of a Llama model. Attention heads are 32 wide."""

    layers: int
    width: int
    inner_width: int
    context_tokens: int = 8_192


SHAPES = {
    "nano": ModelShape(layers=2, width=64, inner_width=128),
    "small": ModelShape(layers=6, width=256, inner_width=768),
}
"""0.13 and 5.3 million parameters: a cheap tier and a dearer one, forty times as large."""

HEAD_WIDTH = 32
LOGIT_SPREAD = 2.5
"""Standard deviation of the logits: low enough for varied text, high enough for the end token to come up."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Tokens with their kinds. `speakable` are those that random weights may say: printable characters and the end."""

    tokens: list[str]
    kinds: list[gguf.TokenType]
    speakable: list[int]
    begin: int
    end: int


def byte_vocabulary() -> Vocabulary:
    """Build a vocabulary of single bytes and printable ASCII characters, with ChatML's two marks."""
    normal, control, raw = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL, gguf.TokenType.BYTE
    entries = [("<unk>", gguf.TokenType.UNKNOWN), ("<s>", control), ("</s>", control)]
    entries += [(f"<0x{byte:02X}>", raw) for byte in range(256)]
    first_character = len(entries)
    entries += [(SPACE if code == 32 else chr(code), normal) for code in range(32, 127)]
    end = len(entries) + 1
    entries += [("<|im_start|>", control), ("<|im_end|>", control)]
    speakable = [*range(first_character, end - 1), end]
    return Vocabulary([text for text, _ in entries], [kind for _, kind in entries], speakable, begin=1, end=end)


def write_model(file: Path, name: str, seed: int = 1) -> None:
    """Write the model of that name from `SHAPES` as a GGUF file. The same seed gives the same bytes."""
    shape = SHAPES[name]
    vocabulary = byte_vocabulary()
    writer = gguf.GGUFWriter(file, "llama")
    _describe(writer, name, shape, vocabulary)
    for tensor, values in _tensors(shape, vocabulary, np.random.default_rng(seed)):
        writer.add_tensor(tensor, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter, name: str, shape: ModelShape, vocabulary: Vocabulary) -> None:
    writer.add_name(f"tiergate-demo-{name}")
    writer.add_context_length(shape.context_tokens)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.inner_width)
    writer.add_head_count(shape.width // HEAD_WIDTH)
    writer.add_head_count_kv(shape.width // HEAD_WIDTH)
    writer.add_rope_dimension_count(HEAD_WIDTH)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(len(vocabulary.tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_scores([0.0] * len(vocabulary.tokens))
    writer.add_token_types(vocabulary.kinds)
    writer.add_bos_token_id(vocabulary.begin)
    writer.add_eos_token_id(vocabulary.end)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(CHATML)


def _tensors(shape: ModelShape, vocabulary: Vocabulary, rng: np.random.Generator) -> list[tuple[str, Matrix]]:
    width, inner, size = shape.width, shape.inner_width, len(vocabulary.tokens)

    def matrix(rows: int, columns: int, spread: float) -> npt.NDArray[np.float16]:
        return (rng.standard_normal((rows, columns)) * spread).astype(np.float16)

    ones = np.ones(width, dtype=np.float32)
    tensors: list[tuple[str, Matrix]] = [("token_embd.weight", matrix(size, width, 1.0))]
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        tensors += [(f"{block}.attn_norm.weight", ones), (f"{block}.ffn_norm.weight", ones)]
        tensors += [(f"{block}.attn_{part}.weight", matrix(width, width, width**-0.5)) for part in "qkv"]
        tensors += [(f"{block}.attn_output.weight", matrix(width, width, width**-0.5))]
        tensors += [(f"{block}.ffn_{part}.weight", matrix(inner, width, width**-0.5)) for part in ("gate", "up")]
        tensors += [(f"{block}.ffn_down.weight", matrix(width, inner, inner**-0.5))]
    spoken = np.zeros((size, width), dtype=np.float16)
    spoken[vocabulary.speakable] = matrix(len(vocabulary.speakable), width, LOGIT_SPREAD * width**-0.5)
    return [*tensors, ("output_norm.weight", ones), ("output.weight", spoken)]


def main() -> None:
    """Write one model."""
    parser = argparse.ArgumentParser(description="Write a small language model with random weights.")
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    write_model(arguments.file, arguments.shape, arguments.seed)


if __name__ == "__main__":
    main()
