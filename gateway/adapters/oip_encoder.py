"""The encoder on another server, asked within the limits of `remote_asking`."""

from collections.abc import Callable, Sequence

from gateway.adapters.encoder_model import Encoded, in_bytes
from gateway.adapters.oip_model import (
    EMBEDDING,
    EMBEDDING_WIDTH,
    FAMILIARITY,
    LATENT,
    VECTOR,
    InferenceServer,
    Rows,
    ServedModel,
    look,
    padded,
)
from gateway.adapters.remote_asking import RemoteAsking, RemoteLimits
from gateway.adapters.remote_trouble import BadAnswer
from gateway.domain.ability import ClassifierOutcome
from gateway.domain.remote_model import RemoteModel
from gateway.ports import Clock


class RemoteEncoder:
    """Encodes texts by asking a server, as `EncoderBatches` does by itself. Never raises: what went wrong is returned.

    The server sees one text a request, and puts together those that come at the same time. `note` is told when the
    server goes down and comes back. `served` is what a look at it has found already.
    """

    def __init__(
        self,
        server: InferenceServer,
        remote: RemoteModel,
        *,
        width: int,
        clock: Clock,
        chance: Callable[[], float],
        note: Callable[[str], None],
        limits: RemoteLimits | None = None,
        served: ServedModel | None = None,
    ) -> None:
        async def look_at_it(timeout_s: float) -> ServedModel:
            return await look(server, remote, width, timeout_s)

        self._server = server
        self._width = width
        self._asking = RemoteAsking(
            remote.base_url, look_at_it, clock=clock, chance=chance, note=note, limits=limits, served=served
        )

    @property
    def is_up(self) -> bool:
        """Tell whether the server is asked at present."""
        return self._asking.is_up

    async def encode(self, row: Sequence[int]) -> Encoded | ClassifierOutcome:
        """Encode one text, given as ids with the enclosing ones, or tell why not: timeout, overload or error."""

        async def infer(served: ServedModel, timeout_s: float) -> Encoded:
            ids, mask = padded(row)
            return _encoded(await self._server.infer(ids, mask, served, timeout_s), self._width)

        return await self._asking.ask(infer)

    async def aclose(self) -> None:
        """Stop looking at the server, and let go of it."""
        await self._asking.aclose()
        await self._server.aclose()


def _encoded(rows: Rows, width: int) -> Encoded:
    """Return what the server says of a text in the words of the encoder. Raises BadAnswer."""
    latent, embedding = rows[LATENT], rows[EMBEDDING]
    if (latent.size, embedding.size) != (width, EMBEDDING_WIDTH):
        raise BadAnswer(
            f"it answered with {latent.size} and {embedding.size} numbers, not {width} and {EMBEDDING_WIDTH}"
        )
    known, vector = rows.get(FAMILIARITY), rows.get(VECTOR)
    familiarity = None if known is None or known.size != 1 else float(known[0])
    place = b"" if vector is None else in_bytes(vector).tobytes()
    return Encoded(tuple(latent.tolist()), in_bytes(embedding).tobytes(), familiarity, place)
