"""Headers: what is believed of the client's, what goes on to a model server, and what goes back."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from gateway.domain.decision import Decision
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.money import format_usd

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case where they come from a client; servers' may be of any case."""

JSON: Final = b"application/json"
EVENT_STREAM: Final = b"text/event-stream"

PIN_HEADER: Final = b"x-tiergate-tier"
"""In a request: the tier the caller wishes for, where its key allows that."""
DEBUG_HEADER: Final = b"x-tiergate-debug"
"""In a request: `true` asks for the headers that explain the decision, where the key allows that."""
REASON_HEADER: Final = b"x-tiergate-reason"
"""On demand: why that tier was chosen, one of the reasons below."""
ACCEPTANCE_HEADER: Final = b"x-tiergate-acceptance"
"""On demand: each tier's chance of an acceptable answer, and what removed it if anything did."""
DIAL_HEADER: Final = b"x-tiergate-dial"
"""On demand: λ, the chance of an acceptable answer that a dollar had to buy."""
TIMEOUT_HEADER: Final = b"x-request-timeout"
"""In a request: the seconds the caller waits at most, from 1 to the route's deadline."""
DEADLINE_HEADER: Final = b"x-tiergate-deadline-ms"
"""In a request: the whole milliseconds that the answer may take, up to the route's deadline; 504 if no tier can."""
MAX_COST_HEADER: Final = b"x-tiergate-max-cost-usd"
"""In a request: what the answer may cost in USD at the most, such as `0.002`; 402 if every tier may cost more."""
PRIORITY_HEADER: Final = b"x-tiergate-priority"
"""In a request: `batch` where nobody waits for the answer, so that it may be made from room to spare, at the tier's
`batch_price`; `interactive` says nothing else than the header's absence."""
CONVERSATION_HEADER: Final = b"x-conversation-id"
"""In a request: names the conversation that it goes on with; without it that is told by how the chat began."""
SESSION_HEADER: Final = b"x-session-id"
"""In a request: the same, under the name that some clients give it; of several the one further up here counts."""
CLAUDE_CODE_HEADER: Final = b"x-claude-code-session-id"
"""In a request: the same, as Claude Code sends it."""
CODEX_HEADER: Final = b"session-id"
"""In a request: the same, as Codex sends it."""
OLDER_CODEX_HEADER: Final = b"session_id"
"""In a request: the same, as Codex sent it before."""
OPENCODE_HEADER: Final = b"x-opencode-session"
"""In a request: the same, as OpenCode sends it."""
DYNAMO_HEADER: Final = b"x-dynamo-session-id"
"""In a request: the same, as clients of NVIDIA Dynamo send it."""
BIFROST_HEADER: Final = b"x-bf-session-id"
"""In a request: the same, as clients of Bifrost send it."""
ANTHROPIC_BETA_HEADER: Final = b"anthropic-beta"
"""In a request: which betas of the Messages API it uses. Goes on to a server that is sent the request as it came."""
REQUEST_ID_HEADER: Final = b"x-tiergate-request-id"
"""The request's id, under which its receipt lies."""
TIER_HEADER: Final = PIN_HEADER
"""The tier that gave the answer."""
MODEL_HEADER: Final = b"x-tiergate-model"
"""The model that gave the answer, as its server knows it."""
CACHE_WISH_HEADER: Final = b"x-tiergate-cache"
"""In a request: which kept answers it takes. `exact`: to the very same request; `semantic`: in other words, too, where
the route allows that, as without the header; `off`: none, and its own is not kept."""
CACHE_HEADER: Final = CACHE_WISH_HEADER
"""`exact`: a kept answer. `coalesced`: that of the same request, which was under way. `semantic`: one to the same
question in other words. `miss`: there was none. `bypass`: the caller wanted none. `off`: not for such requests."""
CACHE_AGE_HEADER: Final = b"x-tiergate-cache-age"
"""How old a kept answer is, in whole seconds."""
CACHE_ENTRY_HEADER: Final = b"x-tiergate-cache-entry"
"""The name of a kept answer, under which its tenant may report it (`POST /v1/cache/report`) or have it purged."""
CACHE_SCORE_HEADER: Final = b"x-tiergate-cache-score"
"""With `semantic`: how probable it is, from 0 to 1, that the kept answer is one to this question, too."""
ATTEMPTS_HEADER: Final = b"x-tiergate-attempts"
"""How many model servers were called; 0 for a kept answer."""
COST_HEADER: Final = b"x-tiergate-cost-usd"
"""What the answer cost, in USD. A stream's cost is known after its end: its receipt has it."""
SNAPSHOT_HEADER: Final = b"x-tiergate-snapshot"
"""The policy that the request was served under."""
BATCH_HEADER: Final = PRIORITY_HEADER
"""`batch` where it was a batch request: by this header, its key, its route, or `service_tier: flex`."""
RETRY_AFTER_HEADER: Final = b"retry-after"
"""With an error: whole seconds after which another try may succeed."""
SHOULD_RETRY_HEADER: Final = b"x-should-retry"
"""With an error: `false` where another try would end the same way, or was made by the gateway already."""

