"""Names as a test has them lead somewhere, nowhere, or to no answer."""

import asyncio
from collections.abc import Mapping

from gateway.adapters.resolver import Addresses


class Names:
    """Stands in for the system's resolver. What is not known is an error; `held` names wait until they are released."""

    def __init__(self, known: Mapping[str, Addresses] | None = None) -> None:
        self.known = dict(known or {})
        self.asked: list[str] = []
        self.held: dict[str, asyncio.Event] = {}

    async def look_up(self, host: str) -> Addresses:
        """Answer as the system would."""
        self.asked.append(host)
        if host in self.held:
            await self.held[host].wait()
        if host not in self.known:
            raise OSError(-2, "Name or service not known")
        return self.known[host]
