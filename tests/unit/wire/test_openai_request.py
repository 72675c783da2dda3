"""From bytes to a sound request, or to an error that names the field."""

import json
from typing import Any

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import CanonicalRequest, Need, Operation
from gateway.domain.usage import tokens_in
from gateway.wire.openai_request import FORBIDDEN_FIELDS, TOKENS_MAX, canonicalise
from gateway.wire.prompt import TOKENS_PER_IMAGE, TOKENS_PER_MESSAGE

LIMITS = EdgeLimits()
USER = {"role": "user", "content": "Why?"}


def body_of(**members: Any) -> bytes:
    return json.dumps({"model": "auto", "messages": [USER], **members}, separators=(",", ":")).encode()


def chat(body: bytes | None = None, **members: Any) -> CanonicalRequest:
    return canonicalise(Operation.CHAT, body_of(**members) if body is None else body, LIMITS)


def refusal(
    body: bytes, operation: Operation = Operation.CHAT, limits: EdgeLimits = LIMITS
) -> tuple[ErrorCode, str | None]:
    with pytest.raises(GatewayError) as caught:
        canonicalise(operation, body, limits)
    assert caught.value.status in (400, 413)
    assert caught.value.message.endswith(".")
    return caught.value.code, caught.value.param


def test_a_plain_chat_is_read() -> None:
    body = body_of(temperature=0.5, max_tokens=7, n=2)
    request = chat(body)
    assert request.operation is Operation.CHAT
    assert (request.alias, request.body) == ("auto", body)
    assert (request.temperature, request.max_output_tokens, request.choices) == (0.5, 7, 2)
    assert (request.stream, request.include_usage, request.needs) == (False, False, Need.NONE)
    assert (request.user_text, request.context_text, request.turns) == ("Why?", "", 1)
    assert request.prompt_bytes == 4
    assert request.input_tokens == tokens_in(4) + TOKENS_PER_MESSAGE
    assert not request.has_remote_images


def test_defaults_hold_where_nothing_is_said() -> None:
    request = chat()
    assert (request.temperature, request.max_output_tokens, request.choices) == (None, None, 1)


def test_the_texts_are_the_last_user_turn_and_the_turn_before_it() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "First"},
        {"role": "assistant", "content": "Second"},
        {"role": "tool", "content": "Result", "tool_call_id": "t"},
        {"role": "user", "content": [{"type": "text", "text": "Thïrd"}, {"type": "text", "text": "part"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "t"}]},
    ]
    request = chat(messages=messages)
    assert (request.user_text, request.context_text, request.turns) == ("Thïrd\npart", "Second", 2)
    assert request.prompt_bytes == 9 + 5 + 6 + 6 + 6 + 4 + len('[{"id":"t"}]')


def test_a_chat_without_user_turn_has_no_texts() -> None:
    request = chat(messages=[{"role": "system", "content": "x"}, {"role": "assistant"}])
    assert (request.user_text, request.context_text, request.turns) == ("", "", 0)


REMINDER = {"type": "text", "text": "<system-reminder>\nToday is Monday.\n</system-reminder>"}
"""What a coding agent puts before each turn."""


@pytest.mark.parametrize(
    ("turns", "user_text", "context_text"),
    [
        (["Hi", [REMINDER, {"type": "text", "text": "Why?"}]], "Why?", "Hi"),
        (["Hi", "Why?", [REMINDER]], "Why?", "Hi"),
        ([[REMINDER], [REMINDER]], "", ""),
        ([[REMINDER, {"type": "text", "text": "Why?"}], [REMINDER]], "Why?", ""),
        (["Why?", ""], "", "Why?"),
    ],
)
def test_what_an_agent_injects_is_forwarded_and_not_read_as_asked(
    turns: list[Any], user_text: str, context_text: str
) -> None:
    body = body_of(messages=[{"role": "user", "content": content} for content in turns])
    request = chat(body)
    assert (request.user_text, request.context_text, request.turns) == (user_text, context_text, len(turns))
    assert request.body == body


def test_a_user_turn_behind_an_assistant_turn_without_text_has_no_context() -> None:
    messages = [USER, {"role": "assistant", "content": None}, {"role": "user", "content": "héllo"}]
    request = chat(messages=messages)
    assert (request.user_text, request.context_text, request.prompt_bytes) == ("héllo", "", 10)