STREAM_HEADERS: Final[Headers] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # nginx would otherwise hold events back until its buffer is full.
    (b"x-accel-buffering", b"no"),
)
"""What every stream carries."""
CREDENTIAL_BYTES_MAX: Final = 512
"""Longer than any key in use; what is longer is not even looked up."""
RETRY_AFTER_S_MAX: Final = 60.0
"""A server that wants longer than this is as good as down for now."""

_UNSAFE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_MEDIA_TYPE = re.compile(rb"application/json[ \t]*+(?:;(.*))?", re.IGNORECASE | re.DOTALL)
_DECIMAL = re.compile(rb"[0-9]+(?:\.[0-9]*)?")
_SHORT_BYTES = 64
_ANTHROPIC_VERSION = (b"anthropic-version", b"2023-06-01")
"""The only one that there is; later changes are betas."""


def header(headers: Headers, name: bytes) -> bytes | None:
    """Return the first value of a client's header. `name` is in lower case."""
    for key, value in headers:
        if key == name:
            return value
    return None


def credential(headers: Headers) -> bytes | None:
    """Return the key that a client presents, as `Authorization: Bearer` or `x-api-key`; None where there is none.

    Two Authorization headers are none, since it could not be said which of them counts.
    """
    authorizations = [value for key, value in headers if key == b"authorization"]
    if len(authorizations) > 1:
        return None
    if authorizations:
        scheme, _, token = authorizations[0].strip().partition(b" ")
        if scheme.lower() == b"bearer":
            return _sound_credential(token)
    return _sound_credential(header(headers, b"x-api-key") or b"")


def check_content_headers(headers: Headers) -> None:
    """Let only plain JSON in UTF-8 pass.

    Raises GatewayError `unsupported_media_type` (415).
    """
    encoding = header(headers, b"content-encoding")
    if encoding is not None and encoding.strip().lower() not in (b"identity", b""):
        message = "A compressed body is not accepted. Send it without Content-Encoding."
        raise GatewayError(ErrorCode.UNSUPPORTED_MEDIA_TYPE, message)
    kinds = [value for key, value in headers if key == b"content-type"]
    if kinds != [JSON] and not (len(kinds) == 1 and _is_json(kinds[0])):
        message = "The body must be JSON in UTF-8. Send the header Content-Type: application/json."
        raise GatewayError(ErrorCode.UNSUPPORTED_MEDIA_TYPE, message)


def upstream_headers(
    request_id: str, credential: str | None, trace: Headers = (), *, stream: bool, key_header: bool = False
) -> list[tuple[bytes, bytes]]:
    """Build the headers of a request to a model server. Of the client's none is passed on; `trace` is its place.

    `key_header` sends the credential as `x-api-key`, and says which version of its API the server is asked in.
    """
    built = [
        (b"content-type", JSON),
        (b"accept", EVENT_STREAM if stream else JSON),
        # Compressed events would be held back, and a compressed answer must not unfold in our memory.
        (b"accept-encoding", b"identity"),
        (b"x-request-id", header_value(request_id)),
        *trace,
    ]
    if key_header:
        built.append(_ANTHROPIC_VERSION)
    if credential is not None:
        named = (b"x-api-key", b"") if key_header else (b"authorization", b"Bearer ")
        built.append((named[0], named[1] + credential.encode()))
    return built


