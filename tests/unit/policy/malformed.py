"""Policies with mistakes, and the places and words by which their problems must be told."""

from typing import NamedTuple

from tests.unit.policy.worlds import GOOD


class Malformed(NamedTuple):
    """A policy, and for each problem it must give, `line:column path: part of the message or hint`."""

    name: str
    text: str | bytes
    told: tuple[str, ...]


def edited(old: str, new: str, *told: str, name: str = "") -> Malformed:
    """Make the good policy wrong in one place."""
    assert GOOD.count(old) == 1, f"{old!r} is there {GOOD.count(old)} times"
    return Malformed(name or new.strip().partition("\n")[0][:60], GOOD.replace(old, new), told)


_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

UNREADABLE = (
    Malformed("an empty file", "", ("1:1 : empty",)),
    Malformed("only a comment", "# nothing\n", ("1:1 : empty",)),
    Malformed("a null root", "~\n", ("1:1 : empty",)),
    Malformed("a list root", "\n- version: 1\n", ("2:1 : expected a mapping at the top level",)),
    Malformed("a text root", "tiers\n", ("1:1 : expected a mapping at the top level",)),
    Malformed("ten megabytes", "# " + "x" * 10_000_000, ("1:1 : at most 1 MiB",)),
    Malformed("bytes that are not UTF-8", b"version: 1\nname: \xff\xfe\n", ("2:7 : UTF-8",)),
    Malformed("a binary file", b"\x7fELF\x02\x01\x01\x00\x00\x00", ("1:1 : control character U+007F",)),
    Malformed("a control character", "version: 1\nx: \x07\n", ("2:4 : control character U+0007",)),
    Malformed("a tab", "version: 1\ntiers:\n\tsmall: {}\n", ("3:1 : tabs",)),
    Malformed("an unclosed list", "version: 1\ntiers: [\n", ("3:1 : not YAML",)),
    Malformed("an unclosed quote", 'version: 1\nx: "a\n', ("3:1 : not YAML",)),
    Malformed("a colon in a plain text", "version: 1\nx: a: b\n", ("2:5 : quotes",)),
    Malformed("an escape beyond Unicode", 'version: 1\nx: "\\U00110000"\n', ("2:1 : not YAML",)),
    Malformed("two documents", "version: 1\n---\nversion: 1\n", ("2:1 : a second",)),
    Malformed("another version of YAML", "%YAML 1.1\n---\nversion: 1\n", ("2:1 : directive",)),
    Malformed("deep nesting", "a: " + "[" * 5_000, ("1:19 : 16 levels",)),
    Malformed("deep blocks", "- " * 5_000 + "a", ("1:33 : 16 levels",)),
    Malformed("too many values", "a: [" + "x," * 60_000 + "]", ("1:99999 : 50,000 values",)),
    Malformed("a key that is a list", "version: 1\n? [a]\n: 1\n", ("2:3 : as key",)),
    Malformed("a key that is a mapping", "version: 1\n{a: 1}: 2\n", ("2:1 : as key",)),
    Malformed("one endless value", "version: 1\nx: " + "y" * 5_000, ("2:4 : 4,096 characters",)),
    Malformed("thousands of repeated keys", "a: 1\n" * 3_000, ("2:1 a: twice", "1002:1 : more than 1,000")),
)

