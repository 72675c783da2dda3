"""What a worker believes of prompts' beginnings, and how it fares with that."""

from gateway.adapters.metrics_shape import Kind, Metric

PREFIX_TOKENS = Metric(
    "tiergate_prefix_tokens_total",
    Kind.COUNTER,
    ("kind", "tier"),
    "Tokens of answered prompts that servers had computed before: expected by the index, and reported by the servers. "
    "Reported far below expected: servers' caches are smaller than thought, or off, or they do not tell.",
)
PREFIX_BLOCKS = Metric("tiergate_prefix_index_blocks", Kind.GAUGE, (), "Blocks of prompts in the index.")
PREFIX_BYTES = Metric("tiergate_prefix_index_bytes", Kind.GAUGE, (), "Memory that the index takes, estimated.")
PREFIX_EVICTED = Metric(
    "tiergate_prefix_evicted_blocks_total", Kind.COUNTER, (), "Blocks dropped from the index for want of memory."
)
PREFIX_UNTOLD = Metric(
    "tiergate_prefix_untold_total",
    Kind.COUNTER,
    (),
    "Requests whose blocks other workers were not told of, because there were too many.",
)
PREFIX_LAG = Metric(
    "tiergate_prefix_news_lag_seconds",
    Kind.GAUGE,
    (),
    "How old the newest blocks were when another worker's were last heard of.",
)

PREFIX_METRICS = (PREFIX_TOKENS, PREFIX_BLOCKS, PREFIX_BYTES, PREFIX_EVICTED, PREFIX_UNTOLD, PREFIX_LAG)
"""In the order in which they are exposed."""
