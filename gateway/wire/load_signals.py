"""What a model server's metrics say of its load, whatever they are called there.

Names change between versions, so each quantity has several; a page in Prometheus' text format is read line by line and
everything else on it is passed over. vLLM, SGLang, llama.cpp (started with `--metrics`), trtllm-serve, and Triton with
TensorRT-LLM are understood.
"""

import math
import re
from typing import Final

from gateway.domain.load import ServerLoad

PAGE_BYTES_MAX: Final = 4 * 1024 * 1024
COUNT_MAX: Final = 1_000_000

_RUNNING: Final = frozenset(
    {
        b"vllm:num_requests_running",
        b"sglang:num_running_reqs",
        b"llamacpp:requests_processing",
        b"trtllm_num_requests_running",
        b'nv_trt_llm_request_metrics{request_type="scheduled"}',
    }
)
_WAITING: Final = frozenset(
    {
        b"vllm:num_requests_waiting",
        b"sglang:num_queue_reqs",
        b"llamacpp:requests_deferred",
        b"trtllm_num_requests_waiting",
        b'nv_trt_llm_request_metrics{request_type="waiting"}',
    }
)
_KV_USAGE: Final = frozenset(
    {
        b"vllm:kv_cache_usage_perc",
        b"vllm:gpu_cache_usage_perc",
        b"sglang:token_usage",
        b"llamacpp:kv_cache_usage_ratio",
        b"trtllm_kv_cache_utilization",
        b'nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="fraction"}',
    }
)
_TELLING: Final = re.compile(rb'(?:request_type|kv_cache_block_type)="[a-z_]{1,32}"')
"""Labels that tell quantities of one name apart; by all others (model, engine, rank) is summed."""


def read_load(page: bytes) -> ServerLoad | None:
    """Return the load that a page of metrics tells of; None where it tells of none.

    Of several engines behind one server the requests are summed, and the fullest cache counts.
    """
    running: float | None = None
    waiting: float | None = None
    kv_usage: float | None = None
    for line in page.splitlines():
        if line.startswith(b"#"):
            continue
        name, value = _sample(line)
        if value is None:
            continue
        if name in _RUNNING:
            running = (running or 0.0) + value
        elif name in _WAITING:
            waiting = (waiting or 0.0) + value
        elif name in _KV_USAGE:
            kv_usage = max(kv_usage or 0.0, value)
    if running is None and waiting is None:
        return None
    return ServerLoad(_count(running), _count(waiting), kv_usage)


def _sample(line: bytes) -> tuple[bytes, float | None]:
    """Return a line's name, with the labels that tell quantities apart, and its value if it is one."""
    name, brace, rest = line.partition(b"{")
    if brace:
        labels, _, value = rest.rpartition(b"}")
        telling = _TELLING.search(labels)
        name = name if telling is None else b"%b{%b}" % (name, telling[0])
    else:
        name, _, value = line.partition(b" ")
    written = value.split(maxsplit=1)
    try:
        number = float(written[0]) if written else math.nan
    except ValueError:
        number = math.nan
    return name.strip(), number if math.isfinite(number) and number >= 0.0 else None


def _count(value: float | None) -> int:
    return 0 if value is None else min(round(value), COUNT_MAX)
