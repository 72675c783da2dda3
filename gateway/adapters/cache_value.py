"""An answer as it lies in a shared store: what is known of it first, so that this can be read without the answer.

version (1 byte) · length of the head (2 bytes) · head (MessagePack) · the answer's body
"""

from typing import Final

import msgspec

from gateway.domain.cache_terms import ANSWER_BYTES_MAX
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import RouteName

VERSION: Final = 2
_FRAME_BYTES: Final = 3
HEAD_BYTES_MAX: Final = 1_024
"""Of the frame and the head together. What is in it is short; names that are longer are not shared."""
VALUE_BYTES_MAX: Final = HEAD_BYTES_MAX + ANSWER_BYTES_MAX
"""No more is ever read, so a foreign giant under our key costs little."""


class Head(msgspec.Struct, array_like=True, frozen=True):
    """What is known of a stored answer. It names the key that it was stored under."""

    tenant: str
    digest: str
    body_bytes: int
    tier: str
    served_model: str
    input_tokens: int
    output_tokens: int
    stored_at_s: float
    ttl_s: float
    took_s: float
    route: str
    purge: int

    def is_of(self, key: ExactKey) -> bool:
        """Tell whether it was stored under this key."""
        return (self.tenant, self.digest) == (key.tenant, key.digest)

    def answer(self, body: bytes) -> CachedAnswer:
        """Return the answer that this is the head of."""
        return CachedAnswer(
            body,
            self.tier,
            self.served_model,
            self.input_tokens,
            self.output_tokens,
            self.stored_at_s,
            self.took_s,
            RouteName(self.route),
            self.purge,
        )


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Head)


def write_value(key: ExactKey, answer: CachedAnswer, ttl_s: float) -> bytes | None:
    """Write an answer that is to lie under the key; None where names around it are too long."""
    head = _ENCODER.encode(
        Head(
            key.tenant,
            key.digest,
            len(answer.body),
            answer.tier,
            answer.served_model,
            answer.input_tokens,
            answer.output_tokens,
            answer.stored_at_s,
            ttl_s,
            answer.took_s,
            answer.route,
            answer.purge,
        )
    )
    if _FRAME_BYTES + len(head) > HEAD_BYTES_MAX:
        return None
    return b"".join((bytes((VERSION,)), len(head).to_bytes(2), head, answer.body))


def read_head(raw: bytes) -> Head | None:
    """Read what is known of an answer from the first `HEAD_BYTES_MAX` bytes of a value; None where it is none of ours.

    Total: no bytes make it raise.
    """
    if len(raw) < _FRAME_BYTES or raw[0] != VERSION:
        return None
    try:
        return _DECODER.decode(raw[_FRAME_BYTES : _head_end(raw)])
    except msgspec.DecodeError:
        return None


def read_value(raw: bytes) -> tuple[Head, bytes] | None:
    """Read a whole value; None where it is none of ours, or not whole."""
    head = read_head(raw)
    if head is None:
        return None
    body = raw[_head_end(raw) :]
    return (head, body) if len(body) == head.body_bytes else None


def _head_end(raw: bytes) -> int:
    return _FRAME_BYTES + int.from_bytes(raw[1:_FRAME_BYTES])
