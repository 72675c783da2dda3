"""The tests of a comparison: what is sent, how, and how much of it."""

from dataclasses import dataclass

from load_tests.bodies import BodyKind

SECONDS_MAX = 60.0
"""A target too slow for the wanted number of replies is measured over this long instead."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One test. It lasts until `replies` good ones may be expected, or `seconds` when `replies` is 0.

    `standard_body` is the file that the external tools use for it. `warmup_s` passes within the measured run, on the
    connections that are then measured.
    """

    name: str
    about: str
    body: BodyKind
    standard_body: str
    connections: int
    replies_share: float = 0.0
    """Replies wanted, as a share of the number asked for on the command line."""
    rate_per_s: float | None = None
    warmup_s: float = 0.0

    @property
    def streams(self) -> bool:
        """Tell whether the answers are streams."""
        return self.body.chunk_delay_us is not None

    @property
    def adds_to_direct(self) -> bool:
        """Tell whether its times are given as what a gateway adds to the model server's own."""
        return self.rate_per_s is not None or self.warmup_s > 0

    def seconds(self, seconds: float, replies: int, seen_per_s: float) -> float:
        """Return how long to measure, given the rate seen while warming up."""
        if not self.replies_share or not seen_per_s:
            return seconds
        # A tenth more than the rate promises, since rates differ between two runs.
        return min(SECONDS_MAX, max(seconds, 1.1 * replies * self.replies_share / seen_per_s))


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("c64", "2 kB requests from 64 connections, none in the cache", BodyKind(), "2k.json", 64, 1.0),
        Scenario(
            "c64_50k",
            "50 kB requests from 64 connections, none in the cache",
            BodyKind(size_bytes=50_000),
            "50k.json",
            64,
            0.25,
        ),
        Scenario(
            "hit", "one 2 kB request again and again: the exact cache", BodyKind(unique=False), "2k.json", 64, 1.0
        ),
        Scenario(
            "r100", "100 requests a second, whatever the server does", BodyKind(), "2k.json", 16, rate_per_s=100.0
        ),
        Scenario("s0", "16 streams of 50 chunks without a pause", BodyKind(chunk_delay_us=0), "2k_s0.json", 16),
        Scenario(
            "sq",
            "4 long-lived connections, streams of chunks 10 ms apart",
            BodyKind(chunk_delay_us=10_000, max_tokens=10),
            "2k_s10.json",
            4,
            warmup_s=2.0,
        ),
    )
}
