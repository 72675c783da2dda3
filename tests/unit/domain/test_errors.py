"""The closed table of what a client may be told."""

import pytest

from gateway.domain.errors import ERRORS, ErrorCode, GatewayError
from gateway.domain.outcome import BLAME, Blame, Outcome


def test_every_code_has_its_terms() -> None:
    assert set(ERRORS) == set(ErrorCode)


def test_every_outcome_has_somebody_or_nobody_to_blame() -> None:
    assert set(BLAME) == set(Outcome)


@pytest.mark.parametrize("code", ErrorCode)
def test_an_error_follows_its_code(code: ErrorCode) -> None:
    error = GatewayError(code, "why")
    assert (error.status, error.outcome) == (ERRORS[code].status, ERRORS[code].outcome)
    assert str(error) == error.message == "why"


@pytest.mark.parametrize("code", ErrorCode)
def test_a_status_tells_whose_fault_it_was(code: ErrorCode) -> None:
    terms = ERRORS[code]
    is_clients = BLAME[terms.outcome] is Blame.CLIENT
    # No tier that is able: the request asks for what the policy has nowhere, which no retry mends.
    # Not cached: who asks for a kept answer alone is told so by 504 (RFC 9111, section 5.2.1.7).
    expected = (is_clients or code is ErrorCode.NO_ABLE_TIER) and code is not ErrorCode.NOT_CACHED
    assert (400 <= terms.status < 500) == expected


def test_a_model_servers_own_status_is_kept() -> None:
    assert GatewayError(ErrorCode.UPSTREAM_REJECTED, "why", status=422).status == 422
