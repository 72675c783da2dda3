"""What the encoder said of the latest texts: a question that is compared and then scored is passed through once."""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, Protocol

from gateway.adapters.encoder_batches import Lane
from gateway.adapters.encoder_model import Encoded
from gateway.domain.ability import ClassifierOutcome

REMEMBERED: Final = 512
"""Texts, some 1 kB each: more than are under way at once."""


class Encoding(Protocol):
    """An encoder that is shared. Never raises: what went wrong is the answer."""

    @property
    def lane(self) -> Lane | None:
        """The encoder in use; None when there is none any more."""

    @property
    def is_full(self) -> bool:
        """Tell whether a text that came now would be refused."""

    async def encode(self, row: Sequence[int]) -> Encoded | ClassifierOutcome:
        """Encode one text, or tell why not: timeout, overload or error."""


class RecentTexts:
    """Holds to `Encoding` by another one, which it asks once a text as long as that is remembered."""

    def __init__(self, encoding: Encoding, remembered: int = REMEMBERED) -> None:
        self._encoding = encoding
        self._remembered = remembered
        self._known: OrderedDict[bytes, Encoded] = OrderedDict()

    @property
    def lane(self) -> Lane | None:
        """The encoder in use; None when there is none any more."""
        return self._encoding.lane

    @property
    def is_full(self) -> bool:
        """Tell whether a text that came now would be refused, unless it is remembered."""
        return self._encoding.is_full

    async def encode(self, row: Sequence[int]) -> Encoded | ClassifierOutcome:
        """Return what is remembered of a text, or encode it. What went wrong is not remembered."""
        key = array("i", row).tobytes()
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            return known
        answer = await self._encoding.encode(row)
        if isinstance(answer, Encoded):
            self._known[key] = answer
            if len(self._known) > self._remembered:
                self._known.popitem(last=False)
        return answer
