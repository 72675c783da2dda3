"""langchain-openai: complete, stream and fail through the base URL given; print what came of it as JSON."""

import json
import sys

import openai
from langchain_openai import ChatOpenAI  # type: ignore[import-not-found]  # installed for this script alone
from pydantic import SecretStr

model = ChatOpenAI(
    base_url=sys.argv[1], api_key=SecretStr("unused"), model="auto", max_tokens=8, temperature=0, stream_usage=True
)
answer = model.invoke("Hello there")
first, *others = model.stream("Hello there")
whole = sum(others, first)
try:
    ChatOpenAI(base_url=sys.argv[1], api_key=SecretStr("unused"), model="no-such-model").invoke("Hello")
    error = ""
except openai.APIError as raised:
    error = type(raised).__name__
said = {
    "text": answer.content,
    "tokens": answer.usage_metadata["output_tokens"],
    "finish_reason": answer.response_metadata["finish_reason"],
    "stream_text": whole.content,
    "stream_tokens": whole.usage_metadata["output_tokens"],
    "stream_finish_reason": whole.response_metadata["finish_reason"],
    "error": error,
}
sys.stdout.write(json.dumps(said))
