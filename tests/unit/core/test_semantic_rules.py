"""Which questions are compared with others, and with which."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.cache_rules import exact_key, tenant_secret
from gateway.core.semantic_rules import TEXT_CHARS_MAX, bar_to_compare, semantic_scope
from gateway.domain.identity import CacheScope
from gateway.domain.ids import TenantId
from gateway.domain.request import Need, Operation
from gateway.domain.semantic import SemanticBar, SemanticTerms
from tests.support.tiers import a_request

TERMS = SemanticTerms(max_wrong=0.05, ttl_s=3_600.0, shadow=0.02)
PLAIN = a_request()


def scope_of(tenant: str) -> CacheScope:
    return CacheScope(TenantId(tenant), tenant_secret(b"master", TenantId(tenant)))


@pytest.mark.parametrize(
    "text",
    [
        "What is the capital of France?",
        "How can I improve my English?",
        "How do I reset my password?",
        "Wie heißt die Hauptstadt von Frankreich?",
        "x" * TEXT_CHARS_MAX,
    ],
)
def test_a_plain_question_is_compared(text: str) -> None:
    assert bar_to_compare(PLAIN, text, TERMS) is None


@pytest.mark.parametrize(
    ("text", "bar"),
    [
        (None, SemanticBar.TURN),
        ("", SemanticBar.EMPTY),
        ("?!", SemanticBar.EMPTY),
        ("x" * (TEXT_CHARS_MAX + 1), SemanticBar.TOO_LONG),
        ("Who is the president today?", SemanticBar.VOLATILE),
        ("What is the LATEST version of Go?", SemanticBar.VOLATILE),
        ("What changed this week in Rust?", SemanticBar.VOLATILE),
        ("Where is my order?", SemanticBar.VOLATILE),
        ("How much is my bill?", SemanticBar.VOLATILE),
        ("my order", SemanticBar.VOLATILE),
        ("order! my", SemanticBar.VOLATILE),
        ("What is the balance of our account", SemanticBar.VOLATILE),
        ("Tell me another one", SemanticBar.CREATIVE),
        ("Write a short poem about rain", SemanticBar.CREATIVE),
        ("Say something else about rain", SemanticBar.CREATIVE),
    ],
)
def test_what_has_no_lasting_or_no_single_answer_is_not_compared(text: str | None, bar: SemanticBar) -> None:
    assert bar_to_compare(PLAIN, text, TERMS) is bar


def test_only_chats_are_compared() -> None:
    assert bar_to_compare(replace(PLAIN, operation=Operation.COMPLETIONS), "When?", TERMS) is SemanticBar.OPERATION


def test_tools_take_part_only_where_the_policy_says_so_and_never_while_they_are_at_work() -> None:
    offered, at_work = replace(PLAIN, needs=Need.TOOLS), replace(PLAIN, needs=Need.TOOLS, in_tool_loop=True)
    with_tools = replace(TERMS, tools=True)
    assert bar_to_compare(offered, "When?", TERMS) is SemanticBar.TOOLS
    assert bar_to_compare(offered, "When?", with_tools) is None
    assert bar_to_compare(at_work, "When?", with_tools) is SemanticBar.TOOLS


def test_two_tenants_have_no_scope_in_common() -> None:
    of_alice, of_bob = (semantic_scope(scope_of(name), b"context", b"epoch", "judge 1") for name in ("alice", "bob"))
    assert of_alice.digest != of_bob.digest
    assert (of_alice.tenant, of_bob.tenant) == ("alice", "bob")


Parts = st.tuples(st.binary(max_size=6), st.binary(max_size=6), st.text(max_size=4))


@given(first=Parts, second=Parts)
def test_two_requests_share_a_scope_only_when_all_of_it_is_equal(
    first: tuple[bytes, bytes, str], second: tuple[bytes, bytes, str]
) -> None:
    digests = [semantic_scope(scope_of("alice"), *each).digest for each in (first, second)]
    assert (digests[0] == digests[1]) == (first == second)


def test_case_48_what_one_embedder_or_verifier_placed_is_not_compared_by_the_next() -> None:
    scopes = [semantic_scope(scope_of("alice"), b"context", b"epoch", f"judge {version}") for version in (1, 2)]
    assert scopes[0].digest != scopes[1].digest


def test_a_scope_is_no_exact_key() -> None:
    assert semantic_scope(scope_of("alice"), b"same", b"", "").digest != exact_key(scope_of("alice"), b"same").digest
