"""Signs of life for a client whose stream is silent: what stands between cuts a connection on which nothing moves.

Load balancers and proxies do so after 60 s, and some models think for longer than that.
"""

from gateway.pipeline.journey import Trail
from gateway.pipeline.respond import send_early_head
from gateway.wire.sse import PING


class Heartbeat:
    """Sends a comment, which every reader of event streams passes over; called between events alone.

    Before the first content it begins the stream, with a 200: a failure is told in band from then on, while another
    server may still be tried, since nothing of an answer has gone out.
    """

    __slots__ = ("_trail",)

    def __init__(self, trail: Trail) -> None:
        self._trail = trail

    async def __call__(self) -> None:
        """Send one. Raises ClientGone."""
        if not self._trail.head_sent:
            await send_early_head(self._trail)
        await self._trail.arrival.responder.send_chunk(PING)