WRONG = (
    Malformed("an empty mapping", "{}", ("1:1 version: found nothing", "1:1 tiers: ", "1:1 models: ")),
    Malformed(
        "a YAML bomb",
        _BOMB,
        ("1:4 a: anchors", "2:8 b.0: anchors", "9:8 i.0: anchors", "9:1 i: known key", "1:1 tiers: found nothing"),
    ),
    edited("version: 1\n", "version: 2\n", "2:10 version: `1`, found 2"),
    edited("version: 1\n", "version: !!int 1\n", "2:10 version: tags"),
    edited("version: 1\n", "version: 1\nversion: 1\n", "3:1 version: line 2", name="a repeated key"),
    edited("version: 1\n", "verison: 1\n", "2:1 verison: did you mean `version`?", "1:1 version: found nothing"),
    edited("    model: bge-m3\n", "", "23:3 tiers.embed.model: found nothing", name="a missing model"),
    edited("    price: catalog\n", "", "15:3 tiers.large.price: found nothing", name="a missing price"),
    edited("model: bge-m3", "model: [bge]", "24:12 tiers.embed.model: found a list"),
    edited("model: bge-m3", "model: bge m3", "24:12 tiers.embed.model: without spaces"),
    edited("price: catalog", "price: dear", '17:12 tiers.large.price: found "dear"'),
    edited("price: catalog", "price: 5", "17:12 tiers.large.price: found 5"),
    edited("input: 0.05", "input: -0.05", "6:20 tiers.small.price.input: from 0 to 10000"),
    edited("input: 0.05", "input: .nan", '6:20 tiers.small.price.input: found ".nan"'),
    edited("input: 0.05", "input: .inf", '6:20 tiers.small.price.input: found ".inf"'),
    edited("input: 0.05", "input: 0.0000005", "6:20 tiers.small.price.input: finer"),
    edited("input: 0.05", "input: $0.05", '6:20 tiers.small.price.input: found "$0.05"'),
    edited("input: 0.05", "input: 5e99", "6:20 tiers.small.price.input: found 5E+99"),
    edited("cached_input: 0.01", "cached: 0.01", "6:26 tiers.small.price.cached: `cached_input`"),
    edited("provider: openai", "provider: nobody", '25:22 tiers.embed.price.catalog: at the provider "nobody"'),
    edited("{catalog: gpt-4o, provider", "{catalog: gpt-5x, provider", "25:22 tiers.embed.price.catalog: `gpt-4o`"),
    edited("model: gpt-4o\n", "model: unheard-of\n", '17:12 tiers.large.price: found "unheard-of"; hint: or give'),
    edited("context: 32k", "context: 32kb", "7:14 tiers.small.context: the units are k, M"),
    edited("context: 32k", "context: -1", "7:14 tiers.small.context: from 128"),
    edited("context: 32k", "context: 1.5", "7:14 tiers.small.context: from 128"),
    edited("context: 32k", "context: true", "7:14 tiers.small.context: found true"),
    edited("context: 32k", "context: ~", "7:14 tiers.small.context: found nothing"),
    edited("context: 32k", "context: 1000.5", "7:14 tiers.small.context: finer"),
    edited("max_output: 2k", "max_output: 64k", "8:17 tiers.small.max_output: context of 32,000"),
    edited("[tools, json_schema]", "[tool]", "9:16 tiers.small.supports.0: `tools`"),
    edited("[tools, json_schema]", "[tools, tools]", "9:23 tiers.small.supports.1: again"),
    edited("[tools, json_schema]", "tools", "9:15 tiers.small.supports: expected a list"),
    edited("[tools, json_schema]", "[]\n    refuses: [sead]", "10:15 tiers.small.refuses.0: `chat_template_kwargs`"),
    edited(
        "[tools, json_schema]",
        "[]\n    refuses: [prompt_cache_key]\n    prompt_cache_key: true",
        "11:23 tiers.small.prompt_cache_key: `refuses` names it",
        name="a key that is sent and left out",
    ),
    edited("llama-3.1-8b-instruct", "llama-8b-instruct", "10:21 tiers.small.ability.like: `llama-3.1-8b-instruct`"),
    edited("llama-3.1-8b-instruct", "zzzz", '10:21 tiers.small.ability.like: found "zzzz"'),
    edited("ability: {like: gpt-4o}", "ability: gpt-4o", "20:14 tiers.large.ability: expected a mapping"),
    edited("ttft: 4s", "ttft: 4", "11:20 tiers.small.limits.ttft: add a unit"),
    edited("ttft: 4s", "ttft: 4 seconds", "11:20 tiers.small.limits.ttft: the units are ms, s"),
    edited("ttft: 4s", "ttft: 4h", "11:20 tiers.small.limits.ttft: to 30m"),
    edited(
        "limits: {ttft: 4s,",
        "slo: {ttft_p95: 4s}\n    limits: {ttft: 4s,",
        "11:21 tiers.small.slo.ttft_p95: below that of `limits.ttft`",
    ),
    edited("ttft: 4s", "ttft: 500ms, connect: 2s", "11:36 tiers.small.limits.connect: `ttft`"),
    edited("ttft: 4s", "ttft_p95: 4s", "11:14 tiers.small.limits.ttft_p95: `ttft`"),
    edited("in_flight: 64", "in_flight: 0", "11:47 tiers.small.limits.in_flight: from 1"),
    edited("in_flight: 64", "in_flight: 64x", "11:47 tiers.small.limits.in_flight: without a unit"),
    edited("http://small-a:8000/v1", "small-a:8000", "13:15 tiers.small.endpoints.0.url: http:// or https://"),
    edited("http://small-a:8000/v1", "file:///etc/passwd", "13:15 tiers.small.endpoints.0.url: http:// or https://"),
    edited("http://small-a:8000/v1", "http://", "13:15 tiers.small.endpoints.0.url: a host"),
    edited("http://small-a:8000/v1", "http://[::1", "13:15 tiers.small.endpoints.0.url: cannot be read"),
    edited("http://small-a:8000/v1", "http://a:99999/v1", "13:15 tiers.small.endpoints.0.url: cannot be read"),
    edited("http://small-a:8000/v1", "http://a/v1?x=1", "13:15 tiers.small.endpoints.0.url: follows `?`"),
    edited("http://small-a:8000/v1", "http://a/v1/models", "13:15 tiers.small.endpoints.0.url: before the operation"),
    edited("http://small-a:8000/v1", "http://169.254.169.254/", "13:15 tiers.small.endpoints.0.url: link-local"),
    edited("http://small-a:8000/v1", "http://u:hunter2@a/v1", "13:15 tiers.small.endpoints.0.url: without credentials"),
    edited("http://small-a:8000/v1", "http://small-b:8000/v1", "14:15 tiers.small.endpoints.1.url: endpoint 0 again"),
    edited("dialect: basic", "dialect: vlm", "27:56 tiers.embed.endpoints.0.dialect: `vllm`"),
    edited("transport: httpx", "transport: grpc", '22:83 tiers.large.endpoints.0.transport: found "grpc"'),
    edited("api_key: env:UPSTREAM_KEY", "api_key: hunter2", "22:54 tiers.large.endpoints.0.api_key: not shown"),
    edited(
        "api_key: env:UPSTREAM_KEY", "api_key: env:NOPE", "22:54 tiers.large.endpoints.0.api_key: `NOPE` is not set"
    ),
    edited('[{url: "http://embed:8000/v1", dialect: basic}]', "[]", "27:16 tiers.embed.endpoints: at least one"),
    edited(
        "  embed:\n",
        "  em bed:\n",
        "23:3 tiers.em bed: a name of letters",
        "32:26 models.text-embedding.tier: `em bed`",
    ),
    edited("price: catalog", "price: free", "15:3 tiers.large: cheaper than `small`", name="tiers not cheapest first"),
    edited("  text-embedding: {tier: embed}\n", "", "23:3 tiers.embed: never be used", name="a tier nobody can use"),
    edited("auto: {route: balanced}", "auto: {route: auto}", "29:17 models.auto.route: never for an alias"),
    edited("auto: {route: balanced}", "auto: {route: gpt-4o}", "29:17 models.auto.route: never for an alias"),
    edited("auto: {route: balanced}", "auto: {route: small}", "29:17 models.auto.route: small"),
    edited("auto: {route: balanced}", "auto: {route: balance}", "29:17 models.auto.route: did you mean `balanced`?"),
    edited("auto: {route: balanced}", "auto: {}", "29:9 models.auto: found neither"),
    edited("auto: {route: balanced}", "auto: {route: balanced, tier: small}", "29:27 models.auto.tier: found both"),
    edited("auto: {route: balanced}", "auto: balanced", "29:9 models.auto: expected a mapping"),
    edited("auto: {route: balanced}", "auto: {route: balanced}\n  Auto: {route: balanced}", "30:3 models.Auto: case"),
    edited("small: {tier: small}", "small: {tier: smal}", "31:17 models.small.tier: did you mean `small`?"),
    edited("small: {tier: small}", "small: {tier: careful}", "31:17 models.small.tier: is a route, not a tier"),
    edited("quality: 95%", "quality: 95", "35:14 routes.balanced.quality: up to 1"),
    edited("quality: 95%", "quality: 0", "35:14 routes.balanced.quality: above 0"),
    edited("quality: 95%", "quality: 95%\n    dial: 3", "36:5 routes.balanced.dial: found both"),
    edited(
        "dial: 12.5",
        "dial: 12.5\n    when_uncertified: strongest",
        "41:5 routes.careful.when_uncertified: beside `dial`",
    ),
    edited("dial: 12.5", "dial: -1", "40:11 routes.careful.dial: from 0"),
    edited("dial: 12.5", "budget: 40%\n    dial: 12.5", "41:5 routes.careful.dial: `budget` or `dial`"),
    edited("dial: 12.5", "budget: 140%", "40:13 routes.careful.budget: up to 1"),
    edited(
        "dial: 12.5",
        "budget: 40%\n    when_uncertified: best_effort",
        "41:5 routes.careful.when_uncertified: beside `budget`",
    ),
    edited("quality: 95%", "quality: 95%\n    budget: 40%", "37:23 routes.balanced.when_uncertified: break the budget"),
    edited("dial: 12.5", "dial: 12.5\n    when_unknown: guess", "41:19 routes.careful.when_unknown: `prior`"),
    edited(
        "when_uncertified: strongest",
        "when_uncertified: stronger",
        "36:23 routes.balanced.when_uncertified: `strongest`",
    ),
    edited("on: [ttft, error]", "on: [ttft, reset]", "37:27 routes.balanced.fallback.on.1: `connect`, `ttft`"),
    edited("quality: 95%", "quality: 95%\n    hedge: {after: 59s}", "36:20 routes.balanced.hedge.after: the `ttft`"),
    edited("quality: 95%", "quality: 95%\n    hedge: {after: p99}", "36:20 routes.balanced.hedge.after: or `auto`"),
    edited(
        "quality: 95%", "quality: 95%\n    tiers: [large]\n    hedge: {}", "37:5 routes.balanced.hedge: two endpoints"
    ),
    edited("dial: 12.5", "dial: 12.5\n    hedge: {}", "41:5 routes.careful.hedge: two attempts"),
    edited("max_attempts: 2", "max_attempts: 99", "37:49 routes.balanced.fallback.max_attempts: from 1 to 10"),
    edited("{on: []}", "{on: [], max_attempts: 3}", "42:38 routes.careful.fallback.max_attempts: one attempt"),
    edited("exact: off", "exact: of", "43:20 routes.careful.cache.exact: or `off`"),
    edited("exact: 1h", "exact: 1h, semantics: {}", "38:24 routes.balanced.cache.semantics: expected a known key"),
    edited("exact: 1h", "exact: 1h, semantic: {ttl: 2h}", "38:40 routes.balanced.cache.semantic.ttl: that of `exact`"),
    edited("exact: off", "exact: off, semantic: {}", "43:25 routes.careful.cache.semantic: beside `exact: off`"),
    edited(
        "exact: 1h", "exact: 1h, semantic: {shadow: 0}", "38:43 routes.balanced.cache.semantic.shadow: from 0.001 to 1"
    ),
    edited(
        "exact: 1h", "exact: 1h, semantic: {max_wrong: 0}", "38:46 routes.balanced.cache.semantic.max_wrong: above 0"
    ),
    edited("tiers: [large, small]", "tiers: [large, medium]", "41:20 routes.careful.tiers.1: known here: `small`"),
    edited("tiers: [large, small]", "tiers: [embed]", "41:13 routes.careful.tiers.0: a tier with an `ability`"),
    edited("tiers: [large, small]", "tiers: []", "41:12 routes.careful.tiers: at least one tier"),
    edited("keys: [env:SEARCH_KEY]", "keys: [sk-hunter2]", "46:12 tenants.search.keys.0: not shown"),
    edited("keys: [env:SEARCH_KEY]", "keys: sk-hunter2", "46:11 tenants.search.keys: not shown"),
    edited("keys: [env:SEARCH_KEY]", "keys: []", "46:11 tenants.search.keys: at least one key"),
    edited("keys: [env:BATCH_KEY]", "keys: [env:SEARCH_KEY]", "52:18 tenants.batch.keys.0: tenant `search`"),
    edited(
        "{keys: [env:BATCH_KEY]}",
        "{keys: [env:BATCH_KEY], cache: {scope: all}}",
        "52:49 tenants.batch.cache.scope: or `group:`",
    ),
    edited(
        "{keys: [env:BATCH_KEY]}",
        "{keys: [env:BATCH_KEY], cache: {scope: 'group:a'}}",
        "52:49 tenants.batch.cache.scope: two tenants or more",
    ),
    edited(
        "{keys: [env:BATCH_KEY]}",
        "{keys: [env:BATCH_KEY], tiers: [small], cache: {scope: 'group:a'}}\n"
        "  third: {keys: [env:UPSTREAM_KEY], cache: {scope: 'group:a'}}",
        "53:52 tenants.third.cache.scope: the tiers of `batch`",
    ),
    edited("usd: 200", "usd: 0", "47:19 tenants.search.budget.usd: above 0"),
    edited("usd: 200", "usd: -5", "47:19 tenants.search.budget.usd: above 0"),
    edited("window: day", "window: fortnight", '47:32 tenants.search.budget.window: found "fortnight"'),
    edited("tpm: 400k", "tpm: 400kb", "48:27 tenants.search.rate.tpm: the units are"),
    edited("tiers: [small, large]\n", "tiers: []\n", "49:12 tenants.search.tiers: to allow all"),
    edited("models: [auto, small]", "models: [auto, smal]", "50:20 tenants.search.models.1: `small`"),
    edited("models: [auto, small]", "models: [text-embedding]", "50:14 tenants.search.models.0: needs `embed`"),
    edited("pin_tier: true", "pin_tier: yes", '51:23 tenants.search.allow.pin_tier: true or false, found "yes"'),
    edited("  batch: {", "  open: {", "52:3 tenants.open: who everyone is"),
    edited("body: 4MiB", "body: 4MB", "53:16 limits.body: the units are B, KiB, MiB"),
    edited("choices: 4", "sse_line: 8MiB", "53:32 limits.sse_line: part of an event"),
    edited("receipts: {keep: 500}", "receipts: 500", "54:11 receipts: expected a mapping"),
    edited("receipts: {keep: 500}", "receipts: {keep: 500}\nslo: {}", "55:1 slo: expected a known key"),
)
