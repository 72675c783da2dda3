import pytest

from gateway.domain.ledger import Allowance
from gateway.domain.money import FREE, Price
from gateway.domain.outcome import FailureKind
from gateway.domain.request import Need
from gateway.policy import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "off"),
        (0.0, "0 ms"),
        (0.25, "250 ms"),
        (0.6, "600 ms"),
        (1.0, "1 s"),
        (1.5, "1.5 s"),
        (90.0, "90 s"),
        (120.0, "2 min"),
        (3_600.0, "1 h"),
        (172_800.0, "2 d"),
    ],
)
def test_durations(seconds: float | None, said: str) -> None:
    assert words.duration(seconds) == said


def test_sizes() -> None:
    assert [words.size(count) for count in (0, 256, 1024, 1536, 8 * 1024**2)] == [
        "0 B",
        "256 B",
        "1 KiB",
        "1536 B",
        "8 MiB",
    ]


def test_numbers_and_shares() -> None:
    assert [words.number(value) for value in (3.0, 12_345_678.0, 0.125)] == ["3", "12,345,678", "0.125"]
    assert [words.percent(share) for share in (1.0, 0.955, 0.12345)] == ["100 %", "95.5 %", "12.35 %"]
    assert words.tokens(32_000) == "32,000 tokens"


def test_prices() -> None:
    assert words.price(FREE) == "free"
    assert words.price(Price(50_000, 1, 10_000_000)) == "$0.05 in, $0.000001 cached in, $10 out per million tokens"
    told = words.price(Price(3_000_000, 300_000, 15_000_000, 3_750_000))
    assert told == "$3 in, $0.3 cached in, $3.75 written to a cache, $15 out per million tokens"


def test_needs_and_failures() -> None:
    assert words.needs(Need.NONE) == "text only"
    assert words.needs(Need.TOOLS | Need.VISION) == "tools, vision"
    assert words.failures(frozenset()) == "nothing"
    assert words.failures(frozenset({FailureKind.BUSY, FailureKind.CONNECT})) == "connect, busy"


def test_allowances() -> None:
    assert (words.budget(Allowance()), words.rate(Allowance())) == ("unlimited", "unlimited")
    allowance = Allowance(1_500_000_000, 3_600, 60, 4_000)
    assert words.budget(allowance) == "$1.50 an hour"
    assert words.rate(allowance) == "60 requests and 4,000 tokens a minute"
    assert words.rate(Allowance(tokens_per_minute=1)) == "1 token a minute"
