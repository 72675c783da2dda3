"""Answers as they lie in a shared store: what is known of them can be read without them, and no bytes do harm."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.cache_value import HEAD_BYTES_MAX, VERSION, read_head, read_value, write_value
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import RouteName, TenantId

KEY = ExactKey(TenantId("alice"), "a" * 64)
ANSWER = CachedAnswer(b"answer", "small", "qwen", 12, 34, 1_000.5, 2.25, RouteName("balanced"), 7)


def written(answer: CachedAnswer = ANSWER) -> bytes:
    raw = write_value(KEY, answer, 60.0)
    assert raw is not None
    return raw


@given(body=st.binary(max_size=200), route=st.text(max_size=20), purge=st.integers(0, 2**53))
def test_an_answer_comes_back_as_it_was(body: bytes, route: str, purge: int) -> None:
    answer = replace(ANSWER, body=body, route=RouteName(route), purge=purge)
    value = read_value(written(answer))
    assert value is not None
    head, rest = value
    assert head.is_of(KEY)
    assert head.answer(rest) == answer
    assert head.ttl_s == 60.0


def test_the_head_is_read_without_the_answer() -> None:
    head = read_head(written(replace(ANSWER, body=b"x" * 100_000))[:HEAD_BYTES_MAX])
    assert head is not None
    assert (head.body_bytes, head.route, head.purge, head.stored_at_s) == (100_000, "balanced", 7, 1_000.5)


@pytest.mark.parametrize("other", [ExactKey(TenantId("bob"), "a" * 64), ExactKey(TenantId("alice"), "b" * 64)])
def test_a_head_tells_another_key_from_its_own(other: ExactKey) -> None:
    head = read_head(written())
    assert head is not None
    assert not head.is_of(other)


def test_names_that_are_too_long_are_not_written() -> None:
    assert write_value(KEY, replace(ANSWER, served_model="m" * HEAD_BYTES_MAX), 60.0) is None


@given(raw=st.binary(max_size=300))
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    assert read_value(raw) is None
    assert read_value(bytes((VERSION,)) + raw) is None


@given(at=st.integers(0, 200))
def test_a_cut_value_is_none(at: int) -> None:
    raw = written()
    assert read_value(raw[: min(at, len(raw) - 1)]) is None
    assert read_value(raw + b"x") is None


@pytest.mark.parametrize("version", [0, 1, VERSION + 1])
def test_a_value_of_another_version_is_none(version: int) -> None:
    assert read_head(bytes((version,)) + written()[1:]) is None


def test_a_head_of_wrong_types_is_none() -> None:
    head = msgspec.msgpack.encode(["alice", KEY.digest, "six", "", "", 0, 0, 0.0, 1.0, 0.0, "", 0])
    assert read_head(bytes((VERSION,)) + len(head).to_bytes(2) + head) is None
