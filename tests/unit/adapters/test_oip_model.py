"""What a served model must be to be ours, and what is said when it is not."""

from dataclasses import replace

import pytest

from gateway.adapters.oip_model import TOKEN_STEP, ServedModel, Tensor, misfit_text, misfits, padded
from gateway.domain.remote_model import RemoteModel
from tests.support.inference_servers import OURS, WIDTH

IDS, MASK = OURS.inputs
LATENT, EMBEDDING = OURS.outputs


def test_our_own_model_fits_and_so_does_one_with_more_outputs_or_one_text_a_request() -> None:
    assert misfits(OURS, WIDTH) == []
    more = (*OURS.outputs, Tensor("last_hidden_state", "FP16", (-1, -1, 384)))
    single = tuple(replace(tensor, shape=(1, *tensor.shape[1:])) for tensor in OURS.inputs)
    assert misfits(ServedModel(single, more), WIDTH) == []


@pytest.mark.parametrize(
    ("served", "said"),
    [
        (ServedModel((), OURS.outputs), "its inputs are none"),
        (replace(OURS, inputs=(IDS,)), "input `attention_mask` INT64 [-1, -1] is missing; its inputs are `input_ids`"),
        (replace(OURS, inputs=(replace(IDS, datatype="INT32"), MASK)), "input `input_ids` INT32 [-1, -1] should be"),
        (replace(OURS, inputs=(replace(IDS, shape=(-1, 128)), MASK)), "`input_ids` INT64 [-1, 128] should be"),
        (replace(OURS, inputs=(replace(IDS, shape=(8, -1)), MASK)), "`input_ids` INT64 [8, -1] should be"),
        (
            replace(OURS, inputs=(*OURS.inputs, Tensor("token_type_ids", "INT64", (-1, -1)))),
            "it wants a further input `token_type_ids`",
        ),
        (replace(OURS, outputs=(replace(LATENT, shape=(-1, 8)), EMBEDDING)), "[-1, 8] should be `latent` FP32 [-1, 3]"),
        (replace(OURS, outputs=(replace(LATENT, datatype="FP16"), EMBEDDING)), "`latent` FP16"),
        (replace(OURS, outputs=(LATENT,)), "output `embedding` FP32 [-1, 384] is missing; its outputs are `latent`"),
    ],
)
def test_what_does_not_fit_is_named(served: ServedModel, said: str) -> None:
    (found,) = misfits(served, WIDTH) if "none" not in said else misfits(served, WIDTH)[:1]
    assert said in found


def test_a_misfit_says_what_where_and_how_to_mend_it() -> None:
    text = misfit_text(RemoteModel("http://triton:8000", "http", "enc"), ["this is wrong", "and that"])
    assert "http://triton:8000" in text
    assert "'enc'" in text
    assert "this is wrong; and that" in text
    assert "deploy/triton/README.md" in text


@pytest.mark.parametrize("length", [1, 2, TOKEN_STEP - 1, TOKEN_STEP, TOKEN_STEP + 1, 256])
def test_padding_adds_less_than_a_step_and_masks_what_it_adds(length: int) -> None:
    ids, mask = padded([7] * length)
    assert len(ids) == len(mask) == -(-length // TOKEN_STEP) * TOKEN_STEP
    assert ids[:length] == [7] * length
    assert (sum(ids), sum(mask)) == (7 * length, length)
