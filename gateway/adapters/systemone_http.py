"""The System One API as a scorer asks it: one `score` question, whose levels are ours (`core/difficulty.py`)."""

import math
from typing import Final

import httpx
import msgspec

from gateway.adapters.remote_http import exchange, raise_for
from gateway.adapters.remote_trouble import BadAnswer, Misfit, Refused
from gateway.domain.remote_model import SystemOneModel
from gateway.ports import UpstreamTransport, ready_request

QUESTION: Final = "difficulty"
INSTRUCTIONS: Final = (
    "The state is a request to a language model. How many of the language models in use, from small ones to the "
    "strongest, would fail to answer it acceptably?"
)
LEVELS: Final = (
    "None: even the smallest answers it well.",
    "Few: only the smallest fail.",
    "Half: middling ones fail, large ones answer it well.",
    "Most: only the strongest answer it well.",
    "All: even the strongest fail.",
)
_TOLERANCE: Final = 1e-6
"""What rounding may put beyond the ends of the scale."""


class _Score(msgspec.Struct):
    score: float


class _Answers(msgspec.Struct):
    answers: dict[str, _Score]


_answers = msgspec.json.Decoder(_Answers)


class SystemOneServer:
    """One decision model on one server, over a transport of ours, which belongs to whoever made it."""

    def __init__(self, decider: SystemOneModel, transport: UpstreamTransport) -> None:
        self._decider = decider
        self._transport = transport
        self._url = httpx.URL(f"{decider.base_url}/systemone")
        headers = [
            (b"accept", b"application/json"),
            (b"accept-encoding", b"identity"),
            (b"content-type", b"application/json"),
        ]
        if decider.api_key is not None:
            headers.append((b"authorization", b"Bearer " + decider.api_key.reveal().encode()))
        self._headers = tuple(headers)
        self._question = {QUESTION: {"type": "score", "instructions": INSTRUCTIONS, "criteria": LEVELS}}

    async def share_of(self, text: str) -> float:
        """Ask how hard a text is; return the answer as a share of the scale, 0 to 1. Raises RemoteTrouble."""
        question = {"model": self._decider.model, "state": text, "questions": self._question}
        asked = ready_request(self._url, self._headers, msgspec.json.encode(question))
        status, _, body = await exchange(self._transport, asked)
        raise_for(status, body)
        return read_share(body)

    async def look(self, timeout_s: float) -> bool:
        """See whether the server answers such a question, which also warms its model up; return True.

        Raises Misfit where it will not have the model, the key or the question, and RemoteTrouble where that cannot be
        told at present. HTTP has no way to tell the server the time.
        """
        try:
            await self.share_of("What is the capital of France?")
        except Refused as refused:
            decider = self._decider
            raise Misfit(
                f"The System One server at {decider.base_url} does not answer with {decider.model!r}: {refused}. Serve "
                "a decision model there, or name the right one under `classifier: systemone:`."
            ) from refused
        return True


def read_share(body: bytes) -> float:
    """Return the answer as a share of the scale. Raises BadAnswer."""
    try:
        answer = _answers.decode(body).answers.get(QUESTION)
    except msgspec.DecodeError as error:
        raise BadAnswer(f"its answer cannot be read: {error}") from error
    if answer is None:
        raise BadAnswer(f"its answer has no `{QUESTION}`")
    share = answer.score / (len(LEVELS) - 1)
    if not math.isfinite(share) or not -_TOLERANCE <= share <= 1.0 + _TOLERANCE:
        raise BadAnswer(f"its score is {answer.score:g}, which is on none of {len(LEVELS)} levels")
    return min(max(share, 0.0), 1.0)
