"""What is named and does not exist is found."""

import pytest

from tests.deploy.series import faults_in


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("rate(tiergate_request_total[5m])", "there is no tiergate_request_total"),
        ("tiergate_overhead_seconds", "there is no tiergate_overhead_seconds"),
        ("sum by (route) (tiergate_requests_total)", "tiergate_requests_total has no label route"),
        ('tiergate_requests_total{root="a"}', "tiergate_requests_total has no label root"),
        ('tiergate_requests_total{outcome="interal"}', "tiergate_requests_total has no outcome like interal"),
        ('tiergate_requests_total{outcome=~"internal|shedd"}', "outcome is never shedd"),
    ],
)
def test_what_does_not_exist_is_found(expression: str, fault: str) -> None:
    assert fault in faults_in(expression)


def test_what_exists_passes() -> None:
    sound = (
        'histogram_quantile(0.9, sum by (le, stream) (rate(tiergate_overhead_seconds_bucket{stream="true"}[5m]))) > '
        'sum by (tier) (tiergate_requests_total{outcome=~"success_.+", worker="0"})'
    )
    assert faults_in('tiergate_requests_total{outcome=~"success_.+", worker="0", instance="a"}') == []
    assert faults_in(sound.partition(" > ")[0]) == []
