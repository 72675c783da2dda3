"""Feedback as it comes and as it is told again."""

from typing import Annotated, Final

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.feedback import AnsweredRequest, Feedback, FeedbackOutcome
from gateway.domain.ids import RequestId
from gateway.domain.noun import noun
from gateway.wire.body_faults import invalid_value, malformed
from gateway.wire.json_shape import top_members

FEEDBACK_BYTES_MAX: Final = 16 * 1024
"""A comment of 2 kB takes six times as much where every character is written as an escape."""
COMMENT_BYTES_MAX: Final = 2_048
REQUEST_ID_CHARS_MAX: Final = 128
"""Ours have 26."""


@noun
class Opinion:
    """What a caller says of one answer."""

    request_id: RequestId
    score: float
    comment: str


class _Body(msgspec.Struct):
    request_id: Annotated[str, msgspec.Meta(min_length=1, max_length=REQUEST_ID_CHARS_MAX)]
    score: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
    comment: str | None = None


_DECODER = msgspec.json.Decoder(_Body)
_ENCODER = msgspec.json.Encoder()


def read_feedback(body: bytes) -> Opinion:
    """Read and check a body. Raises GatewayError with a 4xx code, and nothing else, whatever the bytes."""
    try:
        said = _DECODER.decode(body)
        _ENCODER.encode(said)
    except msgspec.ValidationError as error:
        raise invalid_value(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed(error, body) from error
    except RecursionError as error:
        raise GatewayError(ErrorCode.TOO_DEEP, "The body nests too deep. Feedback needs one object only.") from error
    names = [member.key for member in top_members(body)]
    for name in ("request_id", "score", "comment"):
        if names.count(name) > 1:
            message = f"'{name}' is given twice, so it can be read in two ways. Send each key once."
            raise GatewayError(ErrorCode.DUPLICATE_KEY, message, param=name)
    comment = said.comment or ""
    if len(comment.encode()) > COMMENT_BYTES_MAX:
        message = f"'comment' may have at most {COMMENT_BYTES_MAX} bytes in UTF-8. Shorten it."
        raise GatewayError(ErrorCode.LIMIT_EXCEEDED, message, param="comment")
    return Opinion(RequestId(said.request_id), said.score, comment)


def write_feedback(answered: AnsweredRequest, feedback: Feedback, outcome: FeedbackOutcome) -> bytes:
    """Tell what is on record of an answer now."""
    return _ENCODER.encode(
        {
            "object": "feedback",
            "request_id": answered.request_id,
            "tier": answered.tier,
            "score": feedback.score,
            "comment": feedback.comment,
            "recorded_at_s": feedback.at_s,
            "outcome": outcome.value,
        }
    )
