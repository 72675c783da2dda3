"""What goes to a model server is the client's own body, but for the model's name and the wish for usage."""

import json
from typing import Any

import pytest

from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.wire.forward import native_body, upstream_body
from gateway.wire.openai_request import canonicalise

REST = '"messages":[{"role":"user","content":"say \\"model\\""}]'


def forwarded(body: str, *, ask_usage: bool = True) -> str:
    request = canonicalise(Operation.CHAT, body.encode(), EdgeLimits())
    return upstream_body(request, "served", ask_usage=ask_usage).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f'{{"model":"a",{REST}}}', f'{{"model":"served",{REST}}}'),
        (f'{{{REST},"model":"a"}}', f'{{{REST},"model":"served"}}'),
        (f' {{ {REST} , "model" : "a" }}\n', f' {{ {REST} , "model" : "served" }}\n'),
        (f'{{"mod\\u0065l":"a",{REST}}}', f'{{"mod\\u0065l":"served",{REST}}}'),
        (f'{{"model":"a\\u0062\\"c",{REST}}}', f'{{"model":"served",{REST}}}'),
        (
            f'{{"metadata":{{"model":"x"}},{REST},"model":"a","z":"model"}}',
            f'{{"metadata":{{"model":"x"}},{REST},"model":"served","z":"model"}}',
        ),
        (
            f'{{"x":"\\u006dodel","metadata":{{"model":"x"}}, "model":"a",{REST}}}',
            f'{{"x":"\\u006dodel","metadata":{{"model":"x"}}, "model":"served",{REST}}}',
        ),
        (
            f'{{"model":"a",{REST},"top_k":1.50,"x":"\\u00e9"}}',
            f'{{"model":"served",{REST},"top_k":1.50,"x":"\\u00e9"}}',
        ),
    ],
)
def test_only_the_name_of_the_model_changes(before: str, after: str) -> None:
    assert forwarded(before) == after


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (None, '"stream_options":{"include_usage":true},'),
        ("null", '{"include_usage":true}'),
        ("{}", '{"include_usage":true}'),
        ('{ "include_usage" : false }', '{"include_usage":true}'),
        ('{"a":{"b":"}"},"include_usage":null}', '{"a":{"b":"}"},"include_usage":true}'),
        ('{"continuous":"\\"}"}', '{"continuous":"\\"}","include_usage":true}'),
    ],
)
def test_a_stream_is_made_to_tell_its_usage(options: str | None, wanted: str) -> None:
    members = "" if options is None else f',"stream_options":{options}'
    body = f'{{"stream":true{members},"model":"a",{REST}}}'
    if options is None:
        assert forwarded(body) == f'{{{wanted}"stream":true,"model":"served",{REST}}}'
    else:
        assert forwarded(body) == f'{{"stream":true,"stream_options":{wanted},"model":"served",{REST}}}'


def test_the_order_of_model_and_options_does_not_matter() -> None:
    body = f'{{"model":"a","stream":true,"stream_options":{{}},{REST}}}'
    wanted = f'{{"model":"served","stream":true,"stream_options":{{"include_usage":true}},{REST}}}'
    assert forwarded(body) == wanted


@pytest.mark.parametrize(
    "members",
    [{"stream": False}, {}, {"stream": True, "stream_options": {"include_usage": True}}],
)
def test_nothing_is_asked_where_it_would_change_nothing(members: dict[str, Any]) -> None:
    text = json.dumps({"model": "served", "messages": [{"role": "user"}], **members})
    assert forwarded(text) == text


def test_usage_is_not_asked_of_servers_that_cannot_tell() -> None:
    text = f'{{"model":"served","stream":true,{REST}}}'
    assert forwarded(text, ask_usage=False) == text


def test_a_served_name_is_written_as_json() -> None:
    request = canonicalise(Operation.CHAT, f'{{"model":"a",{REST}}}'.encode(), EdgeLimits())
    assert json.loads(upstream_body(request, 'org/"m"\\é', ask_usage=False))["model"] == 'org/"m"\\é'


SALT = "5a17"


def salted(body: str, **more: Any) -> dict[str, Any]:
    request = canonicalise(Operation.CHAT, body.encode(), EdgeLimits())
    sent: dict[str, Any] = json.loads(
        upstream_body(request, "served", ask_usage=True, **more), object_pairs_hook=_each_key_once
    )
    return sent


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def test_a_salt_and_a_cache_key_are_added_before_everything_else_and_only_where_asked_for() -> None:
    body = f'{{"stream":true,"model":"a",{REST}}}'
    request = canonicalise(Operation.CHAT, body.encode(), EdgeLimits())
    sent = upstream_body(request, "served", ask_usage=True, cache_salt=SALT, prompt_cache_key="k-0")
    front = b'{"stream_options":{"include_usage":true},"cache_salt":"5a17","prompt_cache_key":"k-0",'
    assert sent == front + f'"stream":true,"model":"served",{REST}}}'.encode()


def test_a_clients_own_salt_divides_its_tenants_and_cannot_be_anothers() -> None:
    one, same, other = (
        salted(f'{{"cache_salt":{value},"model":"a",{REST}}}', cache_salt=SALT)["cache_salt"]
        for value in ('"mine"', '"mine"', '"5a17"')
    )
    assert one == same
    assert len({one, other, SALT}) == 3
    assert one.startswith(f"{SALT}.")
    escaped = salted(f'{{"c\\u0061che_salt":"mine","model":"a",{REST}}}', cache_salt=SALT)
    assert escaped["cache_salt"] == one


@pytest.mark.parametrize("own", ['"mine"', "null"])
def test_a_clients_own_cache_key_stands(own: str) -> None:
    body = f'{{"model":"a",{REST},"prompt_cache_key":{own}}}'
    assert salted(body, prompt_cache_key="k-0")["prompt_cache_key"] == json.loads(own)


def test_what_merely_speaks_of_salt_has_none() -> None:
    body = '{"model":"a","metadata":{"cache_salt":"x"},"messages":[{"role":"user","content":"cache_salt"}]}'
    assert salted(body, cache_salt=SALT)["cache_salt"] == SALT


def test_a_body_of_another_dialect_goes_on_as_it_came_but_for_its_model() -> None:
    body = b'{ "m\\u006fdel" : "auto", "max_tokens":1.0, "messages":[{"role":"user","content":"\\u00e9"}] }'
    assert native_body(body, "served") == body.replace(b'"auto"', b'"served"')


@pytest.mark.parametrize("options", ["", '"stream":true,'])
def test_a_lower_price_is_asked_for_unless_the_client_says_otherwise(options: str) -> None:
    def asked(body: str) -> Any:
        request = canonicalise(Operation.CHAT, body.encode(), EdgeLimits())
        sent = json.loads(upstream_body(request, "served", ask_usage=True, is_flex=True))
        own = json.loads(native_body(body.encode(), "served", is_flex=True))
        assert (sent["model"], own["model"]) == ("served", "served")
        assert sent["service_tier"] == own["service_tier"]
        return own["service_tier"]

    assert asked(f'{{{options}"model":"a",{REST}}}') == "flex"
    assert asked(f'{{{options}"model":"a",{REST},"service_tier":"priority"}}') == "priority"
    assert asked(f'{{"service_tier":null,{options}"model":"a",{REST}}}') is None
