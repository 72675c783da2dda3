"""What is written of a question names its tenant and scope, and what comes back with others is not trusted."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateway.adapters.redis_link import Argument, Reply
from gateway.adapters.semantic_codec import EntryCodec
from gateway.domain.ids import TenantId
from gateway.domain.semantic import SemanticEntry, SemanticScope

SCOPE = SemanticScope(TenantId("alice"), "a1" * 32)
ENTRY = SemanticEntry("0a" * 32, "When?", bytes((127, 1, 0, 0)), 1_000.0, 60.0)


class Client:
    """A client that is only ever told that it cannot be trusted."""

    is_open = False

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def call(self, *command: Argument, timeout_s: float) -> "asyncio.Future[Reply]":
        raise AssertionError(f"nothing is asked: {command} within {timeout_s} s")

    def distrust(self, reason: str) -> None:
        self.reasons.append(reason)

    def stats(self) -> Mapping[str, int | str]:
        return {}

    async def aclose(self) -> None: ...


def test_an_entry_comes_back_as_it_was_written() -> None:
    client = Client()
    codec = EntryCodec(client)
    assert codec.read(SCOPE, codec.write(SCOPE, ENTRY)) == ENTRY
    assert client.reasons == []


@pytest.mark.parametrize("other", [replace(SCOPE, tenant=TenantId("bob")), replace(SCOPE, digest="b2" * 32)])
def test_an_entry_of_another_scope_is_none_and_the_connection_is_given_up(other: SemanticScope) -> None:
    client = Client()
    codec = EntryCodec(client)
    assert codec.read(SCOPE, codec.write(other, ENTRY)) is None
    assert codec.counts == {"corrupt": 0, "mismatches": 1}
    assert client.reasons == ["a question came back under another scope"]


@pytest.mark.parametrize("stored", [b"", b"\xc1", b"\x98\x02\xa0\xa0\xc4\x00\xa0\xc4\x00\x00\x00"])
def test_what_is_no_entry_of_this_version_is_counted(stored: bytes) -> None:
    client = Client()
    codec = EntryCodec(client)
    assert codec.read(SCOPE, stored) is None
    assert codec.counts == {"corrupt": 1, "mismatches": 0}
    assert client.reasons == []
