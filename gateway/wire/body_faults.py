"""What is wrong with a body, told in words its sender can act on."""

import re

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError

_MISSING = re.compile(r"missing required field `([^`]*)`")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_AT_BYTE = re.compile(r" ?\(byte ([0-9]+)\)$")
_KEY_BEFORE = re.compile(rb'"([^"\\]{1,64})"[ \t\r\n]*:[ \t\r\n]*[-+]?[a-zA-Z0-9.]*[]}]?$')
_LOOK_BACK_BYTES = 160
_KEY_CHARS_MAX = 80
_INDEX = re.compile(r"\[([0-9]+)\]")
# A high half that no low half follows, or a low half that follows no high one.
_LONE_SURROGATE = re.compile(rb"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]", re.DOTALL)


def invalid_value(error: msgspec.ValidationError, within: str = "") -> GatewayError:
    """Name the field that has the wrong type or range. `within` is the member that was decoded by itself."""
    what, _, path = str(error).partition(" - at `$")
    # Within an object of free form the path names no keys, so it says no more than where that is.
    field = _INDEX.sub(r".\1", path.partition("[...]")[0].rstrip("`")).strip(".")
    param = ".".join(filter(None, [within, field]))
    missing = _MISSING.search(what)
    if missing:
        param = f"{param}.{missing[1]}".strip(".")
        return GatewayError(ErrorCode.INVALID_VALUE, f"'{param}' is required. Add it.", param=param)
    unknown = _UNKNOWN.search(what)
    if unknown:
        param = f"{param}.{unknown[1][:_KEY_CHARS_MAX]}".strip(".")
        return GatewayError(ErrorCode.INVALID_VALUE, f"'{param}' is not known here. Leave it out.", param=param)
    subject = f"'{param}'" if param else "The body"
    return GatewayError(
        ErrorCode.INVALID_VALUE, f"{subject} is not acceptable: {_plain(what)}. Correct it.", param=param or None
    )


def malformed(error: msgspec.DecodeError | UnicodeDecodeError, body: bytes) -> GatewayError:
    """Say where a body stops being JSON, and name the field whose value it is, where that can be told."""
    if isinstance(error, UnicodeDecodeError):
        return GatewayError(ErrorCode.MALFORMED_BODY, "The body is not valid UTF-8. Encode it as UTF-8.")
    # Escaped backslashes first, lest the second of them be taken for the beginning of an escape.
    if _LONE_SURROGATE.search(body.replace(b"\\\\", b"--")):
        message = (
            "The body holds half of a surrogate pair (\\ud800 to \\udfff), which is no character. Send whole ones."
        )
        return GatewayError(ErrorCode.MALFORMED_BODY, message)
    text = str(error)
    found = _AT_BYTE.search(text)
    at = int(found[1]) if found else len(body)
    key = _KEY_BEFORE.search(body[max(0, at - _LOOK_BACK_BYTES) : at])
    param = key[1].decode("utf-8", "replace") if key else None
    where = f"at byte {at}" + (f", in the value of '{param}'" if param else "")
    what = _plain(_AT_BYTE.sub("", text.removeprefix("JSON is malformed: ")))
    return GatewayError(
        ErrorCode.MALFORMED_BODY, f"The body is not valid JSON {where}: {what}. Correct it.", param=param
    )


def _plain(text: str) -> str:
    words = text.replace("`", "").replace(" | ", " or ")
    return words[:1].lower() + words[1:]
