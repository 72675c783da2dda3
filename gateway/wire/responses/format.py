"""What the text of an answer must look like, to a chat's members for it."""

from typing import Any

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.body_faults import invalid_value
from gateway.wire.responses.carriage import Carriage
from gateway.wire.responses.types import SchemaFormat, Text


def to_format(text: Text, carriage: Carriage) -> dict[str, Any]:
    """Return a chat's `response_format` and `verbosity`, as far as they say anything. Raises GatewayError."""
    members: dict[str, Any] = {}
    if text.verbosity is not None:
        members["verbosity"] = text.verbosity
    kind = None if text.format is None else text.format.get("type")
    match kind:
        case "json_schema":
            members["response_format"] = {"type": kind, "json_schema": _schema(text.format)}
        case "json_object":
            members["response_format"] = {"type": kind}
        case "text":
            pass
        case str():
            message = f"A format of the type {kind[:64]!r} cannot be asked of a chat. Send a JSON schema."
            carriage.refuse("text.format", message)
        case _ if text.format is not None:
            message = '\'text.format.type\' must be "text", "json_object" or "json_schema". Correct it.'
            raise GatewayError(ErrorCode.INVALID_VALUE, message, param="text.format.type")
    return members


def _schema(given: dict[str, Any] | None) -> dict[str, Any]:
    try:
        schema = msgspec.convert(given, SchemaFormat)
    except msgspec.ValidationError as error:
        raise invalid_value(error, "text.format") from error
    named = ("name", "description", "schema", "strict")
    return {name: value for name in named if (value := getattr(schema, name)) is not None}