@pytest.mark.parametrize(
    ("members", "needs"),
    [
        ({"tools": [{"type": "function"}]}, Need.TOOLS),
        ({"functions": [{"name": "f"}]}, Need.TOOLS),
        ({"tools": []}, Need.NONE),
        ({"tools": None}, Need.NONE),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, Need.JSON_SCHEMA),
        ({"response_format": {"type": "json_object"}}, Need.JSON_SCHEMA),
        ({"response_format": {"type": "text"}}, Need.NONE),
        ({"response_format": None}, Need.NONE),
        ({"tools": [{}], "response_format": {"type": "json_object"}}, Need.TOOLS | Need.JSON_SCHEMA),
    ],
)
def test_needs_follow_from_the_members(members: dict[str, Any], needs: Need) -> None:
    assert chat(**members).needs == needs


@pytest.mark.parametrize(
    ("part", "needs", "is_remote"),
    [
        ({"type": "image_url", "image_url": {"url": "https://a/b.png"}}, Need.VISION, True),
        ({"type": "image_url", "image_url": {"url": "HTTP://a/b.png", "detail": "low"}}, Need.VISION, True),
        ({"type": "image_url", "image_url": "file:///etc/hosts"}, Need.VISION, True),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}, Need.VISION, False),
        ({"type": "image_url", "image_url": {"url": " DATA:image/png;base64,AA=="}}, Need.VISION, False),
        ({"type": "video_url", "video_url": {"url": "http://a/b.mp4"}}, Need.VISION, True),
        ({"type": "audio_url", "audio_url": {"url": "http://a/b.mp3"}}, Need.NONE, True),
        ({"type": "input_image"}, Need.VISION, False),
        ({"type": "text", "text": "https://a/b.png"}, Need.NONE, False),
    ],
)
def test_pictures_need_vision_and_addresses_are_remote(part: dict[str, Any], needs: Need, is_remote: bool) -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "What?"}, part]}]
    request = chat(messages=messages)
    assert (request.needs, request.has_remote_images) == (needs, is_remote)
    pictures = int(needs == Need.VISION)
    assert request.input_tokens == (tokens_in(request.prompt_bytes) + TOKENS_PER_MESSAGE + pictures * TOKENS_PER_IMAGE)


def test_remote_pictures_are_refused_where_the_policy_says_so() -> None:
    body = body_of(messages=[{"role": "user", "content": [{"image_url": {"url": "http://a/b"}}]}])
    assert refusal(body, limits=EdgeLimits(remote_images=False)) == (ErrorCode.FORBIDDEN_FIELD, "messages")


@pytest.mark.parametrize(
    ("members", "stream", "include_usage"),
    [
        ({"stream": True}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True, True),
        ({"stream": True, "stream_options": {"include_usage": None}}, True, False),
        ({"stream": True, "stream_options": None}, True, False),
        ({"stream": None, "stream_options": {"include_usage": True}}, False, False),
    ],
)
def test_stream_options_count_for_streams(members: dict[str, Any], stream: bool, include_usage: bool) -> None:
    request = chat(**members)
    assert (request.stream, request.include_usage) == (stream, include_usage)


@pytest.mark.parametrize("name", sorted(FORBIDDEN_FIELDS))
def test_hosts_and_credentials_are_refused_always(name: str) -> None:
    assert refusal(body_of(**{name: None})) == (ErrorCode.FORBIDDEN_FIELD, name)
    assert refusal(body_of(metadata={name: "x"})) == (ErrorCode.FORBIDDEN_FIELD, f"metadata.{name}")
    assert refusal(body_of(extra_body={name: "x"})) == (ErrorCode.FORBIDDEN_FIELD, f"extra_body.{name}")


def test_a_forbidden_field_spelt_with_escapes_is_refused() -> None:
    body = body_of().replace(b'{"model"', b'{"api\\u005fbase":"http://evil","model"')
    assert refusal(body) == (ErrorCode.FORBIDDEN_FIELD, "api_base")


def test_unknown_fields_stay_in_the_body() -> None:
    body = body_of(top_k=5, chat_template_kwargs={"enable_thinking": False}, metadata={"a": "b"}, nan_is="a word")
    assert chat(body).body == body


NUMBERS = ["1e400", "-1", "1000000000000", "true", '"3"', "1.5", "9" * 5_000, "[]", "{}"]


@pytest.mark.parametrize("name", ["n", "best_of", "top_logprobs", "max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("number", NUMBERS)
def test_an_unacceptable_number_is_refused_by_the_field_it_is_in(name: str, number: str) -> None:
    body = body_of()[:-1] + f',"{name}":{number}}}'.encode()
    code, param = refusal(body)
    assert (code in (ErrorCode.INVALID_VALUE, ErrorCode.LIMIT_EXCEEDED), param) == (True, name)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "+1", "nul"])
