"""Which answers are kept and served, and under which key."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.cache_rules import (
    ANY_AGE,
    TTL_JITTER,
    AnswerFacts,
    CacheBar,
    CacheControl,
    age_s,
    bar_to_read,
    bar_to_write,
    exact_key,
    is_fresh,
    jittered_ttl_s,
    parse_cache_control,
    tenant_secret,
    wished,
)
from gateway.domain.cache_terms import CacheTerms
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.identity import CachedAnswer, CacheScope
from gateway.domain.ids import TenantId
from gateway.domain.request import Native, Operation
from tests.support.tiers import a_request

COLD = a_request(temperature=0.0)
TERMS = CacheTerms(ttl_s=60.0, max_temperature=0.0)
WHOLE = AnswerFacts(is_complete=True, finish_reason="stop", has_tool_calls=False, body_bytes=100)
ALICE, BOB = TenantId("alice"), TenantId("bob")


def scope_of(tenant: TenantId, master: bytes = b"master") -> CacheScope:
    return CacheScope(tenant, tenant_secret(master, tenant))


def test_a_cold_request_and_its_whole_answer_pass() -> None:
    assert bar_to_read(TERMS, COLD, ANY_AGE) is None
    assert bar_to_write(TERMS, COLD, ANY_AGE, WHOLE) is None


def test_the_same_request_of_two_tenants_lies_under_different_keys() -> None:
    of_alice, of_bob = exact_key(scope_of(ALICE), b"identity"), exact_key(scope_of(BOB), b"identity")
    assert of_alice.digest != of_bob.digest
    assert (of_alice.tenant, of_bob.tenant) == (ALICE, BOB)
    assert len(of_alice.digest) == 64


def test_the_key_is_the_same_wherever_the_master_secret_is() -> None:
    assert exact_key(scope_of(ALICE), b"identity") == exact_key(scope_of(ALICE), b"identity")
    assert exact_key(scope_of(ALICE), b"identity") != exact_key(scope_of(ALICE, b"another"), b"identity")


@given(first=st.binary(max_size=64), second=st.binary(max_size=64))
def test_two_identities_share_a_key_only_when_they_are_equal(first: bytes, second: bytes) -> None:
    keys = exact_key(scope_of(ALICE), first), exact_key(scope_of(ALICE), second)
    assert (keys[0] == keys[1]) == (first == second)


@given(first=st.tuples(st.binary(max_size=6), st.binary(max_size=6)), split=st.integers(0, 12))
def test_no_epoch_and_identity_are_taken_for_another_pair(first: tuple[bytes, bytes], split: int) -> None:
    joined = first[0] + first[1]
    second = (joined[:split], joined[split:])
    keys = [exact_key(scope_of(ALICE), identity, epoch) for epoch, identity in (first, second)]
    assert (keys[0] == keys[1]) == (first == second)


@pytest.mark.parametrize(
    ("temperature", "allowed", "bar"),
    [
        (0.0, 0.0, None),
        (0.2, 0.0, CacheBar.TEMPERATURE),
        (0.2, 0.2, None),
        (None, 0.0, CacheBar.TEMPERATURE),
        (None, 0.9, CacheBar.TEMPERATURE),
        (None, 1.0, None),
        (1.5, 1.0, CacheBar.TEMPERATURE),
    ],
)
def test_a_request_hotter_than_the_route_allows_is_neither_read_nor_written(
    temperature: float | None, allowed: float, bar: CacheBar | None
) -> None:
    request, terms = replace(COLD, temperature=temperature), replace(TERMS, max_temperature=allowed)
    assert bar_to_read(terms, request, ANY_AGE) is bar
    assert bar_to_write(terms, request, ANY_AGE, WHOLE) is bar


def test_several_choices_are_never_cached() -> None:
    assert bar_to_read(TERMS, replace(COLD, choices=2), ANY_AGE) is CacheBar.CHOICES


def test_what_only_a_server_of_another_api_can_do_is_never_cached() -> None:
    refusal = GatewayError(ErrorCode.INVALID_VALUE, "Responses are not kept here.", param="previous_response_id")
    native = Native(Operation.RESPONSES, b"{}", (), b"")
    assert bar_to_read(TERMS, replace(COLD, native=native), ANY_AGE) is None
    asked = replace(COLD, native=replace(native, refusal=refusal))
    assert bar_to_read(TERMS, asked, ANY_AGE) is CacheBar.STATE
    assert bar_to_write(TERMS, asked, ANY_AGE, WHOLE) is CacheBar.STATE


def test_a_route_without_a_ttl_has_no_cache() -> None:
    assert bar_to_read(replace(TERMS, ttl_s=None), COLD, ANY_AGE) is CacheBar.OFF


def test_no_cache_forbids_reading_and_allows_writing() -> None:
    control = CacheControl(no_cache=True)
    assert bar_to_read(TERMS, COLD, control) is CacheBar.NO_CACHE
    assert bar_to_write(TERMS, COLD, control, WHOLE) is None


def test_where_there_is_no_cache_nothing_is_bypassed() -> None:
    control = CacheControl(no_cache=True)
    assert bar_to_read(replace(TERMS, ttl_s=None), COLD, control) is CacheBar.OFF


def test_no_store_forbids_writing_and_allows_reading() -> None:
    control = CacheControl(no_store=True)
    assert bar_to_read(TERMS, COLD, control) is None
    assert bar_to_write(TERMS, COLD, control, WHOLE) is CacheBar.NO_STORE


@pytest.mark.parametrize(
    ("answer", "bar"),
    [
        (replace(WHOLE, is_complete=False), CacheBar.INCOMPLETE),
        (replace(WHOLE, finish_reason="length"), CacheBar.FINISH_REASON),
        (replace(WHOLE, finish_reason="content_filter"), CacheBar.FINISH_REASON),
        (replace(WHOLE, finish_reason=None), CacheBar.FINISH_REASON),
        (replace(WHOLE, has_tool_calls=True), CacheBar.TOOL_CALLS),
        (replace(WHOLE, body_bytes=TERMS.answer_bytes_max), None),
        (replace(WHOLE, body_bytes=TERMS.answer_bytes_max + 1), CacheBar.TOO_LARGE),
    ],
)
def test_case_42_only_whole_plain_answers_of_bounded_size_are_kept(answer: AnswerFacts, bar: CacheBar | None) -> None:
    assert bar_to_write(TERMS, COLD, ANY_AGE, answer) is bar


def test_tool_calls_are_written_where_the_route_opted_in() -> None:
    answer = replace(WHOLE, has_tool_calls=True, finish_reason="tool_calls")
    assert bar_to_write(replace(TERMS, tool_calls=True), COLD, ANY_AGE, answer) is None


def test_embeddings_have_neither_temperature_nor_finish_reason() -> None:
    request = replace(COLD, operation=Operation.EMBEDDINGS, temperature=None)
    answer = replace(WHOLE, finish_reason=None)
    assert bar_to_read(TERMS, request, ANY_AGE) is None
    assert bar_to_write(TERMS, request, ANY_AGE, answer) is None
    assert bar_to_write(TERMS, request, ANY_AGE, replace(answer, is_complete=False)) is CacheBar.INCOMPLETE


@pytest.mark.parametrize(
    ("value", "control"),
    [
        ("", CacheControl()),
        ("no-cache", CacheControl(no_cache=True)),
        ("No-Store , max-age=30", CacheControl(no_store=True, max_age_s=30)),
        ('max-age="0"', CacheControl(max_age_s=0)),
        ("max-age=soon", CacheControl()),
        ("max-age", CacheControl()),
        ("max-age=-1", CacheControl()),
        ("max-age=٣", CacheControl()),
        ("only-if-cached, private", CacheControl(only_if_cached=True)),
    ],
)
def test_cache_control_is_read_and_what_is_unreadable_ignored(value: str, control: CacheControl) -> None:
    assert parse_cache_control(value) == control


@given(value=st.text(max_size=80))
def test_no_header_value_breaks_the_reading_of_cache_control(value: str) -> None:
    parsed = parse_cache_control(value)
    assert parsed.max_age_s is None or parsed.max_age_s >= 0


@pytest.mark.parametrize(
    ("max_age_s", "wall_s", "fresh"),
    [(None, 1e9, True), (10, 110.0, True), (10, 110.5, False), (0, 100.0, True), (10, 50.0, True)],
)
def test_an_answer_is_fresh_up_to_the_age_the_client_takes(max_age_s: int | None, wall_s: float, fresh: bool) -> None:
    answer = CachedAnswer(b"{}", "small", "m", 1, 1, stored_at_s=100.0)
    assert is_fresh(answer, CacheControl(max_age_s=max_age_s), wall_s) is fresh


@given(unit=st.floats(0.0, 1.0, exclude_max=True))
def test_the_time_to_live_moves_by_at_most_its_jitter(unit: float) -> None:
    assert 100.0 * (1 - TTL_JITTER) - 1e-9 <= jittered_ttl_s(100.0, unit) <= 100.0 * (1 + TTL_JITTER) + 1e-9


def test_half_of_the_unit_leaves_the_time_to_live_as_it_is() -> None:
    assert jittered_ttl_s(100.0, 0.5) == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("exact", CacheControl(exact_only=True)),
        (" Semantic ", CacheControl()),
        ("OFF", CacheControl(is_off=True)),
    ],
)
def test_a_client_says_which_kept_answers_it_takes(value: str, wanted: CacheControl) -> None:
    assert wished(ANY_AGE, value) == wanted
    assert wished(CacheControl(max_age_s=5), value) == replace(wanted, max_age_s=5)


@pytest.mark.parametrize("value", ["", "on", "exact, semantic", "x" * 1_000])
def test_a_wish_that_means_nothing_is_refused_and_named(value: str) -> None:
    with pytest.raises(GatewayError) as refused:
        wished(ANY_AGE, value)
    assert refused.value.code is ErrorCode.INVALID_VALUE
    assert refused.value.param == "x-tiergate-cache"
    assert len(refused.value.message) < 300


def test_who_wants_nothing_of_the_cache_is_neither_served_from_it_nor_kept_in_it() -> None:
    control = CacheControl(is_off=True)
    assert bar_to_read(TERMS, COLD, control) is CacheBar.CALLER
    assert bar_to_write(TERMS, COLD, control, WHOLE) is CacheBar.CALLER
    assert bar_to_read(replace(TERMS, ttl_s=None), COLD, control) is CacheBar.OFF


def test_an_answer_ages_from_when_it_was_stored_and_one_from_the_future_is_new() -> None:
    answer = CachedAnswer(b"{}", "small", "m", 1, 1, stored_at_s=100.0)
    assert [age_s(answer, at_s) for at_s in (160.5, 100.0, 40.0)] == [60.5, 0.0, 0.0]


@pytest.mark.parametrize(("wall_s", "is_young"), [(100.0 + 3_600.0, False), (100.0 - 3_600.0, True), (130.0, True)])
def test_case_49_a_clock_that_jumps_makes_an_answer_old_or_new_and_nothing_else(wall_s: float, is_young: bool) -> None:
    answer = CachedAnswer(b"{}", "small", "m", 1, 1, stored_at_s=100.0)
    assert is_fresh(answer, CacheControl(max_age_s=60), wall_s) is is_young
    assert is_fresh(answer, ANY_AGE, wall_s)
