"""The safe-retry table: every failure has a row, and the row follows from when the attempt died."""

import pytest

from gateway.core.retry_table import SAFE_RETRY, Next
from gateway.domain.outcome import FailureKind


def test_every_failure_has_a_row() -> None:
    assert SAFE_RETRY.keys() == set(FailureKind)


@pytest.mark.parametrize("kind", [FailureKind.REJECTED, FailureKind.BROKEN, FailureKind.STALLED])
def test_nothing_follows_a_request_at_fault_or_an_answer_that_has_begun(kind: FailureKind) -> None:
    assert SAFE_RETRY[kind].next is Next.NOWHERE


@pytest.mark.parametrize("kind", [FailureKind.CONNECT, FailureKind.BUSY, FailureKind.CONTEXT_LENGTH])
def test_what_no_server_has_begun_may_be_asked_elsewhere_whatever_its_effects(kind: FailureKind) -> None:
    assert not SAFE_RETRY[kind].may_have_run
