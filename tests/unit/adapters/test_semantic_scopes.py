"""The questions of all scopes: no scope finds another's, and there is an end to how much is held."""

from gateway.adapters.semantic_rows import ENTRY_BYTES
from gateway.adapters.semantic_scopes import SemanticScopes
from gateway.domain.ids import TenantId
from gateway.domain.semantic import SemanticEntry, SemanticScope

VECTOR = bytes((1, 2, 3, 4))
ALICE, BOB = SemanticScope(TenantId("alice"), "0a"), SemanticScope(TenantId("bob"), "0a")
OTHER = SemanticScope(TenantId("alice"), "0b")


def entry(answer: str, vector: bytes = VECTOR) -> SemanticEntry:
    return SemanticEntry(answer, "text", vector, 0.0, 60.0)


def answers(scopes: SemanticScopes, scope: SemanticScope) -> list[str]:
    return [each.entry.answer for each in scopes.nearest(scope, VECTOR, 4, 0.0)]


def test_no_scope_finds_what_lies_in_another() -> None:
    scopes = SemanticScopes()
    scopes.put(ALICE, entry("a"), 0.0)
    assert answers(scopes, ALICE) == ["a"]
    assert answers(scopes, BOB) == []
    assert answers(scopes, OTHER) == []


def test_an_entry_is_dropped_from_its_own_scope_alone() -> None:
    scopes = SemanticScopes()
    for scope in (ALICE, BOB):
        scopes.put(scope, entry("a"), 0.0)
    scopes.drop(ALICE, "a")
    scopes.drop(OTHER, "a")
    assert (answers(scopes, ALICE), answers(scopes, BOB)) == ([], ["a"])
    assert scopes.stats()["scopes"] == 1


def test_the_scope_that_was_asked_about_the_longest_ago_goes_first() -> None:
    gone: list[SemanticScope] = []
    scopes = SemanticScopes(2 * (ENTRY_BYTES + 24), on_evicted=gone.append)
    for scope in (ALICE, BOB):
        scopes.put(scope, entry("a"), 0.0)
    assert answers(scopes, ALICE) == ["a"]
    scopes.put(OTHER, entry("b"), 0.0)
    assert gone == [BOB]
    assert answers(scopes, BOB) == []
    assert scopes.stats() == {"scopes": 2, "entries": 2, "used_bytes": 2 * (ENTRY_BYTES + 24), "evicted": 1}


def test_without_anybody_to_tell_a_scope_goes_all_the_same() -> None:
    scopes = SemanticScopes(ENTRY_BYTES + 24)
    for scope in (ALICE, BOB):
        scopes.put(scope, entry("a"), 0.0)
    assert answers(scopes, ALICE) == []


def test_what_is_found_to_be_too_old_weighs_nothing_any_more() -> None:
    scopes = SemanticScopes()
    scopes.put(ALICE, entry("a"), 0.0)
    assert scopes.nearest(ALICE, VECTOR, 4, 100.0) == []
    assert scopes.stats()["used_bytes"] == 0


def test_a_scope_that_is_let_go_is_empty() -> None:
    scopes = SemanticScopes()
    scopes.put(ALICE, entry("a"), 0.0)
    scopes.drop_scope(ALICE)
    scopes.drop_scope(OTHER)
    assert scopes.stats()["used_bytes"] == 0


def test_everything_can_be_taken_out_at_once() -> None:
    scopes = SemanticScopes()
    for scope in (ALICE, BOB):
        scopes.put(scope, entry("a"), 0.0)
    scopes.clear()
    assert answers(scopes, ALICE) == []
    assert scopes.stats() == {"scopes": 0, "entries": 0, "used_bytes": 0, "evicted": 0}
