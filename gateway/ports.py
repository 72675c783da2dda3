"""What the pipeline asks of the world. Every port has one fake, held to the same contract suite as the real thing."""

from asyncio import Event
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import httpx

from gateway.domain.ability import Correction, Score, ScorerChoice
from gateway.domain.conversation import ConversationKey, Standing
from gateway.domain.feedback import AnsweredRequest, Feedback, Label
from gateway.domain.flight import Claim, Ending, Landing
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import RequestId, TenantId
from gateway.domain.ledger import Hold, HoldVerdict, Settlement
from gateway.domain.purge import Selection, Tally
from gateway.domain.receipt import Receipt
from gateway.domain.request import CanonicalRequest
from gateway.domain.tier import Tier

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case, as ASGI has them."""


class Clock(Protocol):
    """Time, given rather than taken."""

    def now_s(self) -> float:
        """Monotonic seconds."""

    def wall_s(self) -> float:
        """Seconds since the epoch."""


class Inbound(Protocol):
    """One request as it arrives. The body is read only when a stage asks for it, so that a bad key costs no body."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def headers(self) -> Headers: ...

    async def read_body(self, limit_bytes: int, timeout_s: float) -> bytes:
        """Read the whole body.

        Raises GatewayError `body_too_large` at the first byte beyond `limit_bytes`, `request_timeout` when the body has
        not arrived within `timeout_s`, and ClientGone when the client leaves.
        """


class ClientGone(Exception):
    """The client closed its connection. Nothing can be told to it any more."""


class Responder(Protocol):
    """The way back to the client. Sends wait for the client's buffer: that is the back-pressure."""

    @property
    def gone(self) -> Event:
        """Set once the client has left; from `watch()` on."""

    @property
    def is_full(self) -> bool:
        """Tell whether the client's buffer is full, as far as that is known: what is sent next would wait."""

    def watch(self, on_gone: Callable[[], None] | None = None) -> None:
        """Start to notice the client leaving, and then call `on_gone`, once. Only after the body was read."""

    async def send_head(self, status: int, headers: Headers) -> None:
        """Send the status and headers; once."""

    async def send_chunk(self, data: bytes) -> None:
        """Send a part of the body and wait while the client's buffer is full. Raises ClientGone."""

    async def finish(self, data: bytes = b"") -> None:
        """Send the last part of the body."""

    async def aclose(self) -> None:
        """Stop watching, and forget `on_gone`, which leads back to here. Call it last, however the request ended."""


class StaleConnection(httpx.ReadError):
    """A kept connection ended without a byte of an answer: most likely its server had closed it before it was asked."""


class OwnShortage(httpx.ConnectError):
    """Nothing was sent for want of something on this machine: files, ports, memory. It tells nothing of the server."""


class UpstreamTransport(Protocol):
    """httpx's own transport interface, so that a function or `httpx.MockTransport` can be the network.

    Failures are httpx's: ConnectError, ConnectTimeout and PoolTimeout before anything was sent; ReadError,
    RemoteProtocolError and WriteError afterwards; OwnShortage and StaleConnection where a transport can tell. The
    response's stream is closed with `aclose()` in every case; closing it early cancels the request at the server.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response: ...

    async def aclose(self) -> None: ...


def ready_request(
    url: httpx.URL,
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes,
    *,
    connect_timeout_s: float | None = None,
    sends_once: bool = False,
    fresh_connection: bool = False,
) -> httpx.Request:
    """Build a POST request that any httpx transport sends as it stands; `host` and `content-length` are added.

    `sends_once` asks a transport that knows of StaleConnection to raise it rather than to send the request again by
    itself; `fresh_connection` asks for a connection that was never used.

    Header names are lower case. 2.9 µs; `stream=` with raw tuples alone is 2.1, `content=` 17 (it reads the body
    through an encoder and sorts default headers in), `AsyncClient.build_request` 60.
    """
    extensions: dict[str, Any] = {} if connect_timeout_s is None else {"timeout": {"connect": connect_timeout_s}}
    if sends_once:
        extensions["sends_once"] = True
    if fresh_connection:
        extensions["fresh_connection"] = True
    framed = ((b"host", url.netloc), *headers, (b"content-length", b"%d" % len(body)))
    return httpx.Request("POST", url, headers=framed, stream=httpx.ByteStream(body), extensions=extensions)


class Scorer(Protocol):
    """The difficulty model. "Cannot tell" is a value (familiarity 0), never an exception.

    `asks` tells whether a score leaves the decision open, so that a better stage is worth its time. The outcome that
    the score carries is final: whoever counts outcomes counts it once.
    """

    async def score(self, request: CanonicalRequest, choice: ScorerChoice, asks: Callable[[Score], bool]) -> Score: ...


class CacheStore(Protocol):
    """Whole answers by exact key. `get` and `put` never fail and never wait beyond a bound: trouble is a miss.

    A quarter of a second after a purge no store that shares this one gives what was purged, connected or not."""

    async def get(self, key: ExactKey) -> CachedAnswer | None: ...

    async def claim(self, key: ExactKey, within_s: float) -> Claim:
        """Return what is kept, or say whether this worker asks for it: one of those that share the store does.

        Whoever asks says so with `release`, once. In trouble everybody does.
        """

    def release(self, key: ExactKey, ending: Ending) -> None:
        """Say that this worker asks no more, and let others know how that ended; behind what it has put."""

    def watch(self, key: ExactKey, tell: Callable[[Landing], None]) -> Callable[[], object]:
        """Tell, once, when the worker that asks has an answer or asks no more; in trouble that is soon.

        Returns what ends the watch early; that too is told.
        """

    def put(self, key: ExactKey, answer: CachedAnswer, ttl_s: float) -> None:
        """Store behind the caller's back; a full queue drops the oldest write, counted."""

    def purge_number(self, tenant: TenantId) -> int:
        """Return the number of the tenant's last purge known here. An answer kept carries it from when it was asked."""

    async def purge(self, selection: Selection) -> Tally:
        """Make the answers selected void everywhere, those under way too, and count what was taken out of the store.

        Raises StoreUnavailable: then nobody knows whether others heard of it.
        """

    async def was_purged(self, key: ExactKey) -> bool:
        """Tell whether this very answer was purged. Raises StoreUnavailable."""

    async def count(self, selection: Selection) -> Tally:
        """Count what a purge would take out of the store. Raises StoreUnavailable."""

    async def listen(self) -> None:
        """Hear of others' purges until cancelled; return where there are no others."""

    def stats(self) -> Mapping[str, int | str]:
        """Counts since the start, by name, for whoever asks how the cache fares."""

    async def aclose(self) -> None: ...