def tiergate_headers(
    *,
    request_id: str,
    snapshot: str,
    cache: str,
    tier: str | None = None,
    model: str | None = None,
    attempts: int | None = None,
    cost_usd_nano: int | None = None,
    age_s: int | None = None,
    entry: str | None = None,
    score: str | None = None,
    is_batch: bool = False,
) -> list[tuple[bytes, bytes]]:
    """Render what every answer says of its making. What is None is left out."""
    cost = None if cost_usd_nano is None else format_usd(cost_usd_nano)
    shown: Iterable[tuple[bytes, str | int | None]] = (
        (REQUEST_ID_HEADER, request_id),
        (TIER_HEADER, tier),
        (MODEL_HEADER, model),
        (CACHE_HEADER, cache),
        (CACHE_AGE_HEADER, age_s),
        (CACHE_ENTRY_HEADER, entry),
        (CACHE_SCORE_HEADER, score),
        (ATTEMPTS_HEADER, attempts),
        (COST_HEADER, cost),
        (SNAPSHOT_HEADER, snapshot),
        (BATCH_HEADER, "batch" if is_batch else None),
    )
    return [(name, header_value(str(value))) for name, value in shown if value is not None]


def debug_headers(decision: Decision) -> list[tuple[bytes, bytes]]:
    """Render how a tier was chosen, for whoever asked by `DEBUG_HEADER`."""
    views = [
        f"{view.tier}={view.p:.3f}" + ("" if view.removed_by is None else f" ({view.removed_by})")
        for view in decision.views
    ]
    return [
        (REASON_HEADER, header_value(decision.reason.value)),
        (ACCEPTANCE_HEADER, header_value(", ".join(views))),
        (DIAL_HEADER, b"%.6g" % decision.dial),
    ]


def header_value(text: str) -> bytes:
    """Write a text so that it can be nothing but one header's value: visible ASCII, the rest as `?`."""
    if text.isascii() and text.isprintable():
        return text.encode("ascii")
    return _UNSAFE.sub(b"", text.encode("ascii", "replace"))


def retry_after_s(headers: Headers, wall_s: float) -> float | None:
    """Return how long a server asks to be left alone, within [0, `RETRY_AFTER_S_MAX`]; None where it does not say.

    Any answer is understood or passed over, never an error. `wall_s` is the time now, in seconds since the epoch.
    """
    values = {name.lower(): value for name, value in reversed(headers)}
    for name, unit_s in ((b"retry-after-ms", 1e-3), (b"x-ms-retry-after-ms", 1e-3), (b"retry-after", 1.0)):
        value = values.get(name, b"").strip()
        if _DECIMAL.fullmatch(value):
            return min(float(value) * unit_s, RETRY_AFTER_S_MAX)
    return _seconds_until(values.get(b"retry-after", b"").strip(), wall_s)


def _seconds_until(date: bytes, wall_s: float) -> float | None:
    if not date or len(date) > _SHORT_BYTES:
        return None
    try:
        at = parsedate_to_datetime(date.decode("latin-1"))
        at_s = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(at_s - wall_s, 0.0), RETRY_AFTER_S_MAX)


def _sound_credential(token: bytes) -> bytes | None:
    token = token.strip()
    return token if 0 < len(token) <= CREDENTIAL_BYTES_MAX else None


def _is_json(content_type: bytes) -> bool:
    found = _MEDIA_TYPE.fullmatch(content_type.strip())
    if found is None:
        return False
    for parameter in (found[1] or b"").split(b";"):
        name, _, value = parameter.strip().lower().partition(b"=")
        if name == b"charset" and value.strip(b'"') not in (b"utf-8", b"utf8"):
            return False
    return True
