from gateway.domain.tier import Secret
from gateway.policy.load import read_document
from gateway.policy.problems import MAX_FINDINGS, Finding, Plain
from gateway.policy.references import Resolved, resolve, texts_at, values_at
from gateway.policy.source import PolicySource
from gateway.policy.world import World
from tests.unit.policy.worlds import CATALOGUE, GOOD, PRICES, FakePrices, even_dial, fake_secrets


def resolved(text: str, calls: list[str] | None = None) -> tuple[Resolved, list[Finding]]:
    def secrets(reference: str) -> Secret | str:
        if calls is not None:
            calls.append(reference)
        return fake_secrets(reference)

    root = read_document(PolicySource("p", text)).root
    assert root is not None
    return resolve(root, World(CATALOGUE, secrets, FakePrices(), even_dial))


def test_each_reference_is_looked_up_once() -> None:
    calls: list[str] = []
    found, findings = resolved(GOOD.replace("[env:BATCH_KEY]", "[env:NOPE, env:NOPE, env:UPSTREAM_KEY]"), calls)
    assert sorted(calls) == ["env:NOPE", "env:SEARCH_KEY", "env:UPSTREAM_KEY"]
    assert [finding.path[-1] for finding in findings] == [0, 1]
    assert found.secrets["env:UPSTREAM_KEY"] == Secret("sk-upstream")


def test_prices_are_looked_up_by_model_and_provider() -> None:
    found, findings = resolved(GOOD)
    assert not findings
    assert found.prices == {("gpt-4o", None): PRICES["gpt-4o"], ("gpt-4o", "openai"): PRICES["gpt-4o"]}


def test_what_has_the_wrong_shape_is_not_looked_up() -> None:
    _, findings = resolved(
        "tiers: {a: {price: catalog}, b: {price: {catalog: 3}}, c: {price: {catalog: m, provider: []}}, d: {price: 1},"
        " e: {price: {input: 1}}, f: 3, g: {endpoints: [{api_key: plain}], ability: {like: []}}}\n"
        "models: [x]\nroutes: x\n"
    )
    assert not findings


def test_a_wrong_name_is_told_even_where_its_entry_is_wrong_too() -> None:
    _, findings = resolved("tiers: {small: {}}\nmodels: {auto: {tier: smal, what: 1}}\n")
    assert [(finding.path, finding.hint) for finding in findings] == [
        (("models", "auto", "tier"), "did you mean `small`?")
    ]


def test_without_any_such_section_the_hint_says_so() -> None:
    _, findings = resolved("tiers: {small: {}}\nmodels: {auto: {route: fast}}\n")
    assert findings[0].hint == "this policy has no `routes`"


def test_a_reference_model_like_no_other_has_a_hint_all_the_same() -> None:
    _, findings = resolved("tiers: {a: {ability: {like: zzzz}}}")
    assert findings[0].hint == "`tiergate doctor` lists them"


def test_wrong_names_are_told_up_to_a_limit() -> None:
    text = "models:\n" + "".join(f"  m{number}: {{tier: x}}\n" for number in range(MAX_FINDINGS + 5))
    assert len(resolved(text)[1]) == MAX_FINDINGS


def test_paths_are_searched_by_pattern() -> None:
    root: Plain = {"a": {"x": ("1", 2), "y": "3"}}
    assert list(values_at(root, ("a", "x"))) == [(("a", "x"), ("1", 2))]
    assert list(texts_at(root, ("a", "*", "*"))) == [(("a", "x", 0), "1")]
    assert list(texts_at(root, ("a", "x", "0"))) == []