def test_a_number_that_json_lacks_is_refused_by_the_field_it_is_in(word: str) -> None:
    body = body_of()[:-1] + f', "max_tokens" : {word}}}'.encode()
    assert refusal(body) == (ErrorCode.MALFORMED_BODY, "max_tokens")


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"n": 0}, "n"),
        ({"n": 17}, "n"),
        ({"best_of": 17}, "best_of"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"max_tokens": TOKENS_MAX + 1}, "max_tokens"),
        ({"max_completion_tokens": TOKENS_MAX + 1}, "max_completion_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"stop": "x" * 257}, "stop"),
        ({"stop": ["é" * 129]}, "stop"),
        ({"stop": 3}, "stop"),
        ({"stop": ["a", 3]}, "stop.1"),
        ({"tools": [{}] * 129}, "tools"),
        ({"tools": {}}, "tools"),
        ({"tools": [1]}, "tools.0"),
        ({"functions": [{}] * 129}, "functions"),
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [1]}, "messages.0"),
        ({"messages": [USER, {"content": "x"}]}, "messages.1.role"),
        ({"messages": [{"role": 1}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"text": 5}]}]}, "messages.0.content.0.text"),
        ({"model": ""}, "model"),
        ({"model": "m" * 257}, "model"),
        ({"model": None}, "model"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"response_format": "json"}, "response_format"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(members: dict[str, Any], param: str) -> None:
    code, named = refusal(body_of(**members))
    assert (code in (ErrorCode.INVALID_VALUE, ErrorCode.LIMIT_EXCEEDED), named) == (True, param)


def test_what_lies_on_the_limit_passes() -> None:
    members: dict[str, Any] = {"n": 16, "top_logprobs": 20, "max_tokens": 0, "stop": ["x" * 256] * 16}
    assert chat(**members, tools=[{}] * 128, max_completion_tokens=TOKENS_MAX).max_output_tokens == TOKENS_MAX
    assert chat(max_tokens=9, max_completion_tokens=4).max_output_tokens == 9
    assert chat(stop="x").body


def test_more_messages_than_allowed_are_refused() -> None:
    body = body_of(messages=[USER] * 3)
    limits = EdgeLimits(messages=2, tools=0)
    assert refusal(body, limits=limits) == (ErrorCode.LIMIT_EXCEEDED, "messages")
    assert refusal(body_of(messages=[USER] * 100_000)) == (ErrorCode.LIMIT_EXCEEDED, "messages")


def test_a_number_beyond_all_range_in_an_unknown_field_is_named() -> None:
    assert refusal(body_of()[:-1] + b',"min_p":1e400}') == (ErrorCode.INVALID_VALUE, "min_p")
    assert refusal(body_of()[:-1] + b',"a":1,"b":{"c":[1e400]}}') == (ErrorCode.INVALID_VALUE, "b")


@pytest.mark.parametrize(
    "body",
    [
        body_of()[:-1] + b',"model":"b"}',
        body_of()[:-1] + b', "model":"b"}',
        body_of()[:-1] + b',"mo\\u0064el":"b"}',
    ],
)
def test_a_model_given_twice_is_refused(body: bytes) -> None:
    assert refusal(body) == (ErrorCode.DUPLICATE_KEY, "model")


@pytest.mark.parametrize("key", ["n", "messages", "stream", "anything"])
def test_any_key_given_twice_is_refused(key: str) -> None:
    value = '[{"role":"user"}]' if key == "messages" else "null"
    body = f'{{"model":"m","messages":[{{"role":"user"}}],"{key}":{value},"{key}":{value}}}'.encode()
    assert refusal(body) == (ErrorCode.DUPLICATE_KEY, key)


def test_a_key_given_twice_within_a_message_is_refused() -> None:
    body = body_of().replace(b'"role":"user"', b'"role":"user","role":"system"')
    assert refusal(body) == (ErrorCode.DUPLICATE_KEY, None)


def test_a_key_repeated_in_different_objects_is_none_given_twice() -> None:
    body = json.dumps({"model": "m", "messages": [USER, USER], "metadata": {"model": "x", "n": 1}, "n": 1}).encode()
    assert chat(body).alias == "m"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"x", b'{"model":"a",}', b'{"model":"\xff","messages":[]}', b'{"a":"x\ny"}', b"\xff\xfe{\0}\0"],
)
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    assert refusal(body)[0] is ErrorCode.MALFORMED_BODY


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b'{"messages":[]}', b'{"model":"m"}'])
def test_what_is_no_request_is_invalid(body: bytes) -> None:
    assert refusal(body)[0] is ErrorCode.INVALID_VALUE


