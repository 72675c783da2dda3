"""Receipts as JSON and back."""

from dataclasses import replace

import pytest

from gateway.domain.receipt import Receipt
from gateway.wire.receipt_json import decode_receipt, encode_receipt
from tests.support.receipt_samples import a_receipt


@pytest.mark.parametrize("receipt", [a_receipt(), replace(a_receipt(), decision=None)])
def test_a_receipt_comes_back_as_it_was(receipt: Receipt) -> None:
    assert decode_receipt(encode_receipt(receipt)) == receipt


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"object":"receipt"}', b"\xff"])
def test_what_is_no_receipt_is_refused_as_a_value(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_receipt(raw)