class ConversationStore(Protocol):
    """Where conversations stand, of the own tenant only. Never fails and never waits beyond its own bound."""

    async def get(self, key: ConversationKey) -> Standing | None:
        """Return the last standing known; None is also what a store in trouble says."""

    def put(self, key: ConversationKey, standing: Standing, ttl_s: float) -> None:
        """Keep behind the caller's back."""

    async def aclose(self) -> None: ...


class LedgerUnavailable(Exception):
    """The ledger did not answer, so nothing is known of the hold."""


class Ledger(Protocol):
    """Allowances. Both calls are idempotent by request id and answer a repetition with what was recorded."""

    async def hold(self, hold: Hold) -> HoldVerdict:
        """Claim the dearest the request can become. Raises LedgerUnavailable."""

    async def settle(self, settlement: Settlement) -> None:
        """Replace the hold by what was used. Raises LedgerUnavailable."""

    async def aclose(self) -> None: ...


class ReceiptStore(Protocol):
    """Receipts by request id, own tenant only."""

    def put(self, receipt: Receipt) -> None: ...

    async def get(self, tenant: TenantId, request_id: RequestId) -> Receipt | None: ...

    async def aclose(self) -> None: ...


class Recorder(Protocol):
    """Counts what happened. Must not block and must not fail."""

    def record(self, receipt: Receipt) -> None: ...


class StoreUnavailable(Exception):
    """What keeps feedback did not answer: nothing is known, and nothing was recorded for certain."""


class AnsweredStore(Protocol):
    """What is kept of answered requests, and what was said of their answers. Own tenant only.

    What is asked for seldom may fail: `get`, `note` and `noted` raise StoreUnavailable.
    """

    def put(self, answered: AnsweredRequest) -> None:
        """Keep behind the caller's back."""

    async def get(self, tenant: TenantId, request_id: RequestId) -> AnsweredRequest | None: ...

    async def note(self, tenant: TenantId, request_id: RequestId, feedback: Feedback) -> Feedback | None:
        """Record what is said now in the place of what was said before, and return the latter. Atomic."""

    async def noted(self, tenant: TenantId, request_id: RequestId) -> Feedback | None: ...

    async def aclose(self) -> None: ...


class Reservoir(Protocol):
    """The labels that move decisions: bounded, the oldest of the same tenant out first."""

    def corrections(
        self, tenant: TenantId, tiers: Sequence[Tier], score: Score, space: str, *, shared: bool
    ) -> tuple[Correction, ...]:
        """Return what labels near the score say of the tiers; the tenant's own labels, or everybody's if `shared`.

        Nothing of a tier without labels in this space. In memory, and at once where there are none.
        """

    async def add(self, label: Label) -> None:
        """Take a label in, in the place of an older one of the same request. Raises StoreUnavailable."""

    async def listen(self) -> None:
        """Take in what other workers add, within a second, until cancelled; return where there are none."""

    def stats(self) -> Mapping[str, int]: ...

    async def aclose(self) -> None: ...


class News(Protocol):
    """What workers see, made known to each other within two seconds. Never fails: trouble is counted."""

    async def look(self) -> None:
        """Tell what is new here, and take in what is new elsewhere."""

    async def listen(self) -> None:
        """Look again and again until cancelled; return where there are no others."""

    def stats(self) -> Mapping[str, int]: ...


class TrainingRecords(Protocol):
    """Rows to train on. Must not block and must not fail."""

    def write(self, answered: AnsweredRequest, feedback: Feedback | None) -> None:
        """Keep a row; `feedback` is None for a request of which nothing was said."""
