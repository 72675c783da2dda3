"""The official openai client in a process of its own: an open loop of requests, each written down as it ended for it.

`python -m tests.chaos.official_client --base-url URL --history FILE --first 1000000 --seed 1 --rate 2`, until SIGTERM.
"""

import argparse
import asyncio
import random
import signal
from pathlib import Path

import httpx2
import openai
import uvloop

from tests.chaos.clients import GIVES_UP_S, body_of
from tests.chaos.history import Call, End, Ending, History, now_s
from tests.chaos.marked_server import Order

AT_ONCE_MAX = 64
CONNECT_S = 5.0
"""The client waits with all its patience for an answer, and not so long for a connection."""


class OfficialCall:
    """One request of the official client, which does not retry."""

    def __init__(self, client: openai.AsyncOpenAI, order: Order, *, stream: bool, history: History) -> None:
        self._client = client
        self._order = order
        self._stream = stream
        self._history = history
        self._texts: list[str] = []
        self._ids: set[str] = set()
        self._finish_reason: str | None = None
        self._request_id: str | None = None
        self._first_content_s: float | None = None

    async def run(self) -> None:
        """Make the request and write down how it ended for this client."""
        order = self._order
        self._history.invoke(
            Call(order.request, "openai", "auto", "free", self._stream, order.tokens, order.first_ms, now_s())
        )
        status, code, detail = None, None, ""
        try:
            await self._ask()
            end = End.DONE
        except openai.APIStatusError as error:
            end, status, code, detail = End.ERROR, error.status_code, error.code, repr(error)
            self._request_id = error.response.headers.get("x-tiergate-request-id")
        except openai.APITimeoutError as error:
            is_refused = isinstance(error.__cause__, httpx2.ConnectTimeout)
            end, detail = End.REFUSED if is_refused else End.LATE, repr(error.__cause__)
        except openai.APIConnectionError as error:
            end, detail = End.SILENT if self._texts else End.NO_ANSWER, repr(error.__cause__)
        except openai.APIError as error:
            end, code, detail = End.TOLD, error.code, repr(error)
        except httpx2.TransportError as error:
            # What happens to the connection within a stream is not wrapped.
            end, detail = End.SILENT, repr(error)
        self._history.end(
            Ending(
                request=order.request,
                end=end,
                ended_s=now_s(),
                status=status,
                code=code,
                request_id=self._request_id,
                text="".join(self._texts),
                answer_ids=tuple(sorted(self._ids)),
                finish_reason=self._finish_reason,
                has_done=end is End.DONE,
                first_content_s=self._first_content_s,
                detail=detail,
            )
        )

    async def _ask(self) -> None:
        body = body_of(self._order, "auto", stream=self._stream)
        extra = {"ignore_eos": body.pop("ignore_eos")}
        if not self._stream:
            raw = await self._client.chat.completions.with_raw_response.create(**body, extra_body=extra)
            self._request_id = raw.headers.get("x-tiergate-request-id")
            answer = raw.parse()
            self._take(answer.id, answer.choices[0].message.content, answer.choices[0].finish_reason)
            return
        async with await self._client.chat.completions.create(**body, extra_body=extra) as stream:
            self._request_id = stream.response.headers.get("x-tiergate-request-id")
            async for chunk in stream:
                for choice in chunk.choices:
                    self._take(chunk.id, choice.delta.content, choice.finish_reason)

    def _take(self, answer_id: str, text: str | None, finish_reason: str | None) -> None:
        self._ids.add(answer_id)
        self._finish_reason = finish_reason or self._finish_reason
        if text:
            self._texts.append(text)
            self._first_content_s = self._first_content_s or now_s()


async def _run(base_url: str, history: History, first: int, chance: random.Random, rate_per_s: float) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    timeout = openai.Timeout(GIVES_UP_S, connect=CONNECT_S)
    running: set[asyncio.Task[None]] = set()
    async with openai.AsyncOpenAI(base_url=base_url, api_key="sk-free", max_retries=0, timeout=timeout) as client:
        request = first
        while not await _waited(stopping, chance.expovariate(rate_per_s)):
            if len(running) >= AT_ONCE_MAX:
                continue
            order = Order(request, chance.randint(5, 40), chance.randint(0, 200), chance.randint(0, 20))
            call = OfficialCall(client, order, stream=chance.random() < 0.8, history=history)
            task = asyncio.create_task(call.run())
            running.add(task)
            task.add_done_callback(running.discard)
            request += 1
        await asyncio.gather(*running)


async def _waited(stopping: asyncio.Event, seconds: float) -> bool:
    """Wait for so long; True, and at once, when it is time to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return False
    return True


def main() -> None:
    """Ask until SIGTERM, then wait for what is under way."""
    parser = argparse.ArgumentParser(description="An open loop of the official openai client.")
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--first", type=int, required=True, help="number of the first request")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    given = parser.parse_args()
    with History(given.history) as history:
        uvloop.run(_run(given.base_url, history, given.first, random.Random(given.seed), given.rate))


if __name__ == "__main__":
    main()
