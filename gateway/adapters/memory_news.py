"""What workers tell each other where there is one: it knows already."""

from collections.abc import Mapping


class MemoryNews:
    """Nobody to tell, and nobody to hear."""

    async def look(self) -> None:
        """Do nothing."""

    async def listen(self) -> None:
        """Return: there is nobody to listen to."""

    def stats(self) -> Mapping[str, int]:
        """Count nothing."""
        return {}
