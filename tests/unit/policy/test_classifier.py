"""What a policy says of the encoder and of scorers elsewhere."""

import pytest

from gateway.domain.ability import ScorerChoice
from gateway.domain.classifier import ClassifierTerms, EncoderDevice
from gateway.domain.remote_model import RemoteModel, SystemOneModel
from gateway.domain.tier import Secret
from gateway.policy.explain import explained_text
from gateway.policy.facts import facts_of
from gateway.policy.schema_classifier import ClassifierSpec
from tests.unit.policy.worlds import MINIMAL, problems_of, snapshot_of

SYSTEMONE = 'systemone: {url: "http://decider:8000/v1/", model: laya, scale: {slope: 0.8, offset: -0.25}}'
REMOTE = 'remote: {url: "http://triton:8000/", model: tiergate_encoder}'


def with_classifier(section: str, scorer: str = "auto") -> str:
    return MINIMAL.replace("all: {}", f"all: {{scorer: {scorer}}}") + f"classifier: {{{section}}}\n"


def test_a_policy_that_says_nothing_has_the_defaults_of_the_noun() -> None:
    snapshot = snapshot_of(MINIMAL)
    assert snapshot.classifier == ClassifierTerms()
    assert {route.scorer for route in snapshot.routes.values()} == {ScorerChoice.AUTO}


def test_every_field_arrives() -> None:
    section = (
        "device: cuda, deadline: 30ms, cpu_deadline: 100ms, window: 1ms, queue: 512, tokens: 128, "
        'remote: {url: "https://triton:8001", protocol: grpc, model: m, version: "3", api_key: env:UPSTREAM_KEY}'
    )
    snapshot = snapshot_of(with_classifier(section, "remote"))
    remote = RemoteModel("https://triton:8001", "grpc", "m", "3", Secret("sk-upstream"))
    assert snapshot.classifier == ClassifierTerms(EncoderDevice.CUDA, 0.03, 0.1, 0.001, 512, 128, remote)
    assert {route.scorer for route in snapshot.routes.values()} >= {ScorerChoice.REMOTE}


def test_a_decision_model_arrives_with_its_scale_and_key() -> None:
    keyed = SYSTEMONE.replace("model: laya", "model: laya, api_key: env:UPSTREAM_KEY")
    snapshot = snapshot_of(with_classifier(keyed, "systemone"))
    decider = SystemOneModel("http://decider:8000/v1", "laya", 0.8, -0.25, Secret("sk-upstream"))
    assert snapshot.classifier == ClassifierTerms(systemone=decider)
    assert {route.scorer for route in snapshot.routes.values()} >= {ScorerChoice.SYSTEMONE}
    told = facts_of(snapshot)["classifier"]["systemone"]
    assert told == "laya at http://decider:8000/v1 (slope 0.8, offset -0.25, with a key)"


@pytest.mark.parametrize(
    ("section", "scorer", "told"),
    [
        ("window: 20ms", "auto", "classifier.window: expected a duration below that of `deadline`"),
        ("device: cpu, tokens: 128", "auto", "classifier.tokens: expected at most 96 with `device: cpu`"),
        ("device: off", "encoder", "routes.all.scorer: expected a scorer that is there, found `encoder`"),
        ("device: cuda", "remote", "routes.all.scorer: expected a scorer that is there, found `remote`"),
        ("device: gpu", "auto", "classifier.device: "),
        ("queue: 0", "auto", "classifier.queue: expected a whole number from 1 to 100000"),
        ('remote: {url: "http://triton:8000/v2", model: m}', "auto", "stop before `/v2`"),
        ('remote: {url: "http://triton:8001/a", protocol: grpc, model: m}', "auto", "expected a URL without a path"),
        ('remote: {url: "http://triton:8000"}', "auto", "classifier.remote.model: expected a value"),
        ("device: off", "systemone", "routes.all.scorer: expected a scorer that is there, found `systemone`"),
        (SYSTEMONE.replace("/v1/", "/v1/systemone"), "auto", "stop before `/systemone`"),
        (SYSTEMONE.replace("0.8", "0"), "auto", "classifier.systemone.scale.slope: expected a number above 0"),
        (SYSTEMONE.replace(", scale: {slope: 0.8, offset: -0.25}", ""), "auto", "classifier.systemone.scale: expected"),
        (SYSTEMONE.replace("model: laya", "model: a, api_key: env:NO"), "auto", "classifier.systemone.api_key: "),
        ('remote: {url: "http://t:1", model: m, api_key: env:NOTHING}', "auto", "classifier.remote.api_key: "),
    ],
)
def test_what_contradicts_itself_is_told_with_its_place(section: str, scorer: str, told: str) -> None:
    (problem,) = problems_of(with_classifier(section, scorer))
    assert told in str(problem)


@pytest.mark.parametrize(
    ("section", "scorer"),
    [
        ("device: cpu, tokens: 96", "encoder"),
        ("device: cpu", "auto"),
        ("device: off", "static"),
        (REMOTE, "remote"),
        (SYSTEMONE, "systemone"),
    ],
)
def test_what_only_looks_like_a_contradiction_compiles(section: str, scorer: str) -> None:
    snapshot_of(with_classifier(section, scorer))


def test_it_is_explained_in_the_words_of_the_format() -> None:
    snapshot = snapshot_of(with_classifier(REMOTE))
    facts = facts_of(snapshot)["classifier"]
    assert facts["systemone"] == "none"
    assert list(facts) == list(ClassifierSpec.model_fields)
    assert facts["remote"] == "tiergate_encoder at http://triton:8000 (http, without a key)"
    assert facts["device"] == "auto"
    assert "classifier\n" in explained_text(snapshot)
    versioned = REMOTE.replace("}", ', version: "2", api_key: env:UPSTREAM_KEY}')
    told = facts_of(snapshot_of(with_classifier(versioned)))["classifier"]["remote"]
    assert told == "tiergate_encoder version 2 at http://triton:8000 (http, with a key)"
