from gateway.policy.source import PolicySource


def test_text_and_its_bytes_are_the_same_content() -> None:
    assert PolicySource("a", "λ: 1").content == PolicySource("b", "λ: 1".encode()).content


def test_half_a_character_has_content_too() -> None:
    assert PolicySource("a", "\ud800").content == b"\xed\xa0\x80"
