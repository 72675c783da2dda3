"""The messages of the Open Inference Protocol v2 over gRPC, as far as we use them.

Built from this table by the protobuf library when the module is loaded: generated code would tie the repository to one
version of its compiler. Names and numbers are the protocol's. They live in a pool of their own, so that another package
in the process may bring the same protocol along.
"""

from typing import Any, Final

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

PACKAGE: Final = "inference"
SERVICE: Final = f"/{PACKAGE}.GRPCInferenceService"

_BOOL: Final = FieldDescriptorProto.TYPE_BOOL
_BYTES: Final = FieldDescriptorProto.TYPE_BYTES
_FLOAT: Final = FieldDescriptorProto.TYPE_FLOAT
_INT64: Final = FieldDescriptorProto.TYPE_INT64
_STRING: Final = FieldDescriptorProto.TYPE_STRING
_ONE: Final = FieldDescriptorProto.LABEL_OPTIONAL
_MANY: Final = FieldDescriptorProto.LABEL_REPEATED

_TENSOR: Final = (("name", 1, _STRING, _ONE), ("datatype", 2, _STRING, _ONE), ("shape", 3, _INT64, _MANY))
_NAMED: Final = (("name", 1, _STRING, _ONE), ("version", 2, _STRING, _ONE))
_ASKED: Final = (("model_name", 1, _STRING, _ONE), ("model_version", 2, _STRING, _ONE))

# A type that is a text names another message of the table.
_MESSAGES: Final[dict[str, tuple[tuple[str, int, int | str, int], ...]]] = {
    "ServerReadyRequest": (),
    "ServerReadyResponse": (("ready", 1, _BOOL, _ONE),),
    "ModelReadyRequest": _NAMED,
    "ModelReadyResponse": (("ready", 1, _BOOL, _ONE),),
    "ModelMetadataRequest": _NAMED,
    "TensorMetadata": _TENSOR,
    "ModelMetadataResponse": (
        ("name", 1, _STRING, _ONE),
        ("inputs", 4, "TensorMetadata", _MANY),
        ("outputs", 5, "TensorMetadata", _MANY),
    ),
    "InferTensorContents": (("int64_contents", 3, _INT64, _MANY), ("fp32_contents", 6, _FLOAT, _MANY)),
    "InferInputTensor": (*_TENSOR, ("contents", 5, "InferTensorContents", _ONE)),
    "InferRequestedOutputTensor": (("name", 1, _STRING, _ONE),),
    "ModelInferRequest": (
        *_ASKED,
        ("inputs", 5, "InferInputTensor", _MANY),
        ("outputs", 6, "InferRequestedOutputTensor", _MANY),
        ("raw_input_contents", 7, _BYTES, _MANY),
    ),
    "InferOutputTensor": (*_TENSOR, ("contents", 5, "InferTensorContents", _ONE)),
    "ModelInferResponse": (
        *_ASKED,
        ("outputs", 5, "InferOutputTensor", _MANY),
        ("raw_output_contents", 6, _BYTES, _MANY),
    ),
}


def _file() -> FileDescriptorProto:
    file = FileDescriptorProto(name="oip_v2.proto", package=PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = DescriptorProto(name=name)
        for field, number, kind, label in fields:
            described = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                described.type, described.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
            else:
                described.type = kind
        file.message_type.append(message)
    return file


def _classes() -> dict[str, Any]:
    pool = DescriptorPool()
    pool.Add(_file())
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in _MESSAGES}


MESSAGES: Final = _classes()
"""The message classes by name."""
