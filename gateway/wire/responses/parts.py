"""The parts of a message, of an input item to those of a chat's message."""

from typing import Any, Final

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.wire.responses.carriage import Carriage
from gateway.wire.responses.types import InputAudio, InputFile, InputImage, InputText, OutputText, Part, Refusal

_KEYS: Final = {
    InputText: frozenset({"type", "text"}),
    InputImage: frozenset({"type", "image_url", "file_id", "detail"}),
    InputFile: frozenset({"type", "file_data", "file_id", "file_url", "filename"}),
    InputAudio: frozenset({"type", "input_audio"}),
    OutputText: frozenset({"type", "text", "annotations", "logprobs"}),
    Refusal: frozenset({"type", "refusal"}),
}


def to_content(
    said: str | list[Part], raw: list[dict[str, Any]], within: str, limits: EdgeLimits, carriage: Carriage
) -> str | list[dict[str, Any]]:
    """Translate a message's parts; a single text becomes a mere string, which every server's template takes.

    `raw` is what `said` was read from. Raises GatewayError `invalid_value`, or `forbidden_field` for an image by
    address where none may be.
    """
    if isinstance(said, str):
        return said
    content: list[dict[str, Any]] = []
    for at, (part, members) in enumerate(zip(said, raw, strict=True)):
        known = _KEYS[type(part)]
        if not members.keys() <= known:
            carriage.leave_unknown(members, known, "input.content")
        match part:
            case InputText(text) | OutputText(text):
                if members.get("annotations"):
                    carriage.leave("input.content.annotations", members["annotations"])
                content.append({"type": "text", "text": text})
            case Refusal(refusal):
                content.append({"type": "refusal", "refusal": refusal})
            case InputImage():
                content += _image(part, f"{within}.{at}", limits, carriage)
            case InputFile():
                content += _file(part, f"{within}.{at}", limits, carriage)
            case _:
                content.append({"type": "input_audio", "input_audio": part.input_audio})
    if len(content) == 1 and content[0]["type"] == "text":
        alone: str = content[0]["text"]
        return alone
    return content


def _image(image: InputImage, within: str, limits: EdgeLimits, carriage: Carriage) -> list[dict[str, Any]]:
    if image.image_url is None:
        if image.file_id is None:
            message = f"'{within}.image_url' is required. Add it."
            raise GatewayError(ErrorCode.INVALID_VALUE, message, param=f"{within}.image_url")
        carriage.refuse(f"{within}.file_id", _kept_elsewhere("image", "as a data: URL in 'image_url'"))
        return []
    if not image.image_url[:16].lstrip().lower().startswith("data:"):
        _check_remote(f"{within}.image_url", limits)
    source = {"url": image.image_url}
    if image.detail is not None:
        source["detail"] = image.detail
    return [{"type": "image_url", "image_url": source}]


def _file(file: InputFile, within: str, limits: EdgeLimits, carriage: Carriage) -> list[dict[str, Any]]:
    if file.file_data is None:
        given = "file_url" if file.file_url is not None else "file_id"
        if file.file_url is not None:
            _check_remote(f"{within}.file_url", limits)
        carriage.refuse(f"{within}.{given}", _kept_elsewhere("file", "in 'file_data'"))
        return []
    source = {"file_data": file.file_data}
    if file.filename is not None:
        source["filename"] = file.filename
    return [{"type": "file", "file": source}]


def _check_remote(param: str, limits: EdgeLimits) -> None:
    if not limits.remote_images:
        message = "Images and files by address are not allowed here. Send what is in them, images as a data: URL."
        raise GatewayError(ErrorCode.FORBIDDEN_FIELD, message, param=param)


def _kept_elsewhere(what: str, how: str) -> str:
    return f"A model behind chat completions cannot be given a {what} that is kept elsewhere. Send it {how}."
