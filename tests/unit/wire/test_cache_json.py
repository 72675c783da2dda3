"""What callers and operators may say of kept answers, and what they are told of a mistake."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import RequestId, RouteName, TenantId
from gateway.domain.purge import Selection, Tally
from gateway.domain.request import Operation
from gateway.wire.cache_json import (
    REASON_BYTES_MAX,
    CacheQuestion,
    PurgeOrder,
    Report,
    read_purge,
    read_question,
    read_report,
    tally_document,
    write_report,
)

ENTRY = "a" * 64
ALICE = TenantId("alice")


def refused(read: Any, document: Any) -> GatewayError:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(GatewayError) as told:
        read(body)
    return told.value


def purge(body: bytes) -> PurgeOrder:
    return read_purge(body, 1_000.0)


def test_a_report_names_an_entry_or_a_request() -> None:
    assert read_report(json.dumps({"entry": ENTRY}).encode()) == Report(ENTRY, None, "")
    said = {"request_id": "req_1", "reason": "It is not Lyon."}
    assert read_report(json.dumps(said).encode()) == Report(None, RequestId("req_1"), "It is not Lyon.")


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({}, ErrorCode.INVALID_VALUE),
        ({"entry": ENTRY, "request_id": "req_1"}, ErrorCode.INVALID_VALUE),
        ({"entry": "../*"}, ErrorCode.INVALID_VALUE),
        ({"entry": ENTRY, "tenant": "bob"}, ErrorCode.INVALID_VALUE),
        ({"entry": ENTRY, "reason": "x" * (REASON_BYTES_MAX + 1)}, ErrorCode.LIMIT_EXCEEDED),
        ([], ErrorCode.INVALID_VALUE),
        (b"{", ErrorCode.MALFORMED_BODY),
        (b"\xff", ErrorCode.MALFORMED_BODY),
        (b'{"entry": "%b", "reason": "a", "reason": "b"}' % ENTRY.encode(), ErrorCode.DUPLICATE_KEY),
    ],
)
def test_a_report_that_is_not_sound_is_refused(document: Any, code: ErrorCode) -> None:
    error = refused(read_report, document)
    assert error.code is code
    assert len(error.message) < 400


def test_a_request_that_nests_without_end_is_refused() -> None:
    depth = 100_000
    body = b'{"tenant": "alice", "request": ' + b"[" * depth + b"]" * depth + b"}"
    assert refused(read_question, body).code is ErrorCode.TOO_DEEP


@given(body=st.binary(max_size=200))
def test_no_bytes_do_worse_than_a_refusal(body: bytes) -> None:
    for read in (read_report, purge, read_question):
        assert refused(read, body).status < 500


def test_a_purge_selects_by_tenant_route_entry_and_age() -> None:
    assert purge(b'{"tenant": "alice"}') == PurgeOrder(Selection(ALICE), is_dry_run=False)
    said = {"tenant": "alice", "route": "fast", "older_than_s": 60, "dry_run": True}
    selection = Selection(ALICE, RouteName("fast"), None, 940.0)
    assert purge(json.dumps(said).encode()) == PurgeOrder(selection, is_dry_run=True)
    one = {"tenant": "alice", "entry": ENTRY}
    assert purge(json.dumps(one).encode()).selection == Selection(ALICE, entry=ENTRY)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"tenant": ""},
        {"tenant": "alice", "entry": "*"},
        {"tenant": "alice", "entry": ENTRY, "route": "fast"},
        {"tenant": "alice", "entry": ENTRY, "older_than_s": 1},
        {"tenant": "alice", "older_than_s": -1},
        {"tenant": "alice", "older_than": 5},
    ],
)
def test_a_purge_that_is_not_sound_purges_nothing(document: Any) -> None:
    assert refused(purge, document).code is ErrorCode.INVALID_VALUE


def test_a_question_holds_a_request_as_it_is() -> None:
    said = b'{"tenant": "alice", "request": {"model":"auto", "x": 1.0}, "cache_control": "no-cache", "cache": "exact"}'
    assert read_question(said) == CacheQuestion(
        ALICE,
        None,
        Operation.CHAT,
        b'{"model":"auto", "x": 1.0}',
        ((b"cache-control", b"no-cache"), (b"x-tiergate-cache", b"exact")),
    )
    other = b'{"tenant": "alice", "key": "alice/1", "operation": "embeddings", "request": 5}'
    assert read_question(other) == CacheQuestion(ALICE, "alice/1", Operation.EMBEDDINGS, b"5", ())


def test_what_became_of_it_is_told() -> None:
    told = json.loads(write_report(ENTRY, "accepted"))
    assert told == {"object": "cache.report", "entry": ENTRY, "outcome": "accepted"}
    tally = Tally(2, 30, is_complete=False, by_route={RouteName("slow"): 1, RouteName("fast"): 1})
    assert tally_document(tally) == {
        "entries": 2,
        "bytes": 30,
        "complete": False,
        "by_route": {"fast": 1, "slow": 1},
    }
