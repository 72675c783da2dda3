"""A text is passed through the encoder once as long as it is remembered, and trouble is not remembered."""

from gateway.adapters.encoder_model import Encoded
from gateway.adapters.encoder_recent import RecentTexts
from gateway.domain.ability import ClassifierOutcome
from tests.support.toy_encoders import CPU_LANE, CountedEncoding


async def test_a_text_that_is_remembered_is_not_passed_through_again() -> None:
    counted = CountedEncoding()
    recent = RecentTexts(counted)
    first, again, other = [await recent.encode(row) for row in ([1, 2], [1, 2], [2, 1, 3])]
    assert first is again
    assert isinstance(other, Encoded)
    assert (other.latent, counted.asked) == ((3.0,), [2, 3])
    assert recent.lane is CPU_LANE
    counted.lane = None
    assert recent.lane is None


async def test_what_was_used_least_lately_is_forgotten_first() -> None:
    counted = CountedEncoding()
    recent = RecentTexts(counted, remembered=2)
    for row in ([1], [1, 1], [1], [1, 1, 1], [1], [1, 1]):
        await recent.encode(row)
    assert counted.asked == [1, 2, 3, 2]


async def test_trouble_is_not_remembered() -> None:
    counted = CountedEncoding()
    recent = RecentTexts(counted)
    counted.trouble = ClassifierOutcome.OVERLOAD
    assert await recent.encode([1]) is ClassifierOutcome.OVERLOAD
    counted.trouble = None
    assert isinstance(await recent.encode([1]), Encoded)
    assert counted.asked == [1, 1]
