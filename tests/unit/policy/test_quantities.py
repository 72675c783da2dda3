import re
from decimal import Decimal

import pytest
from pydantic_core import PydanticCustomError

from gateway.policy.quantities import Quantity, Text, refusal
from gateway.policy.scales import COUNT, DURATION, MONEY, NUMBER, PRICE, SHARE, SIZE, TOKENS, Scale


@pytest.mark.parametrize(
    ("quantity", "written", "read"),
    [
        (Quantity(DURATION, "1ms", "30d"), "600ms", 0.6),
        (Quantity(DURATION, "1ms", "30d"), "4s", 4.0),
        (Quantity(DURATION, "1ms", "30d"), " 1.5 m ", 90.0),
        (Quantity(DURATION, "1ms", "30d"), "24h", 86_400.0),
        (Quantity(DURATION, "1ms", "30d"), "30d", 2_592_000.0),
        (Quantity(TOKENS, "1", "1M"), "32k", 32_000),
        (Quantity(TOKENS, "1", "1M"), "0.5k", 500),
        (Quantity(TOKENS, "1", "1M"), 32768, 32_768),
        (Quantity(SIZE, "1B", "1MiB"), "32KiB", 32_768),
        (Quantity(SHARE, "0", "1"), "95%", 0.95),
        (Quantity(SHARE, "0", "1"), Decimal("0.95"), 0.95),
        (Quantity(COUNT, "0", "10"), 3, 3),
        (Quantity(NUMBER, "0", "2"), 1, 1.0),
        (Quantity(PRICE, "0", "10000"), Decimal("0.000001"), 1),
        (Quantity(PRICE, "0", "10000"), "0.15", 150_000),
        (Quantity(MONEY, "0", "9000000"), Decimal("0.10"), 100_000_000),
        (Quantity(MONEY, "0", "9000000"), 9_000_000, 9 * 10**15),
    ],
)
def test_quantities_are_read_exactly(quantity: Quantity, written: object, read: int | float) -> None:
    assert quantity.parse(written) == read
    assert type(quantity.parse(written)) is type(read)


@pytest.mark.parametrize(
    "written", ["", "4", "s", "4 sec", "-1s", "1e3s", "4s4s", None, True, ("4s",), {}, "٤s", "11m"]
)
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(PydanticCustomError):
        Quantity(DURATION, "0s", "10m").parse(written)


def test_a_bound_may_be_excluded() -> None:
    assert Quantity(SHARE, "0", "1").parse(0) == 0.0
    with pytest.raises(PydanticCustomError):
        Quantity(SHARE, "0", "1", above=True).parse(0)
    assert Quantity(SHARE, "0", "1", above=True).parse(1) == 1.0


def test_off_is_a_word_where_it_is_allowed() -> None:
    assert Quantity(DURATION, "1s", "1d", off=True).parse("off") is None
    with pytest.raises(PydanticCustomError):
        Quantity(DURATION, "1s", "1d").parse("off")


@pytest.mark.parametrize(
    ("scale", "written", "hint"),
    [
        (DURATION, 4, "add a unit: ms, s, m, h, d"),
        (DURATION, "4sec", "the units are ms, s, m, h, d"),
        (DURATION, "soon", ""),
        (DURATION, True, ""),
        (COUNT, "4x", "write the number without a unit"),
    ],
)
def test_the_hint_is_about_the_unit(scale: Scale, written: object, hint: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        Quantity(scale, "1s" if scale is DURATION else "1", "9s" if scale is DURATION else "9").parse(written)
    assert caught.value.context is not None
    assert caught.value.context["hint"] == hint


def test_a_bound_that_is_no_quantity_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="not a duration: 4"):
        Quantity(DURATION, "4", "9s").parse("5s")


@pytest.mark.parametrize("scale", [DURATION, TOKENS, SIZE, SHARE])
def test_the_pattern_for_editors_takes_the_example(scale: Scale) -> None:
    for example in scale.example.split(" or "):
        assert re.search(scale.pattern, example)
    assert not re.search(scale.pattern, "4 parsecs")


def test_a_text_has_its_form() -> None:
    text = Text("a word", "[a-z]+", "no digits")
    assert text.parse("abc") == "abc"
    for wrong in ("ab1", "abc\n", "", 3, None):
        with pytest.raises(PydanticCustomError):
            text.parse(wrong)


def test_a_refusal_carries_what_was_expected() -> None:
    assert refusal("a, {b} and c", "hint").context == {"expected": "a, {b} and c", "hint": "hint"}
