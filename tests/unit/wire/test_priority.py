import pytest

from gateway.domain.batch import Priority
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.priority import asked_priority


@pytest.mark.parametrize(
    ("headers", "priority"),
    [
        ((), Priority.INTERACTIVE),
        (((b"x-tiergate-priority", b"interactive"),), Priority.INTERACTIVE),
        (((b"accept", b"*/*"), (b"x-tiergate-priority", b" batch ")), Priority.BATCH),
    ],
)
def test_a_caller_may_say_that_nobody_waits(headers: tuple[tuple[bytes, bytes], ...], priority: Priority) -> None:
    assert asked_priority(headers) is priority


@pytest.mark.parametrize("value", [b"", b"Batch", b"low", b"batch, batch", b"\xff"])
def test_another_word_is_refused_by_name(value: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        asked_priority(((b"x-tiergate-priority", value),))
    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_VALUE, "x-tiergate-priority")
