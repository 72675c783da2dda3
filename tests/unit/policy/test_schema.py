"""The defaults of the format are those of the nouns, and every default passes its own check."""

import dataclasses

import pytest

from gateway.domain.limits import EdgeLimits
from gateway.policy.build import build_limits
from gateway.policy.schema import LimitsSpec, Policy, ReceiptsSpec
from gateway.policy.schema_classifier import ClassifierSpec
from gateway.policy.schema_routes import CacheSpec, FallbackSpec, RouteSpec, SemanticSpec
from gateway.policy.schema_tenants import AllowSpec, RateSpec
from gateway.policy.schema_tiers import TierLimitsSpec
from gateway.policy.section import Section


@pytest.mark.parametrize(
    "section",
    [
        AllowSpec,
        CacheSpec,
        ClassifierSpec,
        FallbackSpec,
        LimitsSpec,
        RateSpec,
        ReceiptsSpec,
        RouteSpec,
        SemanticSpec,
        TierLimitsSpec,
    ],
)
def test_every_default_passes_its_own_check(section: type[Section]) -> None:
    section()


def test_the_limits_of_an_empty_section_are_the_defaults_of_the_noun() -> None:
    assert build_limits(LimitsSpec()) == EdgeLimits()


def test_every_limit_at_the_edge_can_be_set() -> None:
    assert len(LimitsSpec.model_fields) == len(dataclasses.fields(EdgeLimits))


def test_the_smallest_policy_needs_three_sections() -> None:
    assert [name for name, field in Policy.model_fields.items() if field.is_required()] == [
        "version",
        "tiers",
        "models",
    ]
