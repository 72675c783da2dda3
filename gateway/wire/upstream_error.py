"""What a model server says when it fails, in whichever of the usual shapes, made fit to be told."""

import errno
import re
from dataclasses import dataclass
from typing import Any, Final

TEXT_BYTES_MAX: Final = 2_000
"""As much of a server's message is told; the rest is its traceback."""

_ADDRESS = re.compile(
    r"https?://[^\s\"'<>)\]]*+"
    r"|(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]{1,5})?"
    r"|(?<![\w.-])(?:localhost|[a-zA-Z]\w*+[.-][\w.-]*+):[0-9]{2,5}\b"
    # As Python writes a socket's address.
    r"|\('[\w:.%]{1,64}+', [0-9]{1,5}(?:, [0-9]{1,10}){0,2}\)"
)
_CREDENTIAL = re.compile(r"(?i)\bbearer\s++\S++|\b(?:sk|pk|hf|key)[-_][\w-]{8,}+")
_OS_NUMBER = re.compile(r"\[Errno (-?[0-9]{1,5})\]")
_TLS_MARK = re.compile(r"\[SSL[^\]]{0,80}\] | \(_ssl\.c:[0-9]{1,6}\)")
_SEVERAL = "Multiple exceptions: "
"""How asyncio begins when each of a host's addresses failed in another way."""
_OS_WORDS: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.ECONNABORTED: "connection closed",
    errno.EPIPE: "connection closed",
    errno.EHOSTUNREACH: "host unreachable",
    errno.EHOSTDOWN: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
    errno.ENETDOWN: "network unreachable",
    errno.ETIMEDOUT: "timed out",
    errno.EMFILE: "the gateway has too many files open",
    errno.ENFILE: "the gateway has too many files open",
    errno.EADDRNOTAVAIL: "the gateway has no free port left",
}


@dataclass(frozen=True, slots=True)
class UpstreamSaid:
    """An error in a server's own words. `code` is text, whatever the server wrote."""

    message: str
    type: str | None = None
    param: str | None = None
    code: str | None = None


def read_error(value: Any) -> UpstreamSaid | None:
    """Find the error in a decoded body or event; None where it is none.

    Known are OpenAI's `{"error": {…}}` and `{"error": "text"}`, vLLM's former `{"object": "error", …}`, and FastAPI's
    `{"detail": …}`.
    """
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if isinstance(error, dict):
        return _said(error)
    if error:
        return UpstreamSaid(public_text(str(error)))
    if value.get("object") == "error":
        return _said(value)
    if "detail" in value and not value.keys() - {"detail"}:
        return UpstreamSaid(public_text(str(value["detail"])))
    return None


def public_text(text: str) -> str:
    """Return a server's text without addresses and credentials, and of bounded length."""
    text = _ADDRESS.sub("[address]", text[:TEXT_BYTES_MAX])
    return _CREDENTIAL.sub("[redacted]", text)


def connection_words(text: str) -> str:
    """Return what was said of a connection with the system's own part, which stands at its end, in plain words."""
    first = _OS_NUMBER.search(text)
    if first is None:
        return _TLS_MARK.sub("", text)
    reasons = dict.fromkeys(_os_words(int(number)) for number in _OS_NUMBER.findall(text))
    return text[: first.start()].removesuffix(_SEVERAL) + ", ".join(reasons)


def without_host(text: str, host: str) -> str:
    """Return a text without that host, with or without a port: a bare name looks like any word to `public_text`."""
    return re.sub(rf"(?<![\w.-])\[?{re.escape(host)}\]?(?::[0-9]{{1,5}})?(?![\w-])", "[address]", text)


def _os_words(number: int) -> str:
    # Looking up a host's name fails with numbers below zero, everything else with those of errno.
    return "host name not found" if number < 0 else _OS_WORDS.get(number, "connection failed")


def _said(error: dict[str, Any]) -> UpstreamSaid:
    message = error.get("message")
    text = message if isinstance(message, str) and message else "The model server gave no reason."
    return UpstreamSaid(public_text(text), _word(error, "type"), _word(error, "param"), _word(error, "code"))


def _word(error: dict[str, Any], name: str) -> str | None:
    value = error.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return public_text(str(value))[:200]