def test_invalid_utf8_in_an_unknown_field_or_key_is_malformed() -> None:
    assert refusal(body_of()[:-1] + b',"x":"\xff"}')[0] is ErrorCode.MALFORMED_BODY
    assert refusal(body_of()[:-1] + b',"\xff":1}')[0] is ErrorCode.MALFORMED_BODY


@pytest.mark.parametrize(
    "text", ["\\ud800", "\\udc00", "\\ud800\\ud800", "\\ud800\\n", "\\ud83d \\ude00", "a\\uD83D", "\\ud800x\\n"]
)
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(text: str) -> None:
    for body in (body_of().replace(b"Why?", text.encode()), body_of()[:-1] + f',"x":"{text}"}}'.encode()):
        with pytest.raises(GatewayError, match="surrogate"):
            canonicalise(Operation.CHAT, body, LIMITS)


@pytest.mark.parametrize("text", ["\\u0000", "\\ud83d\\ude00", "\\\\ud800", "\\u00e9\\n"])
def test_whole_characters_and_nul_are_accepted(text: str) -> None:
    assert chat(body_of().replace(b"Why?", text.encode())).user_text == json.loads(f'"{text}"')


def test_a_broken_body_with_whole_pairs_is_not_blamed_on_them() -> None:
    with pytest.raises(GatewayError, match="not valid JSON"):
        chat(b'{"model":"\\ud83d\\ude00')


def test_nesting_beyond_the_parser_is_too_deep_even_where_the_policy_allows_it() -> None:
    body = body_of()[:-1] + b',"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    assert refusal(body, limits=EdgeLimits(depth=100_000)) == (ErrorCode.TOO_DEEP, None)


def test_a_byte_order_mark_is_not_forwarded() -> None:
    assert chat(b"\xef\xbb\xbf" + body_of()).body == body_of()


@pytest.mark.parametrize(
    ("prompt", "text", "tokens", "prompts"),
    [
        ("Once", "Once", tokens_in(4), 1),
        (["Once", "Twice"], "Once\nTwice", tokens_in(9), 2),
        ([1, 2, 3], "", 3, 1),
        ([[1, 2], [3]], "", 3, 2),
        ([], "", 0, 1),
    ],
)
def test_completions_take_prompts_as_text_or_tokens(prompt: Any, text: str, tokens: int, prompts: int) -> None:
    body = json.dumps({"model": "m", "prompt": prompt, "n": 2, "best_of": 3, "logprobs": 5, "max_tokens": 9}).encode()
    request = canonicalise(Operation.COMPLETIONS, body, LIMITS)
    assert (request.user_text, request.input_tokens, request.choices) == (text, tokens, 3 * prompts)
    assert (request.turns, request.needs, request.max_output_tokens) == (1, Need.NONE, 9)


def test_best_of_may_be_0_as_openai_has_it() -> None:
    body = b'{"model":"m","prompt":"abc","n":2,"best_of":0}'
    assert canonicalise(Operation.COMPLETIONS, body, LIMITS).choices == 2


def test_a_suffix_is_part_of_the_prompt() -> None:
    body = b'{"model":"m","prompt":"abc","suffix":"de"}'
    request = canonicalise(Operation.COMPLETIONS, body, LIMITS)
    assert (request.user_text, request.prompt_bytes) == ("abc", 5)


def test_too_many_logprobs_of_completions_are_refused() -> None:
    body = b'{"model":"m","prompt":"a","logprobs":21}'
    assert refusal(body, Operation.COMPLETIONS) == (ErrorCode.LIMIT_EXCEEDED, "logprobs")


@pytest.mark.parametrize(("operation", "member"), [(Operation.COMPLETIONS, "prompt"), (Operation.EMBEDDINGS, "input")])
def test_prompts_and_inputs_are_required_and_limited(operation: Operation, member: str) -> None:
    assert refusal(b'{"model":"m"}', operation) == (ErrorCode.INVALID_VALUE, member)
    many = json.dumps({"model": "m", member: ["x"] * 2_049}).encode()
    assert refusal(many, operation) == (ErrorCode.LIMIT_EXCEEDED, member)


def test_embeddings_count_their_input_and_have_no_turn() -> None:
    request = canonicalise(Operation.EMBEDDINGS, b'{"model":"e","input":["ab","cd"]}', LIMITS)
    assert (request.user_text, request.turns, request.input_tokens) == ("", 0, tokens_in(4))


def test_questions_about_a_state_count_what_is_sent_and_are_never_streamed() -> None:
    body = b'{"model":"d","stream":true,"state":{"a":[1,2]},"questions":{"q":{"type":"noul","instructions":"?"}}}'
    request = canonicalise(Operation.SYSTEMONE, body, LIMITS)
    assert (request.needs, request.stream, request.turns, request.user_text) == (Need.SYSTEMONE, False, 0, "")
    assert request.prompt_bytes == len('{"a":[1,2]}' + "q" + '{"type":"noul","instructions":"?"}')


