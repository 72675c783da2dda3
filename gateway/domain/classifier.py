"""Where the dearer stages of the difficulty model run, and what they may take."""

from enum import StrEnum
from typing import Final

from gateway.domain.noun import noun
from gateway.domain.remote_model import RemoteModel, SystemOneModel

ENCODER_TOKENS: Final = 256
"""What the encoder reads when it has time: the two enclosing pieces, 96 of the head and 158 of the tail."""
ENCODER_CPU_TOKENS: Final = 96
"""What it reads at most without a GPU: 256 take four times as long, beyond any deadline worth having."""


class EncoderDevice(StrEnum):
    """Where the encoder runs."""

    AUTO = "auto"
    """On a GPU where there is one."""
    CUDA = "cuda"
    """On a GPU; without one the gateway does not start."""
    CPU = "cpu"
    """On the CPU, though that is slow."""
    OFF = "off"
    """Nowhere."""


@noun
class ClassifierTerms:
    """What a policy says of the encoder and of scorers elsewhere. `tokens` is what the encoder reads on a GPU."""

    device: EncoderDevice = EncoderDevice.AUTO
    deadline_s: float = 0.02
    cpu_deadline_s: float = 0.06
    window_s: float = 0.002
    queue: int = 256
    tokens: int = ENCODER_TOKENS
    remote: RemoteModel | None = None
    systemone: SystemOneModel | None = None
