"""No regular expression of the gateway takes more than linear time, whatever it is given."""

import importlib
import re
from collections.abc import Iterator
from math import inf
from time import process_time

import pytest

from tests.architecture.sources import sources

SIZE = 20_000
DOUBLED_TAKES_AT_MOST = 3.2
"""Linear work doubles, quadratic work quadruples."""
WORTH_MEASURING_S = 0.01
ROUNDS = 12

LEADS = ["", '"', '"model"', '"stream_options":{', '"a":', "http://"]
SEEDS = [
    '"', '\\"', "\\", "{", "[", "}", "a", "a-", "a.", "0", "0.", " ", "\t", "\n", "\r", "\r\n", ":", '":', '"a":', ",",
    "http://", "localhost:", "10.0.0.", "bearer ", "sk-", "Bearer", "(byte 1", "\\u00", "application/json ", ";", "x",
    "context ", "prompt ", "missing required field `", "[0", "é",
]  # fmt: skip


def expressions() -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes]]]:
    for source in sources("gateway"):
        if "re.compile(" in source.text:
            for name, value in vars(importlib.import_module(source.module)).items():
                if isinstance(value, re.Pattern):
                    yield f"{source.module}.{name}", value


EXPRESSIONS = dict(expressions())


def probe(expression: re.Pattern[str] | re.Pattern[bytes], text: str) -> float:
    """Return the CPU seconds of finding every match: the dearest use there is."""
    begun_s = process_time()
    if isinstance(expression.pattern, bytes):
        re.sub(expression.pattern, b"", text.encode(), flags=expression.flags)
    else:
        re.sub(expression.pattern, "", text, flags=expression.flags)
    return process_time() - begun_s


def test_every_compiled_expression_can_be_probed() -> None:
    written = sum(source.text.count("re.compile(") for source in sources("gateway"))
    assert len(EXPRESSIONS) == written, "compile expressions at the top of their module, under a name"


@pytest.mark.parametrize("name", sorted(EXPRESSIONS))
def test_no_expression_grows_faster_than_its_input(name: str) -> None:
    expression = EXPRESSIONS[name]
    for seed in SEEDS:
        for lead in LEADS:
            small, large = (lead + seed * (size // len(seed)) for size in (SIZE, 2 * SIZE))
            if probe(expression, small) < WORTH_MEASURING_S:
                continue
            once_s = twice_s = inf
            for _ in range(ROUNDS):
                # Noise only ever adds, so the best of a few is what counts.
                once_s, twice_s = min(once_s, probe(expression, small)), min(twice_s, probe(expression, large))
                if twice_s < DOUBLED_TAKES_AT_MOST * once_s:
                    break
            else:
                raise AssertionError((seed, once_s, twice_s))
