"""What pages of metrics say of a server's load."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.load import ServerLoad
from gateway.wire.load_signals import COUNT_MAX, read_load

VLLM = b"""\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 7.0
vllm:num_requests_running{engine="1",model_name="m"} 2.0
vllm:num_requests_waiting{engine="0",model_name="m"} 3.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.75
vllm:time_to_first_token_seconds_bucket{le="0.001",model_name="m"} 0.0
"""


@pytest.mark.parametrize(
    ("page", "load"),
    [
        (VLLM, ServerLoad(9, 3, 0.75)),
        (VLLM.replace(b"kv_cache_usage", b"gpu_cache_usage"), ServerLoad(9, 3, 0.75)),
        (
            b'sglang:num_running_reqs{model_name="m"} 4\nsglang:num_queue_reqs{model_name="m"} 1\n'
            b'sglang:token_usage{model_name="m"} 0.5\n',
            ServerLoad(4, 1, 0.5),
        ),
        (b"llamacpp:requests_processing 2\nllamacpp:requests_deferred 5\n", ServerLoad(2, 5, None)),
        (b"llamacpp:requests_processing 2\nllamacpp:kv_cache_usage_ratio 0.1\n", ServerLoad(2, 0, 0.1)),
        (
            b"trtllm_num_requests_running 3\ntrtllm_num_requests_waiting 1\ntrtllm_kv_cache_utilization 0.9\n",
            ServerLoad(3, 1, 0.9),
        ),
        (
            b'nv_trt_llm_request_metrics{model="m",request_type="active",version="1"} 9\n'
            b'nv_trt_llm_request_metrics{model="m",request_type="scheduled",version="1"} 6\n'
            b'nv_trt_llm_request_metrics{model="m",request_type="waiting",version="1"} 3\n'
            b'nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="used",model="m"} 17\n'
            b'nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="fraction",model="m"} 0.4\n',
            ServerLoad(6, 3, 0.4),
        ),
        (b"llamacpp:requests_processing 2 1700000000000\n", ServerLoad(2, 0, None)),
        (b"vllm:num_requests_waiting 1e99\n", ServerLoad(0, COUNT_MAX, None)),
    ],
)
def test_the_load_is_found_by_whatever_name_it_has(page: bytes, load: ServerLoad) -> None:
    assert read_load(page) == load


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"<html>not found</html>",
        b"vllm:kv_cache_usage_perc 0.5\n",
        b"vllm:num_requests_running NaN\n",
        b"vllm:num_requests_running -1\n",
        b"vllm:num_requests_running +Inf\n",
        b"vllm:num_requests_running many\n",
        b"vllm:num_requests_running\n",
        b"vllm:num_requests_running{\n",
        b"# vllm:num_requests_running 4\n",
        b"process_open_fds 12\n",
    ],
)
def test_a_page_that_tells_of_no_load_is_none(page: bytes) -> None:
    assert read_load(page) is None


@given(st.binary(max_size=300) | st.lists(st.sampled_from(VLLM.splitlines()), max_size=9).map(b"\n".join))
def test_any_page_is_read_or_passed_over(page: bytes) -> None:
    load = read_load(page)
    assert load is None or (0 <= load.running <= COUNT_MAX and 0 <= load.waiting <= COUNT_MAX)
