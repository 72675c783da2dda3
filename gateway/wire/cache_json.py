"""What callers and operators ask about kept answers, and what they are told."""

from typing import Annotated, Any, Final, TypeVar

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import RequestId, RouteName, TenantId
from gateway.domain.noun import noun
from gateway.domain.purge import Selection, Tally
from gateway.domain.request import Operation
from gateway.wire.body_faults import invalid_value, malformed
from gateway.wire.json_shape import top_members

REPORT_BYTES_MAX: Final = 16 * 1024
"""A reason of 2 kB takes six times as much where every character is written as an escape."""
REASON_BYTES_MAX: Final = 2_048
_AGE_S_MAX: Final = 10 * 365 * 86_400

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Entry = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_B = TypeVar("_B")


class _Report(msgspec.Struct, forbid_unknown_fields=True):
    entry: _Entry | None = None
    request_id: _Name | None = None
    reason: str | None = None


class _Purge(msgspec.Struct, forbid_unknown_fields=True):
    tenant: _Name
    route: _Name | None = None
    entry: _Entry | None = None
    older_than_s: Annotated[float, msgspec.Meta(ge=0, le=_AGE_S_MAX)] | None = None
    dry_run: bool = False


class _Question(msgspec.Struct, forbid_unknown_fields=True):
    tenant: _Name
    request: msgspec.Raw
    key: _Name | None = None
    operation: Operation = Operation.CHAT
    cache_control: str | None = None
    cache: str | None = None


@noun
class Report:
    """What a caller says is wrong: an entry by its name, or the answer to a request of its own."""

    entry: str | None
    request_id: RequestId | None
    reason: str


@noun
class PurgeOrder:
    """What an operator wants purged, or only counted."""

    selection: Selection
    is_dry_run: bool


@noun
class CacheQuestion:
    """A request of which an operator asks whether a kept answer would be given. `key` None takes the tenant's first."""

    tenant: TenantId
    key: str | None
    operation: Operation
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]


_REPORT: Final = msgspec.json.Decoder(_Report)
_PURGE: Final = msgspec.json.Decoder(_Purge)
_QUESTION: Final = msgspec.json.Decoder(_Question)


def read_report(body: bytes) -> Report:
    """Read and check a report. Raises GatewayError with a 4xx code, and nothing else, whatever the bytes."""
    said = _read(_REPORT, body)
    if (said.entry is None) == (said.request_id is None):
        message = (
            "Name either 'entry' (the x-tiergate-cache-entry of an answer) or 'request_id' (its x-tiergate-request-id)."
        )
        raise GatewayError(ErrorCode.INVALID_VALUE, message, param="entry")
    reason = said.reason or ""
    if len(reason.encode("utf-8", "surrogatepass")) > REASON_BYTES_MAX:
        message = f"'reason' may have at most {REASON_BYTES_MAX} bytes in UTF-8. Shorten it."
        raise GatewayError(ErrorCode.LIMIT_EXCEEDED, message, param="reason")
    return Report(said.entry, None if said.request_id is None else RequestId(said.request_id), reason)


def read_purge(body: bytes, wall_s: float) -> PurgeOrder:
    """Read and check what is to be purged. `wall_s` is the time now. Raises GatewayError with a 4xx code."""
    said = _read(_PURGE, body)
    if said.entry is not None and (said.route is not None or said.older_than_s is not None):
        message = "'entry' names one answer: leave out 'route' and 'older_than_s', or leave out 'entry'."
        raise GatewayError(ErrorCode.INVALID_VALUE, message, param="entry")
    selection = Selection(
        TenantId(said.tenant),
        None if said.route is None else RouteName(said.route),
        said.entry,
        None if said.older_than_s is None else wall_s - said.older_than_s,
    )
    return PurgeOrder(selection, said.dry_run)


def read_question(body: bytes) -> CacheQuestion:
    """Read and check a question. The request in it is checked by whoever reads it. Raises GatewayError."""
    said = _read(_QUESTION, body)
    headers = ((b"cache-control", said.cache_control), (b"x-tiergate-cache", said.cache))
    given = tuple((name, value.encode("latin-1", "replace")) for name, value in headers if value is not None)
    return CacheQuestion(TenantId(said.tenant), said.key, said.operation, bytes(said.request), given)


def write_report(entry: str, outcome: str) -> bytes:
    """Tell what became of a report."""
    return msgspec.json.encode({"object": "cache.report", "entry": entry, "outcome": outcome})


def tally_document(tally: Tally) -> dict[str, Any]:
    """Write how many answers there are, and how large."""
    return {
        "entries": tally.entries,
        "bytes": tally.size_bytes,
        "complete": tally.is_complete,
        "by_route": dict(sorted(tally.by_route.items())),
    }


def _read(decoder: "msgspec.json.Decoder[_B]", body: bytes) -> _B:
    try:
        said = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise invalid_value(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed(error, body) from error
    except RecursionError as error:
        raise GatewayError(ErrorCode.TOO_DEEP, "The body nests too deep. One object is needed.") from error
    names = [member.key for member in top_members(body)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        message = f"{twice[:80]!r} is given twice, so it can be read in two ways. Send each key once."
        raise GatewayError(ErrorCode.DUPLICATE_KEY, message, param=twice[:80])
    return said
