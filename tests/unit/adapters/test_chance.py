"""Ids that nobody can guess, and draws that nobody needs to foresee."""

import re

from gateway.adapters.chance import RequestIds, uniform


def test_draws_lie_between_nought_and_one() -> None:
    draws = [uniform() for _ in range(1_000)]
    assert all(0.0 <= draw < 1.0 for draw in draws)
    assert len(set(draws)) > 900


def test_an_id_has_96_random_bits_and_no_two_are_alike() -> None:
    make = RequestIds()
    ids = [make() for _ in range(1_000)]
    assert all(re.fullmatch(r"req_[0-9a-f]{24}", each) for each in ids)
    assert len(set(ids)) == 1_000


def test_every_random_byte_is_used_once_and_in_time_for_more() -> None:
    asked: list[int] = []

    def counted(size_bytes: int) -> bytes:
        asked.append(size_bytes)
        first = len(asked) - 1
        return b"".join((first * 256 + number).to_bytes(12) for number in range(size_bytes // 12))

    make = RequestIds(counted)
    assert [int(make()[4:], 16) for _ in range(600)] == list(range(600))
    assert asked == [12 * 256] * 3