def test_decisions_count_texts_and_images_of_what_they_are_about() -> None:
    question = {"type": "predicate", "instructions": "?"}
    about = [
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "ab"}, {"type": "input_image", "image_url": "data:"}],
        },
        {"role": "assistant", "content": "cde"},
        {"type": "function_call_output", "call_id": "1", "output": "f"},
    ]
    body = json.dumps({"model": "d", "input": about, "questions": [question]}, separators=(",", ":")).encode()
    request = canonicalise(Operation.DECISIONS, body, LIMITS)
    assert request.needs == Need.DECISIONS | Need.VISION
    assert request.prompt_bytes == 5 + len(json.dumps(question, separators=(",", ":")))
    assert request.input_tokens > 1_000
    plain = canonicalise(Operation.DECISIONS, b'{"model":"d","input":"abc","questions":[{}]}', LIMITS)
    assert (plain.needs, plain.prompt_bytes) == (Need.DECISIONS, 5)


def test_a_query_is_read_with_each_document() -> None:
    body = b'{"model":"r","query":"ab","documents":["cde",{"text":"f"}],"stream":true}'
    request = canonicalise(Operation.RERANK, body, LIMITS)
    assert (request.needs, request.stream, request.turns, request.user_text) == (Need.RERANK, False, 0, "")
    assert (request.prompt_bytes, request.input_tokens) == (2 * 2 + 3 + 1, tokens_in(8))
    assert request.window_tokens == tokens_in(5)


@pytest.mark.parametrize(
    ("documents", "code", "param"),
    [
        ("[]", ErrorCode.INVALID_VALUE, "documents"),
        ('["a","b","c"]', ErrorCode.LIMIT_EXCEEDED, "documents"),
        ('[{"image":"http://inside/"}]', ErrorCode.INVALID_VALUE, "documents.0.image"),
        ('[{"text":"a","content":[]}]', ErrorCode.INVALID_VALUE, "documents.0.content"),
        ("[1]", ErrorCode.INVALID_VALUE, "documents.0"),
    ],
)
def test_documents_are_texts_and_not_too_many(documents: str, code: ErrorCode, param: str) -> None:
    body = b'{"model":"r","query":"q","documents":%b}' % documents.encode()
    assert refusal(body, Operation.RERANK, EdgeLimits(messages=2)) == (code, param)


@pytest.mark.parametrize(
    ("texts", "window_tokens"),
    [('"abcd"', None), ('["abcd"]', None), ('["ab","abcdefgh"]', tokens_in(8)), ("[1,2,3]", None), ("[[1],[1,2]]", 2)],
)
def test_of_several_texts_the_longest_must_fit(texts: str, window_tokens: int | None) -> None:
    body = b'{"model":"e","input":%b}' % texts.encode()
    assert canonicalise(Operation.EMBEDDINGS, body, LIMITS).window_tokens == window_tokens


def test_images_by_address_are_refused_in_decisions_too() -> None:
    image = b'[{"role":"user","content":[{"type":"input_image","image_url":"http://inside/"}]}]'
    body, closed = b'{"model":"d","input":%b,"questions":[{}]}' % image, EdgeLimits(remote_images=False)
    assert refusal(body, Operation.DECISIONS, closed) == (ErrorCode.FORBIDDEN_FIELD, "input")


@pytest.mark.parametrize(
    ("operation", "about", "none", "many"),
    [
        (Operation.SYSTEMONE, b'"state":1', b"{}", b'{"a":1,"b":2,"c":3}'),
        (Operation.DECISIONS, b'"input":"x"', b"[]", b"[1,2,3]"),
    ],
)
def test_there_must_be_questions_and_not_too_many(operation: Operation, about: bytes, none: bytes, many: bytes) -> None:
    body = b'{"model":"d",%b,"questions":%b}'
    assert refusal(body % (about, none), operation) == (ErrorCode.INVALID_VALUE, "questions")
    few = EdgeLimits(messages=2)
    assert refusal(body % (about, many), operation, few) == (ErrorCode.LIMIT_EXCEEDED, "questions")


def test_embeddings_are_never_streamed() -> None:
    body = b'{"model":"e","input":"ab","stream":true,"stream_options":{"include_usage":true}}'
    request = canonicalise(Operation.EMBEDDINGS, body, LIMITS)
    assert (request.stream, request.include_usage, request.body) == (False, False, body)
