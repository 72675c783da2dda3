"""Several recorders as one."""

from gateway.domain.receipt import Receipt
from gateway.ports import Recorder


class Recorders:
    """Hands each receipt to all of them, in the order given."""

    def __init__(self, *recorders: Recorder) -> None:
        self._recorders = recorders

    def record(self, receipt: Receipt) -> None:
        """Hand on the receipt of a request that ended."""
        for recorder in self._recorders:
            recorder.record(receipt)
