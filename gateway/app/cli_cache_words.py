"""What a gateway says of its cache, in words and tables."""

from collections.abc import Iterator
from typing import Any

import msgspec
from rich.console import Console

from gateway.app.cli_output import facts, table
from gateway.app.cli_semantic_words import other_words
from gateway.domain.semantic import SemanticFinding

_SHOWN = ("entries", "used_bytes", "hits", "hits_local", "hits_redis", "hits_while_down", "misses", "evicted", "void")
_TROUBLE = ("errors", "lost", "dropped", "corrupt", "mismatches", "too_large", "purge_looks_failed")


def print_stats(console: Console, told: dict[str, Any]) -> None:
    """Print what the cache gave, saved and holds."""
    console.print(facts([*_store_facts(told["store"], told.get("held")), *_index_facts(told["semantic"])]))
    if not told["rows"]:
        return
    results = sorted({result for row in told["rows"] for result in row["requests"]})
    numbers = (*results, "tokens saved", "USD saved", "time saved")
    rows = table("tenant", "route", *numbers, right=numbers)
    for row in told["rows"]:
        counts = [f"{row['requests'].get(result, 0):,}" for result in results]
        saved = (f"{row['saved_tokens']:,}", row["saved_usd"], f"{row['saved_s']:,.1f} s")
        rows.add_row(row["tenant"], row["route"], *counts, *saved)
    console.print()
    console.print(rows)


def print_purge(console: Console, told: dict[str, Any]) -> None:
    """Print what was purged, or would be."""
    more = "" if told["complete"] else " or more"
    did = "would be purged" if told["dry_run"] else "purged"
    console.print(f"{told['entries']:,}{more} kept answers ({told['bytes']:,} bytes) {did}")
    for route, entries in told["by_route"].items():
        console.print(f"  {entries:,} of route {route or '–'}")
    if not told["complete"] and not told["dry_run"]:
        console.print("Nobody is given any of them; what lies in Redis yet is void, and expires.")
    if told.get("unreached_workers"):
        console.print(
            f"{told['unreached_workers']} other workers have a memory of their own and did not hear of it. "
            "Restart the gateway, or set TIERGATE_REDIS_URL so that its workers share their answers."
        )


def print_explanation(console: Console, told: dict[str, Any]) -> None:
    """Print whether a request would be given a kept answer."""
    console.print(facts(_explained(told)))


def _store_facts(store: dict[str, Any], held: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    if "state" in store:
        yield "Redis", str(store["state"])
    yield "this worker", ", ".join(f"{name} {store[name]:,}" for name in _SHOWN if name in store)
    trouble = [f"{name} {store[name]:,}" for name in _TROUBLE if store.get(name)]
    yield "trouble", ", ".join(trouble) or "none"
    if held is not None:
        more = "" if held["complete"] else " or more"
        yield "held", f"{held['entries']:,}{more} answers of this tenant, {held['bytes']:,} bytes"


def _index_facts(index: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Say what finds like questions, and what it holds or was asked."""
    found = f"{index['searches']:,} searches" if "searches" in index else f"{index['entries']:,} questions in memory"
    trouble = [f"{name} {index[name]:,}" for name in ("late", *_TROUBLE) if index.get(name)]
    yield "like questions", ", ".join([f"by {index['index']}", found, *trouble])


def _explained(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "answer", "a kept one" if told["would_hit"] else "none from the cache"
    yield "why", told["why"]
    yield "asked by", f"tenant {told['tenant']}, key {told['key']}, in the partition {told['partition']}"
    yield "route", told["route"]
    if told.get("semantic") is not None:
        yield "other words", other_words(msgspec.convert(told["semantic"], SemanticFinding))
    if told["entry"] is not None:
        yield "entry", told["entry"]
    if told["age_s"] is not None:
        yield "kept", f"{told['age_s']:,} s ago, of tier {told['tier']}, {told['body_bytes']:,} bytes"
